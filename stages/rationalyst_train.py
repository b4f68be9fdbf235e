"""RATIONALYST, trained on mined notes (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.training.train import learn
from stepwise.methods.rationalyst.training.training_data import read
from stepwise.models.card import Card, write_card
from stepwise.records import write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "backend", "task.{task}", "rationalyst_runs.{name}", "rationalyst_training"))
def main(
    run: Run, *, name: str, task: str, documents: Path, judged: Path, base: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Train on the notes of both kinds of documents; keep the state to which held-out notes are likeliest."""
    params, of_run = run.params, run.params.rationalyst_runs[name]
    learned = learn(
        of_run,
        params.rationalyst_training,
        *read(documents, judged),
        base=base,
        batch_tokens=params.backend.batch_tokens,
        seed=params.seed,
        work=run.work / "training",
        out=run.work / "model",
    )
    of_task = params.limits.cap(params.task[task])
    write_card(run.work / "model", Card(method="rationalyst", task=task, model=name, task_params=of_task))
    run.publish(run.work / "model", out)
    write_json(metrics, {"method": "rationalyst", "task": task, "model": name, **learned.numbers})
    write_plot(plot, learned.sft.curve)
    run.tracked.history = learned.sft.curve
    run.log(tokens_per_second=learned.sft.tokens_per_second, **learned.numbers)
    run.register("rationalyst", task, name, folder=out, dev=learned.told_apart)


if __name__ == "__main__":
    main()
