"""The process that compares LaTeX answers with math-verify; `latex_equality` starts it and sends it pairs.

Its memory is limited, and so is the processor time of each comparison, which bounds what a tower of powers can cost.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
from types import FrameType
from typing import NoReturn

MEMORY = 4 << 30
"""Address space in bytes."""
SECONDS = 3.0
"""Processor time of one comparison."""


class OutOfTimeError(BaseException):
    """A comparison ran out of time. Not an `Exception`, so that no library can swallow it as an error of its own."""


def main() -> None:
    """Reply to each line `[gold, answer]` on standard input with a line `true` or `false`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGVTALRM, _stop)
    logging.disable()
    for line in sys.stdin:
        gold, answer = json.loads(line)
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            same = equal(gold, answer)
        except (OutOfTimeError, MemoryError, RecursionError):
            same = False
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout.write(json.dumps(same) + "\n")
        sys.stdout.flush()


def equal(gold: str, answer: str) -> bool:
    """Whether two LaTeX expressions are the same number, expression, set, interval or matrix."""
    from math_verify import LatexExtractionConfig, parse, verify

    # math-verify's own timeouts are wall-clock alarms, so a busy machine would change verdicts.
    sides = [
        parse(f"${side}$", [LatexExtractionConfig()], "no_fallback", parsing_timeout=None) for side in (gold, answer)
    ]
    return all(sides) and bool(verify(*sides, timeout_seconds=None))


def _stop(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's signature
    raise OutOfTimeError


if __name__ == "__main__":
    main()
