"""The corpus's error, apart from the files that raise it, so that later stages do not depend on how it is built."""

from __future__ import annotations

from stepwise.errors import StepwiseError


class CorpusError(StepwiseError, ValueError):
    """A corpus that cannot be read or built; the message names the file and the remedy."""
