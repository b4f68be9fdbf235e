"""Where a run computes: CPU, one GPU, or several processes, with or without DeepSpeed; accelerate hides which."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.errors import StepwiseError
from stepwise.training.first_models import relative_rates

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator


class DeviceError(StepwiseError, RuntimeError):
    """Devices that cannot be used as asked; the message names the remedy."""


def make_accelerator(deepspeed: str | None = None) -> Accelerator:
    """The process's place in the run; `torchrun` or `accelerate launch` decide how many there are.

    `deepspeed` names a file of its settings. Raises DeviceError where that is missing, or the package is.
    """
    import torch
    from accelerate import Accelerator, DeepSpeedPlugin

    plugin = None
    if deepspeed is not None:
        if not Path(deepspeed).is_file():
            raise DeviceError(f"{deepspeed} does not exist; warm_up.deepspeed names one under conf/deepspeed")
        if importlib.util.find_spec("deepspeed") is None:
            raise DeviceError(
                "warm_up.deepspeed is set and deepspeed is missing; CONTRIBUTING.md says how to install it"
            )
        plugin = DeepSpeedPlugin(hf_ds_config=deepspeed)
        plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = 1
    # accelerate drops the plugin without a word where it is told to stay on the CPU
    return Accelerator(cpu=plugin is None and not torch.cuda.is_available(), deepspeed_plugin=plugin)


def make_optimizer(model: torch.nn.Module, name: str, weight_decay: float) -> torch.optim.Optimizer:
    """`adamw`, or `muon` for the matrices between embeddings and AdamW for the rest; norms and biases do not decay.

    Groups of `muon` have a `rate`: times the run's learning rate, their own.
    """
    import torch

    from stepwise.training.muon import MuonWithAdamW

    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    inner = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Linear)}
    inner -= {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    head = getattr(model, "get_output_embeddings", lambda: None)()
    inner -= {id(head.weight)} if head is not None else set()
    groups: list[dict[str, Any]] = [
        {"params": [one for one in learned if id(one) in inner], "weight_decay": weight_decay},
        {"params": [one for one in learned if id(one) not in inner and one.ndim > 1], "weight_decay": weight_decay},
        {"params": [one for one in learned if one.ndim <= 1], "weight_decay": 0.0},
    ]
    if name == "adamw":
        return torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
    groups[0]["orthogonal"] = True
    rates = relative_rates(model)
    return MuonWithAdamW([part for group in groups for part in _by_rate(group, rates)])


def _by_rate(group: dict[str, Any], rates: dict[int, float]) -> list[dict[str, Any]]:
    """A group of parameters, cut by their rates."""
    found: dict[float, list[torch.nn.Parameter]] = {}
    for one in group["params"]:
        found.setdefault(rates.get(id(one), 1.0), []).append(one)
    return [group | {"params": some, "rate": rate} for rate, some in found.items()]


def precision(device: torch.device, name: str) -> AbstractContextManager[None]:
    """The context of a forward pass: bfloat16 where that is safe (`bf16`), or the weights' own type (`fp32`)."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16")
