"""Where a run computes: on CPU, one GPU or several processes, with or without DeepSpeed; accelerate hides which."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from stepwise.errors import StepwiseError

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator


class DeviceError(StepwiseError, RuntimeError):
    """Devices that cannot be used as configured; the message names the remedy."""


def make_accelerator(deepspeed: str | None = None) -> Accelerator:
    """The accelerator of this process; `torchrun` or `accelerate launch` decide how many processes there are.

    `deepspeed` is the path of DeepSpeed's settings. Raises DeviceError if that file or the package is missing.
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
    # accelerate silently drops the plugin if it is told to stay on the CPU.
    return Accelerator(cpu=plugin is None and not torch.cuda.is_available(), deepspeed_plugin=plugin)


def precision(device: torch.device, name: str) -> AbstractContextManager[None]:
    """The context of a forward pass: `bf16` is autocast to bfloat16, `fp32` keeps the weights' own type."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16")
