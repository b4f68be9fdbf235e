"""What a round trains on: edited trajectories cut into rows, balanced and weighted (arXiv 2310.13522).

The idea: every update of a trajectory a_1, f_1, a_2, ..., a_n, f_n becomes a row of its own, and so does its end. Gold
solutions are mixed in, so that the model does not forget how to answer at once:

    improvement  x_SI = Q a_k f_k a_{k+1}        for k < n
    other        x_T  = Q a_n f_n                f_n is positive, or the first correct feedback where editing got stuck
    gold              = Q a f                    a the reference solution, f positive

in the proportion improvement : other : gold = r : 1 : 1. The paper's r is 1.5, which makes 0.43 of the rows
improvements. In rows from a trajectory with criticism, everything from the feedback on has the weight w = 1.5:

    loss = sum_t w_t CE_t / sum_t w_t        over the tokens of all rows of a step

The spans carry the weights; `training/loss.py` sums up, and `training/sft_loop.py` divides by the step's sum of
weights, so that w shifts what is learned and not how fast. A row ends with EOS. So the model stops after an update, and
is then asked for feedback on that update alone.

Where the released code differs: it divides by the number of tokens (with padding) instead of the sum of weights, so
that w also raises the learning rate; it has no EOS; it finds the feedback by token ids; it drops duplicate trajectories
but not duplicate rows; and it balances every pass of a round on its own. As there, the tokens of the question and of
wrong attempts are learned; `answer_only` masks the question. Rows of earlier rounds are
an addition: there, each round learns from its own alone.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.transcript import is_positive, pieces, read_lead_in
from stepwise.records import Example, Problem, Prompt, Span, Trajectory, Turn

Kind = Literal["improvement", "other", "gold"]


@dataclass(frozen=True)
class Weighting:
    """The weights of a row's sections."""

    feedback: float = 1.5
    """Weight from the feedback on, in rows from a trajectory with criticism."""
    answer_only: bool = False
    """No loss on the question."""


@dataclass(frozen=True)
class Row:
    """A training text and where it comes from."""

    kind: Kind
    example: Example

    @property
    def text(self) -> str:
        """What a row is compared by: two rows with the same text are the same, whatever their weights."""
        return "".join(span.text for span in self.example.spans)


@dataclass(frozen=True)
class Mix:
    """The rows of a round in random order, and flat metrics that count them."""

    rows: tuple[Row, ...]
    metrics: dict[str, float]


def cut_rows(trajectory: Trajectory, prompt: Prompt, weighting: Weighting) -> list[Row]:
    """An edited trajectory as improvement rows and one other row; its last turn has feedback."""
    turns = trajectory.turns
    criticised = any(turn.feedback is not None and not is_positive(turn.feedback) for turn in turns)
    weight = weighting.feedback if criticised else 1.0
    cuts: list[tuple[Kind, tuple[Turn, ...]]] = [
        ("improvement", (turn, Turn(solution=update.solution))) for turn, update in pairwise(turns)
    ]
    cuts.append(("other", turns[-1:]))
    return [
        _row(kind, Trajectory(problem_id=trajectory.problem_id, turns=cut), prompt, weight, weighting)
        for kind, cut in cuts
    ]


def gold_row(problem: Problem, prompt: Prompt, weighting: Weighting) -> Row:
    """The reference solution with the positive feedback; every token has weight 1."""
    if problem.reference is None:
        raise ValueError(f"{problem.id} has no reference solution to learn from")
    turn = Turn(solution=problem.reference, feedback=CORRECT)
    return _row("gold", Trajectory(problem_id=problem.id, turns=(turn,)), prompt, 1.0, weighting)


def mix(
    current: Sequence[Row], gold: Sequence[Row], *, ratio: float, seed: int | str, earlier: Sequence[Row] = ()
) -> Mix:
    """Balance a round: all improvement rows, n / ratio of the others at random, and as many gold ones as others.

    With a ratio of 0 or less all other rows stay. A row with the text of one before it counts once, where `earlier`
    rows, those of previous rounds, come after the current ones and gold rows after the chosen others. If there are too
    few rows of a kind, all are taken and the proportion is missed; an improver that writes reference solutions makes
    this likely, because its trajectories then end in gold rows.
    """
    generator = random.Random(f"{seed}-mix")
    pool = distinct([*current, *earlier])
    improvement, other = ([row for row in pool if row.kind == kind] for kind in ("improvement", "other"))
    chosen = other
    if ratio > 0:
        chosen = _sample(other, math.ceil(len(improvement) / ratio), generator)
    written = {row.text for row in (*improvement, *chosen)}
    new_gold = [row for row in distinct(gold) if row.text not in written]
    mixed = [*improvement, *chosen, *_sample(new_gold, len(chosen), generator)]
    generator.shuffle(mixed)
    counts = Counter(row.kind for row in mixed)
    known = {row.text for row in current}
    metrics = {f"rows_{kind}": float(counts[kind]) for kind in get_args(Kind)}
    metrics["rows"] = float(len(mixed))
    metrics["improvement_share"] = counts["improvement"] / len(mixed) if mixed else 0.0
    metrics["rows_replayed"] = float(sum(row.kind != "gold" and row.text not in known for row in mixed))
    metrics["duplicates"] = float(len(current) + len(earlier) - len(pool))
    metrics["others_left_out"] = float(len(other) - len(chosen))
    return Mix(tuple(mixed), metrics)


def distinct(rows: Iterable[Row]) -> list[Row]:
    """The first row of every text, in order."""
    by_text: dict[str, Row] = {}
    for row in rows:
        by_text.setdefault(row.text, row)
    return list(by_text.values())


def _row(kind: Kind, cut: Trajectory, prompt: Prompt, weight: float, weighting: Weighting) -> Row:
    """The prompt, the attempt, and from the feedback on the weighted rest; spans as generation has its pieces."""
    attempt, *rest = pieces(cut, read_lead_in(prompt))
    spans = (
        *(Span(text=piece, weight=0.0 if weighting.answer_only else 1.0) for piece in prompt),
        Span(text=attempt),
        *(Span(text=piece, weight=weight) for piece in rest),
    )
    return Row(kind, Example(id=f"{cut.problem_id}-{kind}", spans=spans))


def _sample(rows: Sequence[Row], count: int, generator: random.Random) -> list[Row]:
    return generator.sample(rows, min(count, len(rows)))
