"""A base model as a folder of safetensors, tokenizer and card (chapter: foundation)."""

from __future__ import annotations

from pathlib import Path

from stepwise.pretraining.base_model import make_base_model
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "model.{model}"))
def main(run: Run, *, model: str, checkpoints: Path, out: Path) -> None:
    """Get the model as its parameters say: shipped, trained from scratch, or from a package, a folder or a hub."""
    card = make_base_model(
        model,
        run.params.model[model],
        checkpoints=checkpoints,
        steps=run.params.limits.pretrain_steps,
        seed=run.params.seed,
        work=run.work,
        out=run.work / "model",
    )
    run.publish(run.work / "model", out)
    run.log(parameters=card.parameters)


if __name__ == "__main__":
    main()
