"""Running model-written programs: the restricted evaluator takes what it covers, all else runs isolated or not at all.

A program defines `solution()`; its outcome is what that returns. This process's interpreter never executes any of it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from stepwise.tasks.sandbox.interpreter import Declined, Failed, evaluate
from stepwise.tasks.sandbox.isolation import NotIsolatedError, run_isolated

Value: TypeAlias = float | int | str | None


@dataclass(frozen=True)
class Outcome:
    """What a program returned, or why it returned nothing."""

    value: Value
    """A finite number, a text, or None where there is an error."""
    isolation: str
    """What ran it: `evaluator`, `bwrap`, `unshare`, `unsafe` or `refused`."""
    error: str | None = None


def run_programs(sources: Sequence[str], *, timeout: float = 2.0) -> list[Outcome]:
    """Outcomes of programs, in order; equal programs are run once. Never raises on what a program does.

    `timeout` is the processor time in seconds that each program has which has to run isolated (and five times as long
    by the clock), so that outcomes do not depend on how busy the machine is.
    """
    keys = [hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest() for source in sources]
    outcomes: dict[bytes, Outcome] = {}
    declined: dict[bytes, str] = {}
    for key, source in zip(keys, sources, strict=True):
        if key in outcomes or key in declined:
            continue
        try:
            outcomes[key] = Outcome(evaluate(source), "evaluator")
        except Failed as error:
            outcomes[key] = Outcome(None, "evaluator", str(error))
        except Declined:
            declined[key] = source
    if declined:
        outcomes.update(zip(declined, _isolated(list(declined.values()), timeout), strict=True))
    return [outcomes[key] for key in keys]


def _isolated(sources: list[str], timeout: float) -> list[Outcome]:
    """Outcomes of the isolated pool; where none can be had, every program is refused with the reason."""
    try:
        isolation, answers = run_isolated(sources, timeout)
    except NotIsolatedError as error:
        return [Outcome(None, "refused", str(error))] * len(sources)
    return [_outcome(answer, isolation) for answer in answers]


def _outcome(answer: dict[str, object], isolation: str) -> Outcome:
    """A worker's answer, checked once more on this side."""
    value = answer.get("value")
    if isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value)):
        return Outcome(value, isolation)
    return Outcome(None, isolation, str(answer.get("error", "no outcome")))
