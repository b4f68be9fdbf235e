"""The tables and charts of TriPosT's chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from stepwise.report import pairs
from stepwise.report.charts import Stack, stacks
from stepwise.report.grid import Grid
from stepwise.report.pairs import Pair

CHAPTER = "TriPosT"
BINS = ("seen", "unseen")
HEAD = (
    "method", "accuracy [95 %]", "seen", "unseen", "contribution [95 %]", "harm", "revises", "right stays",
    "wrong to right",
)  # fmt: skip
NOTE = "In percent of the test problems. Accuracy is what was right at once and stayed right, plus the contribution."
WORDS = (
    ("contribution", "answers that were wrong at first and that the model put right"),
    ("harm", "answers that were right at first and that the model spoiled"),
    ("revises", "answers with at least one update"),
    ("right stays", "of the right first attempts, those whose answer is right"),
    ("wrong to right", "of the wrong first attempts, those whose answer is right"),
    ("warm_up", "fine-tuned on gold solutions; rounds and baselines start from it"),
    ("continued", "fine-tuned on the gold solutions again, with the steps, tokens and schedule of the rounds"),
    ("lmsi", "in the same way, on its own right samples"),
    ("demonstrations", "in the same way, on corrected mistakes that are not its own"),
    ("answer_only", "fine-tuned from the base model to answer without reasoning"),
    ("few_shot", "not trained: an answer after solved problems in the prompt"),
    ("self_improve", "not trained for it: verdicts and updates after examples in the prompt"),
    ("..._oracle", "the gold answer decides when to stop: an upper bound, not a result to compare with"),
)
"""What columns and methods are, for the page."""
DIFFERENCES = "The last round against what it has to beat, on the same problems, in percentage points."
OUTCOMES = ("unchanged", "cut", "edited", "extended", "stuck")
TRAJECTORIES = (
    "Trajectories that a round's start model wrote about training problems; copies are edited once. Unchanged: nothing "
    "was wrong. Cut: ends at the first right attempt. Edited: a wrong feedback was replaced and the attempt improved. "
    "Extended: all feedback was right, and the last attempt was improved. Stuck: ends at the first correct feedback."
)
REJECTED = "rejected_"
REJECTIONS = "Trajectories that could not be corrected, by reason; nothing is learned from them."
COUNTS = {"rows_improvement": "improvement", "rows_other": "other", "rows_gold": "gold", "steps": "steps"}
TRAINING = (
    "Rows that were learned from: an attempt with feedback and an update, an attempt with its last feedback, or a gold "
    "solution. A baseline takes the steps and tokens of all rounds; answer_only takes the epochs of the warm-up. Best "
    "dev: accuracy on dev of the state that was kept, in percent."
)

grid = partial(Grid, CHAPTER)
"""A table of this chapter."""


@dataclass(frozen=True)
class Results:
    """A run on a task with a base model. Numbers are those of the files in metrics/, by the name of the method."""

    task: str
    model: str
    evaluations: Mapping[str, Mapping[str, float]]
    """In the order of the table."""
    start: str
    rounds: Sequence[str]
    last: str
    """The last round that was evaluated; empty if none was."""
    edits: Mapping[str, Mapping[str, float]]
    trained: Mapping[str, Mapping[str, float]]
    pairs: Sequence[Pair]
    """The last round's differences."""
    example: str = ""
    """A trajectory of the last round's evaluation, as text."""

    @property
    def title(self) -> str:
        """Task and model."""
        return f"{self.task}, {self.model}"


def evaluations(results: Results) -> Grid:
    """A row for each method: accuracy and what self-improvement does to it."""
    rows = [
        [
            method,
            _interval(numbers, "accuracy"),
            *(_percent(numbers, f"accuracy_{group}") for group in BINS),
            _interval(numbers, "contribution"),
            *(_percent(numbers, name) for name in ("harm", "frequency", "right_stays_right", "wrong_becomes_right")),
        ]
        for method, numbers in results.evaluations.items()
    ]
    return grid(results.title, HEAD, rows, NOTE)


