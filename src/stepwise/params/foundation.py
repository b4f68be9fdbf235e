"""Parameters that all methods share: tasks, base models, fine-tuning, evaluation, backends and launchers."""

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
    """Number of training problems; 0 means all there are."""
    dev: Positive = 100
    """Number of problems held out from training, on which every choice is made."""
    test: Count = 0
    """Number of test problems; 0 means all. Only evaluation reads them."""
    references: Count = 0
    """Training problems that come with a reference solution, the first ones; of the others only the answer is known.
    0 means all."""
    max_new_tokens: Positive = 256
    """Length limit of a completion, in the model's own tokens."""
    warm_up_epochs: Positive = 4
    """Passes over the training problems in `warm_up`; papers set them for each data set."""
    options: dict[str, int | float | str | bool | list[int] | list[str] | list[list[int]]] = Field(default_factory=dict)
    """Options that only this task has; the task itself checks them."""


class ArchitectureParams(Section):
    """Shape of a model that is trained from scratch."""

    family: Literal["llama", "t5"] = "llama"
    hidden: Positive = 160
    layers: Positive = 6
    heads: Positive = 5
    intermediate: Positive = 432
    vocabulary: Positive = 1024
    max_length: Positive = 2048


class PretrainParams(Section):
    """Training of a model from scratch, on generated text."""

    examples: Positive = 60000
    """Number of generated examples of all kinds together."""
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
    """Factor on every stage's learning rate, so that small and large models can share the stages' parameters."""
    warm_up_factor: Positive = 1
    """Factor on a task's epochs of warm-up, for models that learn more slowly than others."""

    def warmed_up(self, task: TaskParams) -> TaskParams:
        """The task's parameters with the epochs of warm-up that this model needs."""
        return task.model_copy(update={"warm_up_epochs": self.warm_up_factor * task.warm_up_epochs})


class LoraParams(Section):
    """LoRA adapters; rank 0 trains all weights."""

    rank: Count = 0
    alpha: Positive = 32
    dropout: Share = 0.0
    targets: list[str] = Field(default_factory=lambda: ["q_proj", "k_proj", "v_proj", "o_proj"])


class LimitParams(Section):
    """Caps that a scale puts on every task and model; 0 means no cap."""

    train: Count = 0
    dev: Count = 0
    test: Count = 0
    new_tokens: Count = 0
    epochs: Count = 0
    pretrain_steps: Count = 0
    """Pretrain shipped and pretrained models with this many steps; 0 takes each model from its own source."""

    def cap(self, task: TaskParams) -> TaskParams:
        """The task's parameters under these caps; where a split is 0, which means all, it becomes the cap."""
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
    """The smaller of two counts, where 0 means no limit."""
    return min(value, cap) if value and cap else value or cap


class SftParams(Section):
    """Supervised fine-tuning, the same for every method."""

    learning_rate: float = Field(1e-3, gt=0)
    batch_examples: Positive = 16
    """Examples per optimiser step, over all devices and accumulation steps."""
    batch_tokens: Positive = 8192
    """Most tokens, padding included, in a forward pass."""
    max_length: Positive = 1024
    """Most tokens of an example; longer ones are left out and counted."""
    warm_up_share: Share = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(0.0, ge=0)
    optimizer: Literal["adamw", "muon"] = "adamw"
    """Muon needs fewer steps to train a model from scratch; AdamW is what the papers fine-tune with."""
    clip: float = Field(1.0, gt=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    evaluations: Positive = 4
    """Evaluations on dev during training; the best checkpoint by dev is kept."""
    dev_examples: Positive = 100
    """Dev problems that are answered at each evaluation."""
    saves: Positive = 8
    """Checkpoints during training, from which a killed run resumes."""
    lora: LoraParams = LoraParams()
    deepspeed: str | None = None
    """A file under conf/deepspeed; null trains without DeepSpeed."""


class EvaluateParams(Section):
    """How a model is evaluated."""

    samples: Positive = 1
    """Sampled completions per problem, beside the greedy one, for maj@k and pass@k."""
    temperature: float = Field(1.0, ge=0)
    top_p: Share = 1.0
    top_k: Count = 0
    ks: list[int] = Field(default_factory=lambda: [1, 4])
    limit: Count = 0
    """Number of test problems; 0 means all."""
    sample_limit: Count = 100
    """Number of problems for which completions are sampled; 0 means all."""


class BackendParams(Section):
    """Where completions come from (conf/backend)."""

    kind: Literal["transformers", "openai"] = "transformers"
    batch_tokens: Positive = 32768
    """Most tokens in the KV cache of a batch of the transformers backend."""
    addresses: list[str] = Field(default_factory=list)
    """Addresses of the openai backend's servers; the environment variable STEPWISE_SERVERS overrides them."""
    concurrency: Positive = 32
    timeout: float = Field(120.0, gt=0)


class LauncherParams(Section):
    """Where stages run (conf/launcher). Results do not depend on it, so no stage declares it."""

    kind: Literal["local", "slurm"] = "local"
    partition: str = ""
    account: str = ""
    poll_seconds: float = Field(5.0, gt=0)
    jobs: Positive = 1
    """Stages that `make repro` runs at once; local ones never more than there are cores."""
