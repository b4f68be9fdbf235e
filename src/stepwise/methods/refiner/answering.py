"""A generator and a critic at work on a task's problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stepwise.generation.base import Backend, Sampling
from stepwise.interaction import Speaker, interact
from stepwise.methods.refiner.dialogue import (
    CRITIC,
    GENERATOR,
    NO_EXAMPLES,
    Comment,
    Conversation,
    Examples,
    Refinement,
    oracle,
)
from stepwise.methods.refiner.examining import Examined, critic_rates, judge
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.methods.refiner.texts import FEEDBACK_STOP, critic_prompt
from stepwise.params import BackendParams
from stepwise.params.refiner import CriticKind, RefinementParams
from stepwise.records import Prediction, Problem


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A generator, and who comments on its attempts."""

    setup: RefinerSetup
    params: RefinementParams
    critic: CriticKind
    feedback_tokens: int
    generator: Backend
    critic_backend: Backend | None = None
    """The trained critic; needed only if it comments or reviews."""
    examples: Examples = NO_EXAMPLES

    def examine(self, problems: Sequence[Problem], *, journal: Path | None = None) -> Examined:
        """Greedy answers after revisions, checked. Raises EvaluationError if there are no problems."""
        return judge(
            self.setup.task,
            self.setup.domain,
            self.converse(problems, journal=journal),
            by_model=self.critic == "trained",
            pick_best=self.params.best,
        )

    def converse(self, problems: Sequence[Problem], *, journal: Path | None = None) -> list[Conversation]:
        """A conversation about each problem. A killed run resumes from the folder `journal`."""
        dialogue = Refinement(
            task=self.setup.task,
            updates=updates(self.critic, self.params),
            attempt_tokens=self.setup.task_params.max_new_tokens,
            feedback_tokens=self.feedback_tokens,
            judged=self.setup.domain.judged,
            comment=self._comment(),
            comment_on_last=self.params.best,
            examples=self.examples,
        )
        speakers = {GENERATOR: Speaker(self.generator, self.setup.sampling())}
        if self.critic_backend is not None:
            speakers[CRITIC] = Speaker(self.critic_backend, self._feedback_sampling())
        return interact(problems, dialogue, speakers, journal=journal)

    def review(self, problems: Sequence[Problem], answers: Sequence[Prediction]) -> dict[str, float]:
        """What the trained critic finds wrong with the answers, whoever has commented on them; empty without a critic.

        The paper's judges of norms are people (section 5.2), whose study cannot be repeated. This critic saw the test
        problems as little as the generator did, but it is not one of the judges: it may be wrong.
        """
        if self.critic_backend is None:
            return {}
        task, domain = self.setup.task, self.setup.domain
        prompts = [
            critic_prompt(task.prompt(problem), domain.judged(answer.text))
            for problem, answer in zip(problems, answers, strict=True)
        ]
        written = self.critic_backend.generate(prompts, self._feedback_sampling())
        return critic_rates(domain.templates, [samples[0].text for samples in written])

    def _feedback_sampling(self) -> Sampling:
        return Sampling(max_new_tokens=self.feedback_tokens, stop=FEEDBACK_STOP)

    def _comment(self) -> Comment | None:
        if self.critic != "oracle":
            return None
        return oracle(self.setup.domain, noise=self.params.noise, seed=self.setup.seed)


def updates(critic: CriticKind, params: RefinementParams) -> int:
    """Most revisions with this critic."""
    return {"none": 0, "trained": params.updates, "oracle": params.oracle_updates}[critic]


def critic_backend(setup: RefinerSetup, folder: Path) -> Backend:
    """A trained critic in this process: servers that the parameters name have the generator."""
    return replace(setup, backend=BackendParams(batch_tokens=setup.backend.batch_tokens)).make_backend(folder)
