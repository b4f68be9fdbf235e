"""Progress of long work on stderr: one line every so often, rewritten in place on a terminal.

generating: 60/100, 80 tokens/s, about 10 s to go
training: step 39/125, loss 0.3096, 3116 tokens/s, about 68 s to go
"""

from __future__ import annotations

import sys
import threading
import time

EVERY_SECONDS, ON_A_TERMINAL = 10.0, 0.5
"""Seconds between two lines; work that takes less reports nothing."""


class Progress:
    """Counts finished items and their tokens, from any thread. What was done before does not count as speed."""

    def __init__(
        self,
        what: str,
        total: int,
        *,
        tokens: int | None = None,
        unit: str = "tokens",
        done: int = 0,
        done_tokens: int = 0,
    ) -> None:
        """Without `tokens` the time left follows from the items.

        Args:
            what: the first word of every line.
            total: number of items.
            tokens: size of all items together, for a run of steps whose sizes are known: its size is reported at
                once, and the time left follows from it.
            unit: what `tokens` are, if they are something else.
            done: items that were finished before.
            done_tokens: their size.
        """
        self.what, self.total, self.all_tokens, self.unit = what, total, tokens, unit
        self.done = self.done_before = done
        self.tokens = self.tokens_before = done_tokens
        self.started = self.reported = time.monotonic()
        self.rewritten = False
        self.lock = threading.Lock()
        if tokens is not None:
            resumed = f", resuming after step {done}" if done else ""
            _write(f"{what}: {total} steps, {tokens} {unit}{resumed}\n")

    def skip(self, items: int) -> None:
        """Count items that were finished before."""
        self.done += items
        self.done_before += items

    def add(self, items: int, tokens: int, **values: float) -> None:
        """Count finished items, and tokens since the last call; a line shows the values, too."""
        with self.lock:
            self.done += items
            self.tokens += tokens
            if self.done >= self.total:
                self.close()
                return
            now = time.monotonic()
            terminal = sys.stderr.isatty()
            if now - self.reported < (ON_A_TERMINAL if terminal else EVERY_SECONDS):
                return
            self.reported = now
            line = self.line(now - self.started, values)
            self.rewritten |= terminal
            _write(f"\r{line}\x1b[K" if terminal else line + "\n")

    def line(self, seconds: float, values: dict[str, float] | None = None) -> str:
        """The line after `seconds` of work."""
        speed = (self.tokens - self.tokens_before) / seconds
        parts = [f"{self.what}: {'' if self.all_tokens is None else 'step '}{self.done}/{self.total}"]
        parts += [f"{name} {value:.4g}" for name, value in (values or {}).items()]
        parts.append(f"{speed:.0f} {self.unit}/s")
        if self.all_tokens is not None and speed:
            parts.append(f"about {(self.all_tokens - self.tokens) / speed:.0f} s to go")
        elif self.all_tokens is None and self.done > self.done_before:
            left = seconds / (self.done - self.done_before) * (self.total - self.done)
            parts.append(f"about {left:.0f} s to go")
        return ", ".join(parts)

    def speed(self) -> float:
        """Tokens per second so far."""
        return (self.tokens - self.tokens_before) / max(time.monotonic() - self.started, 1e-9)

    def close(self) -> None:
        """End a line that was rewritten in place."""
        if self.rewritten:
            self.rewritten = False
            _write("\n")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
