"""Parameters of RATIONALYST's training and of its supervision of an agent (arXiv 2410.01044, sections 3.2 and 3.3)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section
from stepwise.params.foundation import SftParams

Chooser = Literal["greedy", "random", "self_consistency", "likelihood", "verifier", "explicit", "implicit"]


class RationalystContest(Section):
    """Test problems, and who solves and supervises. Models are folders that stages make."""

    task: str
    """Whose test problems are solved."""
    agent: str
    """The model that proposes steps; RATIONALYST leaves it as it is."""
    scorer: str
    """The model whose likelihood of a step decides; the paper takes the untrained base model."""
    verifier: str
    """The model that grades steps 0 to 3, for comparison."""
    items: Count = 0
    """Test problems; 0 means all."""
    shots: Count = 0
    """Solved training problems before the agent's question; an agent trained on the task needs none."""
    demonstration: bool = False
    """Whether the run is too small for its table to show anything but that it works."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of all its models in memory."""
    max_length: Positive = 1024
    """Tokens that RATIONALYST reads, in training too; a longer text so far loses its beginning."""


class RationalystRun(RationalystContest):
    """One RATIONALYST and the agent that it supervises."""

    base: str
    """What RATIONALYST is trained from."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of training."""
    epochs: Positive = 3
    """Passes over the notes; the released script makes 20."""
    learning_rate_scale: float = Field(1.0, gt=0)
    """Factor on `rationalyst_training.fine_tuning.learning_rate`."""
    lora_rank: Count = 0
    """0 trains all weights, as the paper does."""
    limit: Count = 0
    """Notes that are trained on, spread over all; 0 means all."""

    def fine_tuning(self, common: SftParams) -> SftParams:
        """The common parameters of training with what this run changes."""
        lora = common.lora.model_copy(update={"rank": self.lora_rank})
        return common.model_copy(update={"max_length": self.max_length, "precision": self.precision, "lora": lora})


class RationalystTransfer(RationalystContest):
    """The RATIONALYST of a run on another task, whose notes it need not have read."""

    run: str
    """One of `rationalyst_runs`."""


class RationalystTrainingParams(Section):
    """From the text so far to the note: what RATIONALYST learns, the same for all runs."""

    notes: Literal["kept", "unfiltered", "shuffled"] = "kept"
    """Those that the filter kept, all, or the kept ones given to other texts (the last two for comparison)."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the documents that is trained on."""
    dev_share: float = Field(0.1, gt=0, lt=1)
    """Share of the documents held out to choose the best state; the released code splits by note, 95 to 5."""
    fine_tuning: SftParams = SftParams()
    """`max_length`, precision and LoRA's rank are the run's."""


class RationalystSupervisionParams(Section):
    """How an agent's steps are chosen."""

    choosers: tuple[Chooser, ...] = Field(("greedy", "random", "implicit"), min_length=1)
    candidates: Positive = 3
    """Steps that the agent proposes at a time (paper: 3)."""
    temperature: float = Field(0.7, gt=0)
    """Of the proposals (paper: 0.7); notes are greedy."""
    steps: Positive = 15
    """Most steps of a solution (paper: 15)."""
    step_end: str = Field("\n", min_length=1)
    """Where a step ends. In the released code it ends where the agent's answer does."""
    step_tokens: Positive = 128
    """Longest step (released: 1000 tokens)."""
    note_tokens: Positive = 64
    """Longest note (released: 1000 tokens)."""
    discount: float = Field(1.0, gt=0, le=1)
    """Weight of each token of a step relative to the one before; 1 is the mean log-probability."""
    agent_servers: list[str] = Field(default_factory=list)
    """Addresses where a server has the agent, for the openai backend; the same for the other three."""
    rationalyst_servers: list[str] = Field(default_factory=list)
    scorer_servers: list[str] = Field(default_factory=list)
    verifier_servers: list[str] = Field(default_factory=list)


class RationalystAblation(Section):
    """What a variant of RATIONALYST does otherwise; what it does not name stays."""

    notes: Literal["kept", "unfiltered", "shuffled"] | None = None
    share: float | None = Field(None, gt=0, le=1)
    agent: bool = False
    """Train the agent on the mined solutions instead of a RATIONALYST on the notes."""
    chooser: Chooser = "implicit"

    def applied_to(self, params: RationalystTrainingParams) -> RationalystTrainingParams:
        """The training parameters of the variant."""
        return params.model_copy(update=self.model_dump(exclude_none=True, include={"notes", "share"}))
