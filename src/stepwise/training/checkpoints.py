"""The state of a training run on disk: tensors as safetensors, the rest as JSON, each written whole or not at all."""

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
class TrainState:
    """What a run needs to resume, besides its tensors."""

    run: str
    """Fingerprint of everything that decides the run; checkpoints of another run are ignored."""
    step: int = 0
    best_step: int | None = None
    best_score: float | None = None
    pending: list[dict[str, float]] = field(default_factory=list)
    """Metrics of the steps since the last row of the curve."""
    extra: dict[str, float] = field(default_factory=dict)
    """Numbers that a kind of training carries from step to step."""
    curve: list[dict[str, float]] = field(default_factory=list)


class Checkpoints:
    """A run's checkpoints and its best weights, in one folder."""

    def __init__(
        self, folder: Path, module: torch.nn.Module, optimizer: torch.optim.Optimizer, *, writes: bool = True
    ) -> None:
        """`module` holds everything that learns; `writes` is false in all processes but the main one."""
        self.folder, self.module, self.optimizer, self.writes = folder, module, optimizer, writes

    def restore(self, run: str) -> TrainState:
        """Load the latest checkpoint of this run into module and optimiser; a fresh state if there is none."""
        from safetensors.torch import load_file

        folders = self._folders()
        if not folders:
            return TrainState(run)
        state = TrainState(**json.loads((folders[-1] / "state.json").read_text(encoding="utf-8")))
        if state.run != run:
            return TrainState(run)
        load_weights(self.module, folders[-1] / "weights.safetensors")
        _load_flat(self.optimizer, load_file(folders[-1] / "optimizer.safetensors"))
        return state

    def save(self, state: TrainState) -> None:
        """Write the checkpoint of `state.step`, then remove older ones and outdated best weights."""
        if not self.writes:
            return
        self.write(self.folder / f"checkpoint-{state.step:07d}", state)
        for old in self._folders()[:-1]:
            shutil.rmtree(old)
        for path in self.folder.glob("best-*.safetensors"):
            if state.best_step is None or path != self._best(state.best_step):
                path.unlink()

    def write(self, path: Path, state: TrainState) -> None:
        """Write everything to one folder."""
        from safetensors.torch import save_file

        with new_folder(path) as folder:
            save_file(_detached(self.module), folder / "weights.safetensors")
            save_file(_flat(self.optimizer), folder / "optimizer.safetensors")
            (folder / "state.json").write_text(json.dumps(asdict(state)), encoding="utf-8")

    def keep_if_best(self, state: TrainState, score: float) -> None:
        """Keep the present weights if no earlier score is higher; of equal scores the later one counts."""
        if state.best_score is None or score >= state.best_score:
            state.best_step, state.best_score = state.step, score
            if self.writes:
                save_weights(self.module, self._best(state.step))

    def load_best(self, state: TrainState) -> None:
        """Load the best weights into the module; without an evaluation it keeps its own."""
        if state.best_step is not None:
            load_weights(self.module, self._best(state.best_step))

    def _folders(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*"))

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step:07d}.safetensors"


def trainable(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that learn, by name; tied ones once."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


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
