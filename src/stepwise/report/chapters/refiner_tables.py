"""The tables of REFINER's chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from stepwise.report import pairs
from stepwise.report.charts import Bar, bars
from stepwise.report.grid import Grid
from stepwise.report.pairs import Pair

CHAPTER = "REFINER"
HEAD = (
    "method", "z exact [95 %]", "z equivalent", "y [95 %]", "BLEU", "z wrong to right", "z right to wrong", "revises",
    "critic right [95 %]",
)  # fmt: skip
NOTE = (
    "In percent of the test problems: intermediate steps z and answers y. Where no critic comments, the first attempt "
    "is the answer."
)
WORDS = (
    ("z exact", "the steps are the gold's, up to blanks and the order of what may be swapped"),
    ("z equivalent", "the steps say the same as the gold's, as algebraically equal formulas do"),
    ("BLEU", "of the solutions' texts against the gold ones, as in the released code"),
    ("z wrong to right", "problems whose first attempt has a wrong z and whose answer has the gold's"),
    ("z right to wrong", "problems whose first attempt has the gold's z and whose answer has not"),
    ("revises", "problems with at least one revision"),
    ("critic right", "feedback that names exactly the faults that there are, of the generator's own attempts"),
    ("refiner_warm_start", "fine-tuned on a share of the gold solutions; every generator starts from it"),
    ("refiner_continued", "the warm start fine-tuned on all gold solutions, with the steps and tokens of refiner"),
    ("refiner_ppo", "the warm start trained by reinforcement on how much solutions resemble the gold"),
    ("refiner", "the generator with the trained critic"),
    ("refiner_no_critic", "the same generator's first attempts"),
    ("refiner_few_shot...", "a language model that reads examples instead of being trained, alone or with the critic"),
    (
        "..._oracle",
        "the comparison with the gold writes the feedback: an upper bound that nobody has who needs an answer",
    ),
)
"""What columns and methods are, for the page."""
DIFFERENCES = (
    "Paired differences on the same problems, in percentage points. Those of an oracle use the gold: they say how much "
    "better feedback could be, and not what a method gains."
)
PART_HEAD = ("of", *pairs.HEAD)
REMAINING = (
    "Faults that the oracle finds in the answers, in percent of the test problems. After the slash: those that the "
    "trained critic finds, which may be wrong, but knows no gold solution."
)
CRITICS = (
    "In percent of the cases whose faults the critic names exactly: solutions of known kinds of error that it has not "
    "learned from, of training and of test problems, and the warm start's own attempts at dev problems. A class leaves "
    "out positions and hints; the majority is the share of the class that is most frequent in training."
)
CRITIC_PARTS = {"held_out": "held out", "test": "test", "own": "own attempts"}
CRITIC_HEAD = ("task", "model", "cases", "right", "class right", "majority", "right by kind of error")

grid = partial(Grid, CHAPTER)
"""A table of this chapter."""


@dataclass(frozen=True)
class Results:
    """A run on a task with a base model. Numbers are those of the files in metrics/, by the name of the method."""

    task: str
    model: str
    evaluations: Mapping[str, Mapping[str, float]]
    """In the order of the table."""
    critic: Mapping[str, float]
    differences: Mapping[str, Sequence[Pair]]
    """By what is compared: y or z."""
    example: str = ""
    """A refinement, as text."""

    @property
    def title(self) -> str:
        """Task and model."""
        return f"{self.task}, {self.model}"


def evaluations(results: Results) -> Grid:
    """A row for each method: z, y, and what revisions change."""
    rows = [
        [
            method,
            _interval(numbers, "z_exact"),
            _percent(numbers, "z_equivalent"),
            _interval(numbers, "accuracy"),
            _percent(numbers, "bleu"),
            _percent(numbers, "z_contribution"),
            _percent(numbers, "z_harm"),
            _percent(numbers, "frequency"),
            _interval(numbers, "feedback_accuracy"),
        ]
        for method, numbers in results.evaluations.items()
    ]
    return grid(results.title, HEAD, rows, NOTE)


def differences(every: Sequence[Results]) -> Grid:
    """Paired differences in z and y."""
    rows = [
        [part, *pairs.cells(pair)]
        for results in every
        for part, compared in results.differences.items()
        for pair in compared
    ]
    return grid("what refinement gains", PART_HEAD, rows, DIFFERENCES, texts=1 + pairs.TEXTS)


def remaining(results: Results) -> Grid:
    """Faults in the answers by kind."""
    kinds = dict.fromkeys(
        name.removeprefix("fault_")
        for numbers in results.evaluations.values()
        for name in numbers
        if name.startswith("fault_")
    )
    rows = [
        [method, *(_both(numbers, f"fault_{kind}") for kind in kinds)]
        for method, numbers in results.evaluations.items()
    ]
    head = ("method", *(kind.replace("_", " ") for kind in kinds))
    return grid(f"faults that remain, {results.title}", head, rows if kinds else [], REMAINING)


def critics(every: Sequence[Results]) -> Grid:
    """How often each critic is right: on all cases, and by kind."""
    rows = [
        [
            results.task,
            results.model,
            part,
            _percent(results.critic, f"{name}_accuracy"),
            _percent(results.critic, f"{name}_class_accuracy"),
            _percent(results.critic, f"{name}_class_majority"),
            ", ".join(
                f"{key.removeprefix(f'{name}_accuracy_').replace('_', ' ')} {100 * value:.1f}"
                for key, value in results.critic.items()
                if key.startswith(f"{name}_accuracy_")
            ),
        ]
        for results in every
        for name, part in CRITIC_PARTS.items()
        if f"{name}_accuracy" in results.critic
    ]
    return grid("the critics", CRITIC_HEAD, rows, CRITICS, texts=3)


def chart(results: Results) -> str:
    """Z exact of each method, with its interval."""
    marks = [
        Bar(method, numbers["z_exact"], numbers["z_exact_low"], numbers["z_exact_high"])
        for method, numbers in results.evaluations.items()
        if "z_exact" in numbers
    ]
    return bars(f"{results.title}: z exact", marks) if marks else ""


def _percent(numbers: Mapping[str, float], name: str) -> str:
    return f"{100 * numbers[name]:.1f}" if name in numbers else "-"


def _both(numbers: Mapping[str, float], name: str) -> str:
    """The oracle's share, and the critic's where it is known."""
    shares = [_percent(numbers, name), *([_percent(numbers, f"critic_{name}")] if f"critic_{name}" in numbers else [])]
    return " / ".join(shares)


def _interval(numbers: Mapping[str, float], name: str) -> str:
    if f"{name}_low" not in numbers:
        return _percent(numbers, name)
    return f"{_percent(numbers, name)} [{_percent(numbers, f'{name}_low')}, {_percent(numbers, f'{name}_high')}]"
