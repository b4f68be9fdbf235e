"""Parameters of REFINER (arXiv 2304.01904) and of what it is compared with.

The defaults are the paper's or its released code's where they give them (spec 1.2 to 1.12).
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import SftParams
from stepwise.params.rl import RlParams

Exploration = Literal["all", "regret", "random"]
"""Which of a turn's samples are revised and learned from: all of them, the one with the fewest faults (what the
released code is written for), or a random one (what it does, and the paper says)."""
Reward = Literal["bleu", "exact"]
"""BLEU of the solution against the reference, as in the paper's baseline, or 1 for a right z and 0 for any other."""


class PerturbParams(Section):
    """Wrong solutions of known kinds, from which the critic learns.

    A task that has published ones, as moral_stories has, takes all of these: `rows` and `right_share` do not count.
    """

    rows: Positive = 4
    """Rows per training problem, on average; the released script writes 4."""
    right_share: Share = 0.25
    """Share of rows whose solution is right; 0.25 is that of the released script's output."""
    held_out: float = Field(0.1, gt=0, lt=1)
    """Share of the problems that choose and test the critic, which learns nothing about them."""

    @model_validator(mode="after")
    def _right_solutions_suffice(self) -> PerturbParams:
        if self.right_share * self.rows > 1:
            raise ValueError(
                f"right_share {self.right_share} of {self.rows} rows asks for more than the one right solution that a "
                f"problem has; take at most {1 / self.rows:.3g}"
            )
        return self


class WarmStartParams(Section):
    """Fine-tuning of the base model on some of the reference solutions, from which every generator starts."""

    share: float = Field(0.1, gt=0, le=1)
    """Share of the training problems, evenly spaced."""
    epochs: Positive = 20
    fine_tuning: SftParams = SftParams(learning_rate=1e-4, warm_up_share=0.0)


class CriticParams(Section):
    """Fine-tuning of the critic on perturbed solutions."""

    epochs: Positive = 20
    right_weight: float = Field(1.0, gt=0)
    """Weight of the loss on feedback that finds nothing wrong; all other feedback has 1."""
    own_samples: Count = 0
    """Samples of the warm-started generator for each training problem, labelled by the oracle, that the critic learns
    from too; the paper's critic sees none."""
    feedback_tokens: Positive = 50
    """Length limit of a feedback, in the critic's tokens."""
    fine_tuning: SftParams = SftParams(learning_rate=1e-4, warm_up_share=0.0)
    """Its `dev_examples` are held-out rows, of which the critic names the faults at each evaluation."""


class RefinerTraining(Section):
    """Training of the generator with the oracle's feedback in the loop, and the schedule of fine-tuning continued."""

    epochs: Positive = 20
    """Passes over the training problems; README: 10."""
    turns: Positive = 3
    """T: inputs that a problem is learned from, the first without feedback; 1 is plain fine-tuning."""
    samples: Positive = 3
    """K: samples of a turn, to explore what the generator gets wrong."""
    exploration: Exploration = "all"
    temperature: float = Field(1.0, gt=0)
    top_p: Share = 0.5
    top_k: Count = 0
    """The released code has a silent 50."""
    perturbed: Count = 0
    """Wrong solutions of known kinds that the second turn revises beside a problem's own attempts; the released script
    writes such rows, but nothing reads them."""
    skip_solved: bool = True
    """Learn nothing from a right attempt and do not revise it; the released code goes on."""
    noise: Share = 0.0
    """Chance that the oracle's feedback is replaced by feedback on another error (section 5 of the paper)."""
    window: Count = 0
    """Optimiser steps whose attempts are sampled at once; 0 means an epoch's, 1 is the released code's order."""
    select: Literal["first", "refined"] = "refined"
    """Criterion on dev: right first attempts, or right attempts after `turns` with the oracle's feedback."""
    fine_tuning: SftParams = SftParams(learning_rate=1e-4, batch_examples=8, warm_up_share=0.0)
    """Its `batch_examples` are problems, of which a step takes all turns. The paper's LoRA has rank 8 and dropout 0.1
    on the query and value projections."""


class RefinerPpoParams(RlParams):
    """Reinforcement learning from the warm start, the paper's baseline."""

    reward: Reward = "bleu"


CriticKind = Literal["none", "trained", "oracle"]
"""Who comments on attempts: nobody, so that the first attempt is the answer; the trained critic; or the comparison with
the gold solution."""


class CommentedGenerator(Section):
    """A generator whose attempts may be commented on."""

    name: str
    """Folder below evaluations/, and the name in results; it ends in `_oracle` if the oracle comments."""
    critic: CriticKind = "none"

    @model_validator(mode="after")
    def _name_says_oracle(self) -> Self:
        if self.name.endswith("_oracle") != (self.critic == "oracle"):
            raise ValueError(
                f"{self.name} has the critic {self.critic}; a name ends in _oracle exactly if the oracle comments, so "
                "that every table says whose answers were compared with the gold"
            )
        return self


class RefinerEvaluation(CommentedGenerator):
    """A trained generator and who comments on its attempts."""

    generator: str
    """Folder below models/ of the generator."""


class RefinerPrompt(CommentedGenerator):
    """A language model as generator, which reads examples instead of being trained, and who comments on its attempts.

    The paper's are GPT-3.5 and ChatGPT, alone and with the trained critic.
    """

    agent: str
    """Entry of the instruct group that attempts and revises."""
    critic_model: str
    """Base model of the trained critic, which comments if `critic` says so and counts the faults of every answer."""
    items: Count = 0
    """Test problems, evenly spaced; 0 means all."""


class RefinementParams(Section):
    """How a generator and a critic answer together."""

    updates: Count = 1
    """Most revisions of an attempt with the trained critic's feedback."""
    oracle_updates: Count = 3
    """Most revisions with the oracle's feedback."""
    noise: Share = 0.0
    """Chance that the oracle's feedback is replaced by feedback on another error."""
    best: bool = False
    """The answer is the attempt with which the critic finds the fewest faults; the paper's is the last attempt."""
    limit: Count = 0
    """Test problems, evenly spaced; 0 means all."""
    critic_rows: Count = 500
    """Solutions of test problems, right and wrong ones as in the critic's training and evenly spaced, on which critics
    are tested; 0 means all. The paper has 500."""


class RefinerKeys(Section):
    """REFINER's keys of params.yaml."""

    refiner_task: dict[str, dict[str, str]] = Field(default_factory=dict)
    """The run's tasks that REFINER can be trained on, as their files in conf/task say; nothing but their names."""
    refiner_model: dict[str, dict[str, str]] = Field(default_factory=dict)
    """The run's models that REFINER can start from, as their files in conf/model say; nothing but their names."""
    refiner_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run that generators and critics are trained on."""
    refiner_models: list[str] = Field(default_factory=list)
    """Base models of the run that generators and critics are trained from."""
    refiner_perturb: PerturbParams = PerturbParams()
    refiner_warm_start: WarmStartParams = WarmStartParams()
    refiner_critic: CriticParams = CriticParams()
    refiner_train: RefinerTraining = RefinerTraining()
    refiner_ppo: RefinerPpoParams = RefinerPpoParams()
    refiner_evaluate: RefinementParams = RefinementParams()
    refiner_evaluations: list[RefinerEvaluation] = Field(default_factory=list)
    """What is evaluated, in the order of the report's table."""
    refiner_prompts: list[RefinerPrompt] = Field(default_factory=list)
    """Language models that are evaluated as generators."""
