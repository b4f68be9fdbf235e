"""What TriPosT is compared with: other rows for the same model, steps, tokens and schedule (arXiv 2310.13522, 4.2).

continued       the gold solutions that the model was warmed up on, once more
lmsi            the model's own right samples, and copies of them without reasoning (Huang et al. 2022; the authors'
                version keeps right answers by the gold answer, not by majority)
demonstrations  demonstrations of self-improvement that the model has no part in
answer_only     from the base model: the answer without reasoning, in the steps of the warm-up

The first three start from the warm-up model and train as many legs as TriPosT has rounds, each with a round's steps,
tokens and schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.methods.tripost.demonstrations import demonstrate
from stepwise.methods.tripost.editing_round import Editor, edit_passes
from stepwise.methods.tripost.replay import Mix
from stepwise.methods.tripost.roles import Improver, Verifier
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.methods.tripost.training import RoundError, make_rows
from stepwise.params.tripost import DemonstrationParams, EditParams, LmsiParams, TripostTraining
from stepwise.records import Example, Prediction, Problem, Prompt, Span
from stepwise.tasks.base import Task, example

VARIANTS = ("continued", "lmsi", "demonstrations", "answer_only")


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What the baselines of a task and model have in common."""

    setup: TripostSetup
    train: Sequence[Problem]
    lmsi: LmsiParams
    demonstrations: DemonstrationParams
    edit: EditParams
    training: TripostTraining
    teacher: tuple[Verifier, Improver]
    """Who verifies and improves demonstrations."""

    def examples(self, variant: str, start: Path, journal: Path) -> list[Example]:
        """The rows that a variant learns from. Raises RoundError for an unknown variant, or if there are none."""
        task = self.setup.task
        if variant == "continued":
            return [example(task, problem) for problem in self.train if problem.reference]
        if variant == "answer_only":
            return [answer_example(task, problem) for problem in self.train]
        if variant == "lmsi":
            return _at_least_some(variant, lmsi_examples(task, self.train, self._samples(start, journal), self.lmsi))
        if variant == "demonstrations":
            return [row.example for row in self._demonstrations().rows]
        raise RoundError(f"there is no baseline {variant!r}; the baselines are {', '.join(VARIANTS)}")

    def _samples(self, start: Path, journal: Path) -> list[Prediction]:
        sampling = self.setup.sampling(temperature=self.lmsi.temperature, n=self.lmsi.passes, seed=self.setup.seed)
        backend = self.setup.make_backend(start)
        return evaluation.answer(self.setup.task, backend, self.train, sampling, journal=journal)

    def _demonstrations(self) -> Mix:
        """Edited demonstrations, mixed with gold rows as a round's are."""
        params, setup = self.demonstrations, self.setup
        sampled = list(demonstrate(setup.task, self.train, params.passes, setup.seed))
        editor = Editor(setup.task, *self.teacher, self.edit.max_updates)
        limits = self.edit.model_copy(update={"most_rows": params.most_rows})
        edited = edit_passes(sampled, {problem.id: problem for problem in self.train}, editor, limits)
        return make_rows(edited, [], self.train, setup, self.training, name="demonstrations")


def _at_least_some(variant: str, examples: list[Example]) -> list[Example]:
    if not examples:
        raise RoundError(
            f"{variant} has nothing to learn from: no sample of the warm-up model is right; draw more "
            "(tripost_lmsi.passes) or train the warm-up model for longer"
        )
    return examples


def lmsi_examples(
    task: Task, problems: Sequence[Problem], samples: Sequence[Prediction], params: LmsiParams
) -> list[Example]:
    """Each problem's different right samples, and copies that give the answer alone."""
    by_id = {problem.id: problem for problem in problems}
    texts: dict[str, dict[str, None]] = {problem.id: {} for problem in problems}
    for sample in samples:
        if sample.verdict.correct and sample.finish_reason != "length":
            texts[sample.problem_id].setdefault(sample.text.rstrip())
    examples: list[Example] = []
    for name, different in texts.items():
        problem = by_id[name]
        prompt = tuple(Span(text=piece, weight=0.0) for piece in task.prompt(problem))
        examples += [Example(id=name, spans=(*prompt, Span(text=text))) for text in different]
        if params.answer_only and different:
            examples.append(answer_example(task, problem))
    return examples


def answer_example(task: Task, problem: Problem) -> Example:
    """The question with the answer alone."""
    prompt = tuple(Span(text=piece, weight=0.0) for piece in answer_prompt(task.prompt(problem)))
    return Example(id=f"{problem.id}-answer", spans=(*prompt, Span(text=f" {problem.answer}")))


class AnswerOnly:
    """A task in which the answer is asked for without reasoning."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        """Everything else is the task's."""
        return getattr(self._task, name)

    def prompt(self, problem: Problem) -> Prompt:
        """The task's prompt, which ends at `Answer:`."""
        return answer_prompt(self._task.prompt(problem))


def answer_prompt(prompt: Prompt) -> Prompt:
    """A prompt that asks for the answer at once: without what follows its last `Answer:`."""
    text = "".join(prompt)
    header = "Answer:"
    return (text[: text.rindex(header) + len(header)],)
