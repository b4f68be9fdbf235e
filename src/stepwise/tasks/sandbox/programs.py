"""Runs model-written programs: in the restricted interpreter if it can, else in isolation, else not at all.

A program defines `solution()`, whose return value is the outcome. This process's Python never executes any of it.
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

INTERPRETER = "evaluator"
"""What predictions store as the isolation of a program that the restricted interpreter ran."""


@dataclass(frozen=True)
class Outcome:
    """What a program returned, or why it returned nothing."""

    value: Value
    """A finite number, a string, or None if there is an error."""
    isolation: str
    """What ran it: INTERPRETER, `bwrap`, `unshare`, `unsafe` or `refused`."""
    error: str | None = None


def run_programs(sources: Sequence[str], *, timeout: float = 2.0) -> list[Outcome]:
    """Outcomes of programs, in order; equal programs run once. Never raises, whatever a program does.

    `timeout` limits each isolated program in seconds of processor time (five times as much in wall-clock time), so that
    outcomes do not depend on how busy the machine is.
    """
    keys = [hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest() for source in sources]
    outcomes: dict[bytes, Outcome] = {}
    declined: dict[bytes, str] = {}
    for key, source in zip(keys, sources, strict=True):
        if key in outcomes or key in declined:
            continue
        try:
            outcomes[key] = Outcome(evaluate(source), INTERPRETER)
        except Failed as error:
            outcomes[key] = Outcome(None, INTERPRETER, str(error))
        except Declined:
            declined[key] = source
    if declined:
        outcomes.update(zip(declined, _isolated(list(declined.values()), timeout), strict=True))
    return [outcomes[key] for key in keys]


def _isolated(sources: list[str], timeout: float) -> list[Outcome]:
    """Outcomes from the isolated pool; without isolation, every program is refused with the reason."""
    try:
        isolation, replies = run_isolated(sources, timeout)
    except NotIsolatedError as error:
        return [Outcome(None, "refused", str(error))] * len(sources)
    return [_outcome(reply, isolation) for reply in replies]


def _outcome(reply: dict[str, object], isolation: str) -> Outcome:
    """A worker's reply, validated again on this side."""
    value = reply.get("value")
    if isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value)):
        return Outcome(value, isolation)
    return Outcome(None, isolation, str(reply.get("error", "no outcome")))
