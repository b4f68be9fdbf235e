"""What the turns of self-correcting answers are worth: which of them save an answer, and which spoil one.

With c_1 and c_k saying whether the first and the last attempt at a problem are right, and averages over all problems:

    direct       = mean(c_1 and c_k)           right at once, and still right at the end
    contribution = mean(not c_1 and c_k)       saved by self-correction; accuracy = direct + contribution
    harm         = mean(c_1 and not c_k)       spoiled by it
    frequency    = mean(k > 1)

(TriPosT, arXiv 2310.13522, section 4.3, where only their sum is computed by the released code), and the two
probabilities by which self-correction is judged whatever the first accuracy is (arXiv 2412.19513):

    right_stays_right = P(c_k | c_1)           wrong_becomes_right = P(c_k | not c_1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stepwise.evaluation.metrics import EvaluationError
from stepwise.statistics import wilson


@dataclass(frozen=True)
class Attempts:
    """Whether each attempt at a problem is right, in order."""

    correct: tuple[bool, ...]
    bin: str = "seen"

    @property
    def first(self) -> bool:
        """Whether the first attempt is right."""
        return self.correct[0]

    @property
    def last(self) -> bool:
        """Whether the answer is right."""
        return self.correct[-1]


def self_correction(problems: Sequence[Attempts]) -> dict[str, float]:
    """Flat metrics with 95 % intervals; those of a bin are shares of all problems, so that the bins add up.

    A probability whose condition no problem meets is left out. Raises EvaluationError if there are no problems.
    """
    if not problems:
        raise EvaluationError("there are no attempts to judge; run the stage that evaluates again")
    parts: dict[str, Callable[[Attempts], bool]] = {
        "direct": lambda attempts: attempts.first and attempts.last,
        "contribution": lambda attempts: not attempts.first and attempts.last,
        "harm": lambda attempts: attempts.first and not attempts.last,
        "frequency": lambda attempts: len(attempts.correct) > 1,
    }
    metrics: dict[str, float] = {}
    for name, holds in parts.items():
        metrics |= _share(name, [holds(attempts) for attempts in problems])
        for group in sorted({attempts.bin for attempts in problems}):
            count = sum(holds(attempts) for attempts in problems if attempts.bin == group)
            metrics[f"{name}_{group}"] = count / len(problems)
    right = [attempts.last for attempts in problems if attempts.first]
    wrong = [attempts.last for attempts in problems if not attempts.first]
    metrics |= _share("right_stays_right", right) if right else {}
    metrics |= _share("wrong_becomes_right", wrong) if wrong else {}
    metrics["turns"] = sum(len(attempts.correct) for attempts in problems) / len(problems)
    return metrics


def _share(name: str, flags: Sequence[bool]) -> dict[str, float]:
    interval = wilson(sum(flags), len(flags))
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
