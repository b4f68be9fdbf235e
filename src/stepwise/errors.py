"""Errors that the user can fix."""


class StepwiseError(Exception):
    """Their base class. The message names the cause and the remedy, and is printed on one line without a traceback."""
