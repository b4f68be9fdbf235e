"""The process that compares LaTeX answers with math-verify; `latex_equality` starts it and asks it.

It has a limit of memory and, for each comparison, of processor time: an answer such as a tower of powers costs no more.
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
"""Bytes of address space."""
SECONDS = 3.0
"""Processor time of one comparison."""


class OutOfTimeError(BaseException):
    """A comparison has used its time; no `Exception`, so that no library takes it for a failed attempt of its own."""


def main() -> None:
    """Answer each line `[gold, said]` of the standard input with a line `true` or `false`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGVTALRM, _stop)
    logging.disable()
    for line in sys.stdin:
        gold, said = json.loads(line)
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            same = equal(gold, said)
        except (OutOfTimeError, MemoryError, RecursionError):
            same = False
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout.write(json.dumps(same) + "\n")
        sys.stdout.flush()


def equal(gold: str, said: str) -> bool:
    """Whether two LaTeX expressions are the same number, expression, set, interval or matrix."""
    from math_verify import LatexExtractionConfig, parse, verify

    # Its own time limits are alarms by the clock, on which a busy machine would change verdicts.
    sides = [parse(f"${one}$", [LatexExtractionConfig()], "no_fallback", parsing_timeout=None) for one in (gold, said)]
    return all(sides) and bool(verify(*sides, timeout_seconds=None))


def _stop(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    raise OutOfTimeError


if __name__ == "__main__":
    main()
