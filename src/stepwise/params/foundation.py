"""Parameters of the foundation: tasks, base models, fine-tuning, evaluation, sources of text, places of stages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.records import Form


class TaskParams(Section):
    """One task of the run (conf/task)."""

    form: Form
    """How solutions are written."""
    train: Count = 0
    """Training problems; 0 means all that the data has."""
    dev: Positive = 100
    """Problems held out for every choice."""
    test: Count = 0
    """Test problems; 0 means all. Read by evaluation only."""
    max_new_tokens: Positive = 256
    """Longest completion, in tokens of the model at hand."""
    warm_up_epochs: Positive = 4
    """Passes over the training problems in `warm_up` (papers give them a data set)."""
    options: dict[str, int | float | str | bool | list[int] | list[str] | list[list[int]]] = Field(default_factory=dict)
    """What only this task knows; checked by the task itself."""


class ArchitectureParams(Section):
    """Shape of a model made from nothing."""

    family: Literal["llama", "t5"] = "llama"
    hidden: Positive = 160
    layers: Positive = 6
    heads: Positive = 5
    intermediate: Positive = 432
    vocabulary: Positive = 1024
    max_length: Positive = 2048


class PretrainParams(Section):
    """Training of a model made from nothing, on generated text."""

    examples: Positive = 60000
    """Generated examples, all kinds together."""
    steps: Positive = 2000
    batch_tokens: Positive = 8192
    learning_rate: float = Field(3e-3, gt=0)


class ModelParams(Section):
    """One base model of the run (conf/model)."""

    source: str
    """`shipped`, `pretrain`, `package:NAME`, a local folder, or a hub id."""
    revision: str | None = None
    """Commit of a hub model."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    licence: str = "unknown"
    architecture: ArchitectureParams | None = None
    pretrain: PretrainParams | None = None
    learning_rate_scale: float = Field(1.0, gt=0)
    """Factor on every stage's learning rate, so that one set of stage parameters serves small and large models."""
    warm_up_factor: Positive = 1
    """Times as many epochs of warm-up as a task has: some models learn slower than others."""

    def warmed_up(self, task: TaskParams) -> TaskParams:
        """The task's parameters with this model's epochs."""
        return task.model_copy(update={"warm_up_epochs": self.warm_up_factor * task.warm_up_epochs})


class LoraParams(Section):
    """LoRA adapters; rank 0 trains all weights."""

    rank: Count = 0
    alpha: Positive = 32
    dropout: Share = 0.0
    targets: list[str] = Field(default_factory=lambda: ["q_proj", "k_proj", "v_proj", "o_proj"])


class LimitParams(Section):
    """Caps that a scale puts on every task and model; 0 is no cap."""

    train: Count = 0
    dev: Count = 0
    test: Count = 0
    new_tokens: Count = 0
    epochs: Count = 0
    pretrain_steps: Count = 0
    """Steps that make a shipped or pretrained model anew; 0 takes the model as its group says."""

    def cap(self, task: TaskParams) -> TaskParams:
        """The task's parameters under these caps; a split that means "all" (0) takes the cap itself."""
        return task.model_copy(
            update={
                "train": _least(task.train, self.train),
                "dev": _least(task.dev, self.dev),
                "test": _least(task.test, self.test),
                "max_new_tokens": _least(task.max_new_tokens, self.new_tokens),
                "warm_up_epochs": _least(task.warm_up_epochs, self.epochs),
            }
        )


def _least(value: int, cap: int) -> int:
    """The smaller of two counts of which 0 means no limit."""
    return min(value, cap) if value and cap else value or cap


class SftParams(Section):
    """Supervised fine-tuning, the same for every method."""

    learning_rate: float = Field(1e-3, gt=0)
    batch_examples: Positive = 16
    """Examples an optimiser step, over all devices and accumulation steps."""
    batch_tokens: Positive = 8192
    """Most tokens (padding included) in one forward pass."""
    max_length: Positive = 1024
    """Longest example in tokens; a longer one is left out and counted."""
    warm_up_share: Share = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(0.0, ge=0)
    optimizer: Literal["adamw", "muon"] = "adamw"
    """Muon takes fewer steps where a model is made from nothing; AdamW is what papers fine-tune with."""
    clip: float = Field(1.0, gt=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    evaluations: Positive = 4
    """How often dev is read on the way; the best of them is kept."""
    dev_examples: Positive = 100
    """Dev problems answered at each of them."""
    saves: Positive = 8
    """Checkpoints on the way, from which a killed run goes on."""
    lora: LoraParams = LoraParams()
    deepspeed: str | None = None
    """A file under conf/deepspeed, or none."""


class EvaluateParams(Section):
    """How a model is examined."""

    samples: Positive = 1
    """Completions a problem beside the greedy one; maj@k and pass@k come from them."""
    temperature: float = Field(1.0, ge=0)
    top_p: Share = 1.0
    top_k: Count = 0
    ks: list[int] = Field(default_factory=lambda: [1, 4])
    limit: Count = 0
    """Only so many test problems; 0 means all."""
    sample_limit: Count = 100
    """Problems that get samples; 0 means all."""


class BackendParams(Section):
    """Where completions come from (conf/backend)."""

    kind: Literal["transformers", "openai"] = "transformers"
    batch_tokens: Positive = 32768
    """Most cached tokens in one batch of the transformers backend."""
    addresses: list[str] = Field(default_factory=list)
    """Servers of the openai backend; the environment variable STEPWISE_SERVERS overrides them."""
    concurrency: Positive = 32
    timeout: float = Field(120.0, gt=0)


class LauncherParams(Section):
    """Where stages run (conf/launcher). Results do not depend on it, so no stage declares it."""

    kind: Literal["local", "slurm"] = "local"
    partition: str = ""
    account: str = ""
    poll_seconds: float = Field(5.0, gt=0)
    jobs: Positive = 1
    """Stages that `make repro` runs at once; of local ones not more than there are cores."""
