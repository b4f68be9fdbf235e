"""One line every so often on a long pass: how much is done, how fast, how long to go."""

from __future__ import annotations

import sys
import threading
import time

EVERY_SECONDS = 15.0


class Progress:
    """Counts finished items and their tokens, from any thread. Passes shorter than EVERY_SECONDS say nothing."""

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = total
        self.known = 0
        self.made = 0
        self.tokens = 0
        self.begun = self.said = time.monotonic()
        self.lock = threading.Lock()

    def skip(self, finished: int) -> None:
        """Count items that were done before; they say nothing of the speed."""
        self.known += finished

    def add(self, finished: int, tokens: int) -> None:
        """Count items that became done, and tokens that were made since the last call."""
        with self.lock:
            self.made += finished
            self.tokens += tokens
            now = time.monotonic()
            if now - self.said >= EVERY_SECONDS and self.known + self.made < self.total:
                self.said = now
                sys.stderr.write(self.line(now - self.begun) + "\n")

    def line(self, seconds: float) -> str:
        """What is said after `seconds` of work."""
        done = self.known + self.made
        rate = f"{self.what}: {done}/{self.total}, {self.tokens / seconds:.0f} tokens/s"
        return f"{rate}, about {seconds / self.made * (self.total - done):.0f} s to go" if self.made else rate
