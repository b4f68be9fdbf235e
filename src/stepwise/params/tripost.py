"""Parameters of TriPosT (arXiv 2310.13522) and of what it is compared with.

The defaults are those of its README (spec 1.16) where it gives them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import BackendParams, SftParams

Role = Literal["scripted", "llm"]
"""Who verifies or improves: the task's program, or a language model."""
PromptMode = Literal["few_shot", "self_improve", "self_improve_oracle"]
"""How a model answers from examples in its prompts; see methods/tripost/baselines/prompting.py."""
ORACLE: PromptMode = "self_improve_oracle"
"""The mode in which the gold answer decides when to stop."""


class TripostRound(Section):
    """A round: the model that collects, and the name of the model that is trained."""

    name: str
    """Folder below models/, and the method's name in results."""
    number: Positive
    start: str
    """Folder below models/ of the model that collects and is trained further: `warm_up` or an earlier round."""


class CollectParams(Section):
    """Trajectories that the model writes about its training problems."""

    passes: Positive = 5
    """Trajectories of each problem."""
    temperature: float = Field(1.0, ge=0)
    """The released code samples in the first round and is greedy in later ones, where its passes are all the same."""
    top_p: Share = 1.0
    top_k: Count = 0
    window: Count = 0
    """Training problems of a round, taken in turn from round to round; 0 means all in every round (the paper's)."""


class RowLimits(Section):
    """How many rows a round learns from on a task."""

    most: Count = 0
    """Passes are edited until there are so many rows from trajectories; 0 means all passes."""
    least: Count = 0
    """Fewer rows than this, gold rows included, are an error."""


class EditParams(Section):
    """Interactive trajectory editing."""

    verifier: Role = "scripted"
    improver: Role = "scripted"
    max_updates: Positive = 5
    """Updates by the improver before a trajectory is rejected."""
    teacher: str = "smollm2"
    """Entry of the instruct group that verifies or improves where the role is `llm`."""
    backend: BackendParams = BackendParams()
    """Where the teacher's answers come from: this process, or servers."""
    may_be_correct: bool = False
    """Whether the teacher may find nothing wrong; in TriPosT it is only asked about wrong attempts."""
    verdict_tokens: Positive = 256
    """Length limit of the teacher's verdicts, in its tokens."""
    update_tokens: Positive = 1024
    """Length limit of the teacher's updates; the paper's is 2048."""
    update_temperature: float = Field(0.7, ge=0)
    limits: dict[str, RowLimits] = Field(default_factory=dict)
    """Numbers of rows by task; a task that is not named takes all passes, and any number of rows."""

    def limits_of(self, task: str) -> RowLimits:
        """The limits of a task."""
        return self.limits.get(task, RowLimits())


class TripostTraining(Section):
    """Training on edited trajectories."""

    epochs: Positive = 4
    ratio: float = 1.5
    """Improvement rows to other rows; gold rows are as many as the others. 0 or less takes all rows."""
    feedback_weight: float = Field(1.5, gt=0)
    """Weight of the loss from the feedback on; attempts have 1."""
    answer_only: bool = False
    """No loss on the question; the paper learns it too."""
    replay: bool = False
    """Also train on the rows of earlier rounds."""
    stop: Literal["never", "worse", "not_better"] = "never"
    """Go no further if the paired 95 % interval of the difference on dev to the start is below zero, or not above it:
    this round's model and the later ones' are then the start's."""
    fine_tuning: SftParams = SftParams()


class SelfImprovementParams(Section):
    """How a trained model improves its own answers."""

    max_updates: Count = 3
    """Most updates of an answer; 0 takes the first attempt."""
    feedback_tokens: Positive = 96
    """Length limit of a feedback, in the model's tokens."""


class LmsiParams(Section):
    """LMSI as TriPosT's authors use it: fine-tuning on the model's own right samples."""

    passes: Positive = 5
    temperature: float = Field(1.2, gt=0)
    answer_only: bool = True
    """A copy of each sample without its reasoning."""


class DemonstrationParams(Section):
    """Fine-tuning on demonstrations of self-improvement in which nothing is written by the model itself."""

    passes: Positive = 3
    """Attempts at each training problem."""
    most_rows: Count = 0
    """Rows from demonstrations; 0 means all."""


class PromptParams(Section):
    """A way of answering by prompting."""

    name: str
    """Folder below evaluations/, and the method's name in results; it ends in `_oracle` if the mode does."""
    mode: PromptMode
    shots: Count = 3
    """Solved training problems before every question; the paper shows 3, and 7 for logical deduction."""
    max_updates: Count = 5
    """Most updates of an answer."""
    verdict_tokens: Positive = 256
    """Length limit of a verdict, in the model's tokens."""
    items: Count = 0
    """Test problems, evenly spaced; 0 means all."""

    @model_validator(mode="after")
    def _name_says_oracle(self) -> PromptParams:
        if self.name.endswith("_oracle") != (self.mode == ORACLE):
            raise ValueError(
                f"{self.name} has the mode {self.mode}; a name ends in _oracle exactly if its mode does, so that "
                "every table says whose answers used an oracle"
            )
        return self


class TripostPrompt(PromptParams):
    """Prompting of a model that follows instructions."""

    agent: str
    """Entry of the instruct group that attempts, verifies and updates."""


class TrainedPrompt(PromptParams):
    """Prompting of models that were trained on the task, which attempt as they were trained: without examples."""

    mode: Literal["self_improve", "self_improve_oracle"]
    shots: Literal[0] = 0
    start: str = "warm_up"
    """Folder below models/ of the models that attempt, verify and update: `warm_up` or a round."""


class TripostKeys(Section):
    """TriPosT's keys of params.yaml."""

    tripost_task: dict[str, dict[str, str]] = Field(default_factory=dict)
    """The run's tasks that TriPosT can be trained on, as their files in conf/task say; nothing but their names."""
    tripost_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run that TriPosT and its baselines are trained on."""
    tripost_rounds: list[TripostRound] = Field(default_factory=list)
    tripost_methods: list[str] = Field(default_factory=list)
    """Rounds and baselines that are evaluated."""
    tripost_collect: CollectParams = CollectParams()
    tripost_edit: EditParams = EditParams()
    tripost_training: TripostTraining = TripostTraining()
    tripost_inference: SelfImprovementParams = SelfImprovementParams()
    tripost_lmsi: LmsiParams = LmsiParams()
    tripost_demonstrations: DemonstrationParams = DemonstrationParams()
    tripost_prompts: list[TripostPrompt] = Field(default_factory=list)
    tripost_trained_prompts: list[TrainedPrompt] = Field(default_factory=list)
