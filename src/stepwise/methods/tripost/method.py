"""TriPosT as others see it: its tasks and rounds, how its models answer, and its chapter of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stepwise.methods.base import Answering, Method
from stepwise.methods.tripost import commands
from stepwise.methods.tripost.examples import corrected
from stepwise.models.card import Card
from stepwise.params import Params, ParamsError
from stepwise.params.consistency import check_folder, check_warmed_up
from stepwise.report import Chapter, Sources
from stepwise.report.chapters.tripost import Selection, collect
from stepwise.tasks.base import Task

START = "warm_up"
"""The model that the first round starts from."""
RIVALS = ("lmsi", "demonstrations")
"""Baselines with which the last round is compared, besides those of every method."""


class Tripost(Method):
    """A model learns from its own mistakes after others have corrected them (arXiv 2310.13522)."""

    chapter_params = (
        "warm_up_models",
        "tripost_tasks",
        "tripost_rounds",
        "tripost_methods",
        "tripost_prompts",
        "tripost_trained_prompts",
    )

    def check(self, params: Params) -> None:
        """Its tasks must be warmed up on, and every round and every way of prompting needs its model."""
        check_warmed_up(params, "tripost_tasks", params.tripost_tasks)
        if params.tripost_tasks:
            teacher = f"models/instruct/{params.tripost_edit.teacher}"
            check_folder(params, "tripost_edit.teacher", teacher, "instruct model")
        earlier = [START]
        for index, this in enumerate(params.tripost_rounds, 1):
            key = f"tripost_rounds.{index - 1}"
            if this.start not in earlier:
                raise ParamsError(f"{key}.start is {this.start}, which is not {' or '.join(earlier)}")
            if this.number != index:
                raise ParamsError(
                    f"{key}.number is {this.number}; rounds are numbered from 1 in order, so it is {index}"
                )
            earlier.append(this.name)
        _check_prompts(params, earlier)

    def answering(self, card: Card, task: Task) -> Answering | None:
        """Attempts, feedback and updates of the models that were taught them; an answer at once of the others."""
        return commands.answering(card, task)

    def chapter(self, params: Params, sources: Sources) -> Chapter | None:
        """Self-improvement in figures, what became of the trajectories, and a corrected one of the last round."""
        if not params.tripost_tasks:
            return None
        selection = _selection(params)
        examples = {
            (task, model): _example(sources, selection.rounds, task, model)
            for task in selection.tasks
            for model in selection.models
        }
        return collect(sources.metrics, selection, sources.pairs, examples)

    def agents(self, params: Params) -> Sequence[str]:
        """The models that follow instructions."""
        return [prompt.agent for prompt in params.tripost_prompts]

    def comparisons(self, params: Params) -> Sequence[tuple[str, str]]:
        """The last round with the baselines that learn from samples or demonstrations."""
        return [(name, rival) for name in _selection(params).rounds[-1:] for rival in RIVALS]


def _check_prompts(params: Params, trained: Sequence[str]) -> None:
    """`trained` are the folders below models/ of the warm-up and the rounds."""
    taken = {*trained, *params.tripost_methods}
    for index, prompt in enumerate(params.tripost_prompts):
        key = f"tripost_prompts.{index}"
        _check_name(key, prompt.name, taken)
        check_folder(params, f"{key}.agent", f"models/instruct/{prompt.agent}", "instruct model")
    for index, prompting in enumerate(params.tripost_trained_prompts):
        key = f"tripost_trained_prompts.{index}"
        _check_name(key, prompting.name, taken)
        if prompting.start not in trained:
            raise ParamsError(f"{key}.start is {prompting.start}, which is not {' or '.join(trained)}")


def _check_name(key: str, name: str, taken: set[str]) -> None:
    if name in taken:
        raise ParamsError(f"{key}.name is {name}, which other results have already; choose another")
    taken.add(name)


def _selection(params: Params) -> Selection:
    """What is evaluated, with the rounds in order."""
    rounds = [this.name for this in params.tripost_rounds if this.name in params.tripost_methods]
    baselines = [name for name in params.tripost_methods if name not in rounds]
    baselines += [prompt.name for prompt in (*params.tripost_prompts, *params.tripost_trained_prompts)]
    return Selection(params.tripost_tasks, params.warm_up_models, START, baselines, rounds)


def _example(sources: Sources, rounds: Sequence[str], task: str, model: str) -> str:
    """A corrected trajectory of the last round, as text; empty without the folders that it is read from."""
    if sources.data is None or sources.predictions is None or not rounds:
        return ""
    answers = sources.predictions / rounds[-1] / f"{task}-{model}" / "trajectories.jsonl"
    return corrected(answers, Path(sources.data, "tasks", task, "test.jsonl"), task)
