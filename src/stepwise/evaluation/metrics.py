"""The numbers that sum up a model's answers: accuracies with their intervals, votes, paired comparisons."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from stepwise.errors import StepwiseError
from stepwise.records import Prediction
from stepwise.statistics import Comparison, compare_paired, maj_at_k, pass_at_k, wilson
from stepwise.tasks.answers.numbers import plain_number

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""Numbers nearer than this are one answer in a vote."""


class EvaluationError(StepwiseError, ValueError):
    """Evaluations that cannot be summed up or compared; the message names the cause and the remedy."""


def summarise(
    greedy: Sequence[Prediction], samples: Sequence[Prediction] = (), ks: Iterable[int] = ()
) -> dict[str, float]:
    """The flat metrics of an evaluation: accuracies with interval and by bin, maj@k and pass@k, lengths.

    `accuracy` is by the robust extraction, `strict_accuracy` by the paper's; `disagreement` is the share judged
    differently by the two. A k above the number of samples is left out. Raises EvaluationError without predictions.
    """
    one_each(greedy)
    metrics = {"problems": float(len(greedy)), **_interval("accuracy", greedy)}
    for name, members in _groups(greedy, lambda one: one.bin).items():
        metrics[f"accuracy_{name}"] = _share(one.verdict.correct for one in members)
        metrics[f"problems_{name}"] = float(len(members))
    metrics["strict_accuracy"] = _share(one.verdict.strict_correct for one in greedy)
    metrics["disagreement"] = _share(one.verdict.strict_correct != one.verdict.correct for one in greedy)
    metrics["tokens"] = sum(one.tokens for one in greedy) / len(greedy)
    for reason in ("eos", "stop", "length"):
        metrics[f"finish_{reason}"] = _share(one.finish_reason == reason for one in greedy)
    return metrics | at_k(samples, ks)


def accuracy(predictions: Sequence[Prediction]) -> float:
    """Share of right predictions by the robust extraction. Raises EvaluationError without predictions."""
    return _share(one_each(predictions).values())


def at_k(samples: Sequence[Prediction], ks: Iterable[int]) -> dict[str, float]:
    """Mean maj@k and pass@k over problems, unbiased over each problem's samples, for each k that all reach."""
    groups = list(_groups(samples, lambda one: one.problem_id).values())
    most = min(map(len, groups), default=0)
    metrics: dict[str, float] = {}
    for k in sorted({k for k in ks if 1 <= k <= most}):
        correct = [[one.verdict.correct for one in group] for group in groups]
        classes = [cluster([one.verdict.answer for one in group]) for group in groups]
        votes = [maj_at_k(names, flags, k) for names, flags in zip(classes, correct, strict=True)]
        metrics[f"maj@{k}"] = sum(votes) / len(groups)
        metrics[f"pass@{k}"] = sum(pass_at_k(len(flags), sum(flags), k) for flags in correct) / len(groups)
    return metrics


def cluster(answers: Sequence[str | None]) -> list[int | None]:
    """Class numbers of answers: numbers within tolerance of a class's smallest join it, other text must be equal."""
    numbers = {
        text: value
        for text in set(answers)
        if text is not None and (value := plain_number(text.replace(",", ""))) is not None
    }
    classes: dict[str, int] = {}
    start = float("-inf")
    current = -1
    for text, value in sorted(numbers.items(), key=lambda item: (item[1], item[0])):
        if current < 0 or value - start > ABSOLUTE + RELATIVE * abs(start):
            current, start = current + 1, value
        classes[text] = current
    for word in answers:
        if word is not None and word not in classes:
            classes[word] = len(classes) + len(numbers)
    return [None if text is None else classes[text] for text in answers]


def by_cell(greedy: Sequence[Prediction]) -> list[dict[str, str | float]]:
    """Accuracy with its interval by bin and by the difficulty inside it, as rows of a plot.

    A whole bin's row has the bin's name as its difficulty and comes first; difficulties follow by the numbers in them.
    """
    rows: list[dict[str, str | float]] = []
    cells = {(one.bin, difficulty) for one in greedy for difficulty in (one.bin, one.difficulty) if difficulty}
    for name, difficulty in sorted(cells, key=lambda cell: (cell[0], cell[1] != cell[0], _by_numbers(cell[1]))):
        members = [one for one in greedy if one.bin == name and difficulty in (one.bin, one.difficulty)]
        numbers = _interval("accuracy", members)
        rows.append({"bin": name, "difficulty": difficulty, "problems": float(len(members)), **numbers})
    return rows


def _by_numbers(text: str) -> list[tuple[int, str]]:
    """Sorts "8-10" before "11-15", as a person would."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def compare(first: Sequence[Prediction], second: Sequence[Prediction], *, seed: int = 0) -> Comparison:
    """Paired comparison of two evaluations by the robust verdict; positive means that the second is better.

    Raises EvaluationError when they did not answer the same problems once each.
    """
    left, right = one_each(first), one_each(second)
    if left.keys() != right.keys():
        raise EvaluationError(
            f"the evaluations share {len(left.keys() & right.keys())} problems of {len(left)} and {len(right)}; "
            "a paired comparison needs the same problems in both (the same task, split, seed and limit)"
        )
    names = sorted(left)
    return compare_paired([left[name] for name in names], [right[name] for name in names], seed=seed)


def one_each(predictions: Sequence[Prediction]) -> dict[str, bool]:
    """Whether each problem was answered right. Raises EvaluationError when there is none, or one was answered twice."""
    if not predictions:
        raise EvaluationError("there are no predictions; run the stage `evaluate` again")
    found = {one.problem_id: one.verdict.correct for one in predictions}
    if len(found) < len(predictions):
        raise EvaluationError("a problem was answered more than once; give the greedy predictions, not the samples")
    return found


def _interval(name: str, predictions: Sequence[Prediction]) -> dict[str, float]:
    found = wilson(sum(one.verdict.correct for one in predictions), len(predictions))
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values)


def _groups(predictions: Sequence[Prediction], key: Callable[[Prediction], str]) -> dict[str, list[Prediction]]:
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for one in predictions:
        groups[key(one)].append(one)
    return groups
