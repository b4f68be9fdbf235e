"""Where a training run stands, on disk: tensors as safetensors, the rest as JSON, there whole or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.models.loading import new_folder
from stepwise.records import replacing

if TYPE_CHECKING:
    import torch


@dataclass
class Standing:
    """What a run needs beside its tensors to go on."""

    run: str
    """Fingerprint of everything that decides the run; a checkpoint of another run is not used."""
    step: int = 0
    best_step: int | None = None
    best_score: float | None = None
    pending: list[dict[str, float]] = field(default_factory=list)
    """Figures of the steps since the last row of the curve."""
    extra: dict[str, float] = field(default_factory=dict)
    """Numbers that a kind of training carries from step to step."""
    curve: list[dict[str, float]] = field(default_factory=list)


def trainable(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that learn, by name; tied ones once."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def save(work: Path, standing: Standing, model: torch.nn.Module, optimizer: torch.optim.Optimizer | None) -> None:
    """Write the checkpoint of `standing.step`, then remove older ones."""
    write(work / f"checkpoint-{standing.step:07d}", standing, model, optimizer)
    for old in _folders(work)[:-1]:
        shutil.rmtree(old)


def write(path: Path, standing: Standing, model: torch.nn.Module, optimizer: torch.optim.Optimizer | None) -> None:
    """Write a state as one folder."""
    from safetensors.torch import save_file

    with new_folder(path) as folder:
        save_file(_detached(model), folder / "weights.safetensors")
        if optimizer is not None:
            save_file(_flat(optimizer), folder / "optimizer.safetensors")
        (folder / "standing.json").write_text(json.dumps(asdict(standing)), encoding="utf-8")


def restore(work: Path, run: str, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Standing | None:
    """Load the latest checkpoint of this run into model and optimiser. None where there is none."""
    from safetensors.torch import load_file

    folders = _folders(work)
    if not folders:
        return None
    standing = Standing(**json.loads((folders[-1] / "standing.json").read_text(encoding="utf-8")))
    if standing.run != run:
        return None
    load_weights(model, folders[-1] / "weights.safetensors")
    _load_flat(optimizer, load_file(folders[-1] / "optimizer.safetensors"))
    return standing


def save_weights(model: torch.nn.Module, path: Path) -> None:
    """Write the trainable weights, whole or not at all."""
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        save_file(_detached(model), temporary)


def load_weights(model: torch.nn.Module, path: Path) -> None:
    """Copy saved weights into the model's trainable parameters."""
    import torch
    from safetensors.torch import load_file

    saved = load_file(path)
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(saved[name])


def _detached(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().contiguous() for name, value in trainable(model).items()}


def _folders(work: Path) -> list[Path]:
    return sorted(work.glob("checkpoint-*"))


def _flat(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Optimiser state as `parameter number/name` -> tensor."""
    state: dict[int, dict[str, torch.Tensor]] = optimizer.state_dict()["state"]
    return {f"{number}/{name}": value.contiguous() for number, entry in state.items() for name, value in entry.items()}


def _load_flat(optimizer: torch.optim.Optimizer, flat: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, value in flat.items():
        number, name = key.split("/")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
