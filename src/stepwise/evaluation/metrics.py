"""Metrics of a model's answers: accuracies with confidence intervals, votes, and paired comparisons."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from stepwise.errors import StepwiseError
from stepwise.records import Prediction
from stepwise.statistics import Comparison, compare_paired, maj_at_k, pass_at_k, wilson
from stepwise.tasks.answers.numbers import plain_number

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""Numbers within this tolerance count as the same answer in a vote."""


class EvaluationError(StepwiseError, ValueError):
    """Evaluations that cannot be summarised or compared; the message names the cause and the remedy."""


def summarise(
    greedy: Sequence[Prediction], samples: Sequence[Prediction] = (), ks: Iterable[int] = ()
) -> dict[str, float]:
    """All metrics of an evaluation as one flat dictionary: accuracies overall and by bin, maj@k, pass@k, lengths.

    `accuracy` uses the robust answer extraction and `strict_accuracy` the paper's; `disagreement` is the share of
    answers that the two judge differently. A k larger than the number of samples is left out. Raises EvaluationError
    if there are no predictions.
    """
    correct_by_problem(greedy)
    metrics = {"problems": float(len(greedy)), **_interval("accuracy", greedy)}
    for name, members in _groups(greedy, lambda prediction: prediction.bin).items():
        metrics[f"accuracy_{name}"] = _share(prediction.verdict.correct for prediction in members)
        metrics[f"problems_{name}"] = float(len(members))
    metrics["strict_accuracy"] = _share(prediction.verdict.strict_correct for prediction in greedy)
    verdicts = [prediction.verdict for prediction in greedy]
    metrics["disagreement"] = _share(verdict.strict_correct != verdict.correct for verdict in verdicts)
    metrics["tokens"] = sum(prediction.tokens for prediction in greedy) / len(greedy)
    for reason in ("eos", "stop", "length"):
        metrics[f"finish_{reason}"] = _share(prediction.finish_reason == reason for prediction in greedy)
    return metrics | at_k(samples, ks)


def accuracy(predictions: Sequence[Prediction]) -> float:
    """Share of correct predictions, by the robust extraction. Raises EvaluationError if there are none."""
    return _share(correct_by_problem(predictions).values())


def at_k(samples: Sequence[Prediction], ks: Iterable[int]) -> dict[str, float]:
    """Unbiased maj@k and pass@k, averaged over problems, for each k that no problem has fewer samples than."""
    groups = list(_groups(samples, lambda prediction: prediction.problem_id).values())
    samples_of_each = min(map(len, groups), default=0)
    metrics: dict[str, float] = {}
    for k in sorted({k for k in ks if 1 <= k <= samples_of_each}):
        correct = [[prediction.verdict.correct for prediction in group] for group in groups]
        classes = [cluster([prediction.verdict.answer for prediction in group]) for group in groups]
        votes = [maj_at_k(names, flags, k) for names, flags in zip(classes, correct, strict=True)]
        metrics[f"maj@{k}"] = sum(votes) / len(groups)
        metrics[f"pass@{k}"] = sum(pass_at_k(len(flags), sum(flags), k) for flags in correct) / len(groups)
    return metrics


def cluster(answers: Sequence[str | None]) -> list[int | None]:
    """The class of each answer: numbers within tolerance of a class's smallest join it; other text must be equal."""
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
    """Accuracy with its interval for each bin and for each difficulty in a bin, as rows of a plot.

    A bin's own row comes first and has the bin's name as its difficulty; its difficulties follow in numeric order.
    """
    cells: dict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for prediction in greedy:
        for difficulty in {prediction.bin, prediction.difficulty} - {""}:
            cells[prediction.bin, difficulty].append(prediction)
    order = sorted(cells, key=lambda cell: (cell[0], cell[1] != cell[0], _by_numbers(cell[1])))
    return [
        {
            "bin": name,
            "difficulty": difficulty,
            "problems": float(len(cells[name, difficulty])),
            **_interval("accuracy", cells[name, difficulty]),
        }
        for name, difficulty in order
    ]


def _by_numbers(text: str) -> list[tuple[int, str]]:
    """Sort key that puts "8-10" before "11-15"."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def compare(first: Sequence[Prediction], second: Sequence[Prediction], *, seed: int = 0) -> Comparison:
    """Paired comparison of two evaluations by the robust verdict; a positive difference means the second is better.

    Raises EvaluationError unless both answer the same problems, each of them once.
    """
    left, right = correct_by_problem(first), correct_by_problem(second)
    if left.keys() != right.keys():
        raise EvaluationError(
            f"the evaluations share {len(left.keys() & right.keys())} problems of {len(left)} and {len(right)}; "
            "a paired comparison needs the same problems in both (the same task, split, seed and limit)"
        )
    names = sorted(left)
    return compare_paired([left[name] for name in names], [right[name] for name in names], seed=seed)


def correct_by_problem(predictions: Sequence[Prediction]) -> dict[str, bool]:
    """Whether each problem was answered correctly. Raises EvaluationError for no predictions, or two of a problem."""
    if not predictions:
        raise EvaluationError("there are no predictions; run the stage `evaluate` again")
    correct = {prediction.problem_id: prediction.verdict.correct for prediction in predictions}
    if len(correct) < len(predictions):
        raise EvaluationError("a problem was answered more than once; pass the greedy predictions, not the samples")
    return correct


def _interval(name: str, predictions: Sequence[Prediction]) -> dict[str, float]:
    interval = wilson(sum(prediction.verdict.correct for prediction in predictions), len(predictions))
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values)


def _groups(predictions: Sequence[Prediction], key: Callable[[Prediction], str]) -> dict[str, list[Prediction]]:
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        groups[key(prediction)].append(prediction)
    return groups
