"""The critic: (x, z') -> f, learned from perturbed solutions and judged by the set of faults that it names.

Set-wise accuracy is the paper's measure of a critic (table 7): feedback is right if it names exactly the faults that
the oracle names, in any order; feedback that is no sentence of the task is wrong. Class accuracy counts the kinds of
fault alone (`feedback_class`); beside it stands that of always naming the class which is most frequent in training.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.generation.base import Backend, Sampling
from stepwise.methods.refiner.feedback import NO_FAULT, RIGHT, Fault, Templates, feedback_class
from stepwise.methods.refiner.perturbation import labelled
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.methods.refiner.texts import FEEDBACK_STOP, critic_prompt, training_text
from stepwise.params.refiner import CriticParams
from stepwise.records import Example, Problem, Prompt, Trajectory
from stepwise.training import sft


@dataclass(frozen=True)
class Case:
    """A solution and the feedback that it deserves."""

    problem: Problem
    attempt: str
    feedback: str
    kind: str
    """Kind of error; `right` if there is none."""


@dataclass(frozen=True, kw_only=True)
class CriticData:
    """What a critic of a task learns from and is judged on."""

    train: Sequence[Problem]
    dev: Sequence[Problem]
    rows: Sequence[Trajectory]
    held_out: Sequence[Trajectory]


@dataclass(frozen=True)
class TrainedCritic:
    """A critic that has been trained."""

    result: sft.SftResult
    numbers: dict[str, float]
    held_out: dict[str, bool]
    """Whether it names the faults of each held-out row; the rows are named by their number and problem."""


def cases(problems: Sequence[Problem], rows: Sequence[Trajectory]) -> list[Case]:
    """The rows about the given problems."""
    by_id = {problem.id: problem for problem in problems}
    return [
        Case(by_id[row.problem_id], turn.solution.text, turn.feedback.text, turn.feedback.kind or RIGHT)
        for row in rows
        if row.problem_id in by_id
        for turn in row.turns
        if turn.feedback is not None
    ]


def case_prompt(setup: RefinerSetup, case: Case) -> Prompt:
    """What the critic reads of a case."""
    return critic_prompt(setup.task.prompt(case.problem), setup.domain.judged(case.attempt))


def critic_example(setup: RefinerSetup, case: Case, right_weight: float = 1.0) -> Example:
    """The training text of a case; feedback that finds nothing wrong has a weight of its own."""
    weight = right_weight if case.feedback == NO_FAULT else 1.0
    return training_text(case.problem.id, case_prompt(setup, case), case.feedback, weight)


def comments(
    setup: RefinerSetup,
    backend: Backend,
    judged: Sequence[Case],
    sampling: Sampling,
    *,
    journal: Path | None = None,
) -> list[str]:
    """The critic's feedback on each case."""
    if not judged:
        return []
    prompts = [case_prompt(setup, case) for case in judged]
    return [samples[0].text for samples in backend.generate(prompts, sampling, journal=journal)]


def agreement(templates: Templates, judged: Sequence[Case], written: Sequence[str]) -> list[bool]:
    """Whether the critic's feedback names exactly the faults of each case."""
    return [
        named(templates, text) == named(templates, case.feedback) for text, case in zip(written, judged, strict=True)
    ]


def scores(
    templates: Templates, judged: Sequence[Case], written: Sequence[str], learned: Sequence[Case], name: str
) -> dict[str, float]:
    """Set-wise accuracy of a critic's feedback, class accuracy and the majority baseline; empty without cases.

    `learned` are the cases that the critic was trained on, which say what the most frequent class is.
    """
    if not judged:
        return {}
    gold = classes(templates, [case.feedback for case in judged])
    same = [label == other for label, other in zip(gold, classes(templates, written), strict=True)]
    _, baseline = majority_baseline(classes(templates, [case.feedback for case in learned]), gold)
    return {
        **accuracies(judged, agreement(templates, judged, written), f"{name}_accuracy"),
        f"{name}_class_accuracy": sum(same) / len(same),
        f"{name}_class_majority": baseline,
    }


def judge_critic(
    setup: RefinerSetup,
    critic: Backend,
    judged: Sequence[Case],
    learned: Sequence[Case],
    params: CriticParams,
    *,
    journal: Path | None = None,
) -> dict[str, float]:
    """The `scores` of a critic on solutions of test problems, and how many there are."""
    written = comments(setup, critic, judged, _sampling(params), journal=journal)
    return {"rows": float(len(judged)), **scores(setup.domain.templates, judged, written, learned, "test")}


