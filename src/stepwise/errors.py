"""Errors that are the user's to mend."""


class StepwiseError(Exception):
    """Base of them: the message names the thing and the remedy, and is printed in one line without a traceback."""
