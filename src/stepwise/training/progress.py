"""What a long training run says: what it will cost, then one line every so often with the time to go."""

from __future__ import annotations

import sys
import time

EVERY_SECONDS = 10.0


class Progress:
    """Progress over steps and tokens, on stderr; a terminal gets one line that is rewritten."""

    def __init__(
        self, what: str, *, steps: int, tokens: int, done_steps: int = 0, done_tokens: int = 0, unit: str = "tokens"
    ) -> None:
        """`tokens` is the whole run's, counted in `unit`; what a resumed run finds done is not in its speed."""
        self.what, self.steps, self.tokens, self.unit = what, steps, tokens, unit
        self.first_tokens = self.done_tokens = done_tokens
        self.begun = self.said = time.monotonic()
        resumed = f", going on after step {done_steps}" if done_steps else ""
        self._say(f"{what}: {steps} steps, {tokens} {unit}{resumed}\n")

    def advance(self, step: int, tokens: int, **values: float) -> None:
        """Count a finished step of `tokens` tokens; `values` are shown beside it."""
        self.done_tokens += tokens
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if now - self.said < (0.5 if terminal else EVERY_SECONDS):
            return
        self.said = now
        speed = self.speed()
        left = (self.tokens - self.done_tokens) / speed
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        line = f"{self.what}: step {step}/{self.steps}, {shown}, {speed:.0f} {self.unit}/s, about {left:.0f} s to go"
        self._say(f"\r{line}\x1b[K" if terminal else line + "\n")

    def speed(self) -> float:
        """Tokens a second since the start of this process's part."""
        return (self.done_tokens - self.first_tokens) / max(time.monotonic() - self.begun, 1e-9)

    def close(self) -> None:
        """End the rewritten line."""
        if sys.stderr.isatty():
            self._say("\n")

    def _say(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