def classes(templates: Templates, feedbacks: Sequence[str]) -> list[str]:
    """The class of each feedback."""
    return [feedback_class(templates.parse(text)) for text in feedbacks]


def majority_baseline(train: Sequence[str], test: Sequence[str]) -> tuple[str, float]:
    """The most frequent class in training, and the share of the test classes that equal it. Neither may be empty."""
    [(label, _)] = Counter(train).most_common(1)
    return label, sum(other == label for other in test) / len(test)


def named(templates: Templates, feedback: str) -> frozenset[Fault] | str:
    """What feedback says: its set of faults, or the text itself if it is none of the task's sentences."""
    faults = templates.parse(feedback)
    return feedback.strip() if faults is None else faults


def accuracies(judged: Sequence[Case], right: Sequence[bool], name: str) -> dict[str, float]:
    """Share of cases on which the critic is right: all, and by kind."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for case, value in zip(judged, right, strict=True):
        groups[name].append(value)
        groups[f"{name}_{case.kind}"].append(value)
    return {group: sum(values) / len(values) for group, values in sorted(groups.items())}


def own_cases(
    setup: RefinerSetup, generator: Backend, problems: Sequence[Problem], samples: int, journal: Path | None = None
) -> list[Case]:
    """The generator's own attempts with the oracle's feedback: greedy ones for 0 samples, else different sampled ones.

    Their kind is that of the first fault.
    """
    solved = [problem for problem in problems if problem.reference is not None]
    if not solved:
        return []
    changes = {"temperature": 1.0, "n": samples, "seed": setup.seed} if samples else {}
    prompts = [setup.task.prompt(problem) for problem in solved]
    written = generator.generate(prompts, setup.sampling(**changes), journal=journal)
    return [
        case
        for problem, completions in zip(solved, written, strict=True)
        for attempt in dict.fromkeys(completion.text.strip() for completion in completions)
        for case in cases([problem], [labelled(setup.domain, problem, attempt, _kind(setup, problem, attempt))])
    ]


def train_critic(
    setup: RefinerSetup, base: Path, generator: Path, data: CriticData, params: CriticParams, work: Path
) -> TrainedCritic:
    """Train a critic on rows and, if the parameters say so, on samples of the warm-started generator.

    The state that names the most held-out rows' faults is kept, in `work`/model. The metrics are its `scores` on all
    held-out rows and on the generator's own greedy attempts at dev problems.

    Raises TrainingError if no row fits into the model, or the loss is not a finite number.
    """
    learned, held_out = cases(data.train, data.rows), cases(data.train, data.held_out)
    writer = setup.make_backend(generator)
    if params.own_samples:
        problems = list({case.problem.id: case.problem for case in learned}.values())
        own = own_cases(setup, writer, problems, params.own_samples, work / "samples.jsonl")
        learned = list({case_prompt(setup, case): case for case in (*own, *learned)}.values())
    sampling = _sampling(params)
    chosen = evaluation.spread(held_out, params.fine_tuning.dev_examples)
    examples = [critic_example(setup, case, params.right_weight) for case in learned]
    training = setup.training(work, _score(setup, chosen, sampling))
    result = sft.train(base, examples, params.fine_tuning, training, epochs=params.epochs)
    critic = setup.make_backend(training.out)
    dev = own_cases(setup, writer, data.dev, 0, work / "attempts.jsonl")
    templates = setup.domain.templates
    written = comments(setup, critic, held_out, sampling)
    numbers = {
        "rows": float(len(learned)),
        "steps": float(result.steps),
        "tokens": float(result.tokens),
        **scores(templates, held_out, written, learned, "held_out"),
        **scores(templates, dev, comments(setup, critic, dev, sampling), learned, "own"),
    }
    names = [f"{number}-{case.problem.id}" for number, case in enumerate(held_out)]
    return TrainedCritic(result, numbers, dict(zip(names, agreement(templates, held_out, written), strict=True)))


def _sampling(params: CriticParams) -> Sampling:
    return Sampling(max_new_tokens=params.feedback_tokens, stop=FEEDBACK_STOP)


def _score(setup: RefinerSetup, judged: Sequence[Case], sampling: Sampling) -> Callable[[Any, Any], float]:
    def score(model: Any, tokenizer: Any) -> float:
        written = comments(setup, setup.live_backend(model, tokenizer), judged, sampling)
        right = agreement(setup.domain.templates, judged, written)
        return sum(right) / len(right)

    return score


def _kind(setup: RefinerSetup, problem: Problem, attempt: str) -> str:
    faults = setup.domain.oracle(problem, attempt)
    return faults[0].kind if faults else ""
