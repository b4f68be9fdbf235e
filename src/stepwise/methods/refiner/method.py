"""REFINER as others see it: its tasks and models, how its generators answer, and its chapter of the report."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.methods.base import Answering, Method
from stepwise.methods.refiner import commands
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.examples import refined
from stepwise.models.card import Card
from stepwise.params import Params, ParamsError
from stepwise.params.consistency import check_folder, check_models, check_tasks
from stepwise.params.refiner import CriticKind
from stepwise.report import Chapter, Sources
from stepwise.report.chapters.refiner import Selection, collect
from stepwise.tasks.base import Task

START, CONTINUED = "refiner_warm_start", "refiner_continued"
"""The model that every generator starts from, and that model fine-tuned with REFINER's steps."""
PPO, REFINED = "refiner_ppo", "refiner"
GENERATORS = (START, CONTINUED, PPO, REFINED)
"""The folders below models/ of generators."""
ALONE, ORACLE = "refiner_no_critic", "refiner_oracle"
"""The generator without a critic, and with the oracle."""
COMPARED = (
    (REFINED, START),
    (REFINED, CONTINUED),
    (REFINED, PPO),
    (REFINED, ALONE),
    (ALONE, CONTINUED),
    (CONTINUED, START),
)
"""Pairs of evaluations, each with what it is compared with."""
UPPER_BOUNDS = ((ORACLE, REFINED), (ORACLE, ALONE))
"""Pairs of which one reads the gold."""


class Refiner(Method):
    """A generator revises its intermediate steps after a critic's structured feedback (arXiv 2304.01904)."""

    chapter_params = ("refiner_tasks", "refiner_models", "refiner_evaluations", "refiner_prompts")

    def check(self, params: Params) -> None:
        """Its tasks need feedback, its models must be the run's, and every evaluation needs its generator."""
        check_tasks(params, "refiner_tasks", params.refiner_tasks)
        check_models(params, "refiner_models", params.refiner_models)
        for task in params.refiner_tasks:
            domain_of(task)
        names: set[str] = set()
        for index, this in enumerate(params.refiner_evaluations):
            key = f"refiner_evaluations.{index}"
            if this.name in names:
                raise ParamsError(f"{key}.name is {this.name}, which another evaluation has already; choose another")
            if this.generator not in GENERATORS:
                raise ParamsError(f"{key}.generator is {this.generator}, which is not {' or '.join(GENERATORS)}")
            names.add(this.name)
        _check_prompts(params, names)

    def answering(self, card: Card, task: Task) -> Answering | None:
        """Attempts of the generator and feedback of the critic that was trained beside it."""
        return commands.answering(card, task)

    def chapter(self, params: Params, sources: Sources) -> Chapter | None:
        """What refinement gains in z and y, how good the critic is, and one refinement as it was written."""
        if not params.refiner_tasks or not params.refiner_models:
            return None
        trained = next((this.name for this in params.refiner_evaluations if this.critic == "trained"), "")
        names = [this.name for this in (*params.refiner_evaluations, *params.refiner_prompts)]
        models = dict.fromkeys((*params.refiner_models, *self.agents(params)))
        pairs = (*self.comparisons(params), *UPPER_BOUNDS, *_prompted(params, "oracle", ("trained", "none")))
        selection = Selection(params.refiner_tasks, list(models), names, pairs)
        examples = {
            (task, model): refined(sources, trained, task, model)
            for task in selection.tasks
            for model in selection.models
        }
        return collect(sources, selection, examples)

    def agents(self, params: Params) -> Sequence[str]:
        """The language models that are generators."""
        return [prompt.agent for prompt in params.refiner_prompts]

    def comparisons(self, params: Params) -> Sequence[tuple[str, str]]:
        """REFINER with what it has to beat, and what training and the critic contribute, to language models too."""
        return (*COMPARED, *_prompted(params, "trained", ("none",)))


def _check_prompts(params: Params, taken: set[str]) -> None:
    """Every language model needs examples of the tasks, and the critic of a base model of the run."""
    for index, prompt in enumerate(params.refiner_prompts):
        key = f"refiner_prompts.{index}"
        if prompt.name in taken:
            raise ParamsError(f"{key}.name is {prompt.name}, which another evaluation has already; choose another")
        taken.add(prompt.name)
        check_folder(params, f"{key}.agent", f"models/instruct/{prompt.agent}", "instruct model")
        if prompt.critic_model not in params.refiner_models:
            raise ParamsError(
                f"{key}.critic_model is {prompt.critic_model}, from which no critic is trained; "
                f"refiner_models has {', '.join(params.refiner_models) or 'none'}"
            )


def _prompted(params: Params, critic: CriticKind, others: Sequence[CriticKind]) -> list[tuple[str, str]]:
    """A language model with a critic, each with the same model and one of the other critics."""
    return [
        (this.name, other.name)
        for this in params.refiner_prompts
        for other in params.refiner_prompts
        if this.critic == critic and other.critic in others and this.agent == other.agent
    ]