def differences(every: Sequence[Results]) -> Grid:
    """The last rounds' paired differences."""
    rows = [pairs.cells(pair) for results in every for pair in results.pairs]
    return grid("what the last round gains", pairs.HEAD, rows, DIFFERENCES, texts=pairs.TEXTS)


def trajectories(every: Sequence[Results]) -> Grid:
    """What became of each round's trajectories."""
    rows = [
        [
            results.task,
            results.model,
            name,
            _count(numbers, "sampled"),
            *(_count(numbers, outcome) for outcome in OUTCOMES),
            f"{sum(_reasons(numbers).values()):.0f}",
        ]
        for results in every
        for name, numbers in results.edits.items()
    ]
    head = ("task", "model", "round", "sampled", *OUTCOMES, "rejected")
    return grid("what became of the trajectories", head, rows, TRAJECTORIES, texts=3)


def rejections(every: Sequence[Results]) -> Grid:
    """Why trajectories were rejected; reasons that never occur are left out."""
    edits = [(results, name, _reasons(numbers)) for results in every for name, numbers in results.edits.items()]
    reasons = dict.fromkeys(reason for _, _, counted in edits for reason, count in counted.items() if count)
    rows = [
        [results.task, results.model, name, *(f"{counted.get(reason, 0):.0f}" for reason in reasons)]
        for results, name, counted in edits
    ]
    head = ("task", "model", "round", *(reason.replace("_", " ") for reason in reasons))
    return grid("why trajectories were rejected", head, rows if reasons else [], REJECTIONS, texts=3)


def training(every: Sequence[Results]) -> Grid:
    """Rows, steps and tokens of each round and baseline."""
    rows = [
        [
            results.task,
            results.model,
            name,
            _count(numbers, "rows" if "rows" in numbers else "examples"),
            *(_count(numbers, key) for key in COUNTS),
            _count(numbers, "tokens"),
            _percent(numbers, "best_dev_score"),
        ]
        for results in every
        for name, numbers in results.trained.items()
    ]
    head = ("task", "model", "method", "rows", *COUNTS.values(), "tokens", "best dev")
    return grid("what was trained on", head, rows, TRAINING, texts=3)


def chart(results: Results) -> str:
    """Accuracy before the first round and after each, split into direct and contribution, for each bin."""
    marks = [
        Stack(f"{method}: {group}", *shares(results.evaluations[method], group))
        for group in BINS
        for method in (results.start, *results.rounds)
        if f"accuracy_{group}" in results.evaluations.get(method, {})
    ]
    title = f"{results.title}: accuracy by round"
    return stacks(title, marks, ("right at once", "contribution")) if marks else ""


def shares(numbers: Mapping[str, float], group: str) -> tuple[float, float]:
    """A bin's accuracy in two parts: direct and contribution, as shares of the problems in that bin.

    The metrics of a bin's parts are shares of all problems. A model that cannot revise has its whole accuracy at once.
    """
    accuracy = numbers[f"accuracy_{group}"]
    direct, contribution = numbers.get(f"direct_{group}", 0.0), numbers.get(f"contribution_{group}", 0.0)
    gained = accuracy * contribution / (direct + contribution) if contribution else 0.0
    return accuracy - gained, gained


def _reasons(numbers: Mapping[str, float]) -> dict[str, float]:
    return {key.removeprefix(REJECTED): count for key, count in numbers.items() if key.startswith(REJECTED)}


def _count(numbers: Mapping[str, float], name: str) -> str:
    return f"{numbers[name]:.0f}" if name in numbers else "-"


def _percent(numbers: Mapping[str, float], name: str) -> str:
    return f"{100 * numbers[name]:.1f}" if name in numbers else "-"


def _interval(numbers: Mapping[str, float], name: str) -> str:
    if f"{name}_low" not in numbers:
        return _percent(numbers, name)
    return f"{_percent(numbers, name)} [{_percent(numbers, f'{name}_low')}, {_percent(numbers, f'{name}_high')}]"
