"""A round's model, trained on its edited trajectories (chapter: TriPosT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.tripost.dialogue import SELF_IMPROVEMENT
from stepwise.methods.tripost.rounds.round import Round, train_round
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.models.card import Card, write_card
from stepwise.records import EditedTrajectory, Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage

PARAMS = ("seed", "limits", "task.{task}", "model.{model}", "backend", "tripost_edit", "tripost_training")


@stage(params=(*PARAMS, "tripost_inference"))
def main(
    run: Run, *, name: str, number: str, task: str, model: str, data: Path, start: Path, edited: Path, out: Path,
    metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Train on improvements, right attempts and gold solutions; keep the state that answers dev best."""
    setup, params = TripostSetup.load(run.params, task, model), run.params.tripost_training
    this = Round(
        name=name,
        number=int(number),
        setup=setup,
        train=read_jsonl(data / "train.jsonl", Problem),
        dev=read_jsonl(data / "dev.jsonl", Problem),
        params=params,
        least_rows=run.params.tripost_edit.limits_of(task).least,
        work=run.work,
    )
    result = train_round(this, start, read_jsonl(edited, EditedTrajectory))
    notes = f"Improves its own answers: at most {setup.inference.max_updates} updates."
    inference = {SELF_IMPROVEMENT: setup.inference.model_dump()}
    card = Card(method=name, task=task, model=model, task_params=setup.task_params, notes=notes, inference=inference)
    write_card(result.model, card)
    run.publish(result.model, out)
    write_json(metrics, {"method": name, "number": int(number), "task": task, "model": model, **result.numbers})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(**result.numbers)


if __name__ == "__main__":
    main()
