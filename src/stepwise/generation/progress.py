"""One line every so often on a long pass: how much is done, how fast, how long to go."""

from __future__ import annotations

import sys
import time
from typing import Any

EVERY_SECONDS = 15.0


class Progress:
    """Counts finished completions. Passes shorter than EVERY_SECONDS say nothing."""

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self.made = 0
        self.tokens = 0
        self.begun = self.said = time.monotonic()

    def advance(self, results: list[Any], *, reused: bool = False) -> None:
        """Count one batch's results (packed completions, or lists of log-probabilities)."""
        self.done += len(results)
        if not reused:
            self.made += len(results)
            self.tokens += sum(len(one["token_ids"]) if isinstance(one, dict) else len(one) for one in results)
        now = time.monotonic()
        if now - self.said >= EVERY_SECONDS and self.made:
            self.said = now
            sys.stderr.write(self.line(now - self.begun) + "\n")

    def line(self, seconds: float) -> str:
        """What is said after `seconds` of work."""
        left = seconds / self.made * (self.total - self.done)
        rate = self.tokens / seconds
        return f"{self.what}: {self.done}/{self.total}, {rate:.0f} tokens/s, about {left:.0f} s to go"
