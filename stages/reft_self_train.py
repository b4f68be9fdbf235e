"""ReFT's baselines, from the warm-up model and at ReFT's budget (chapter: ReFT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.reft.baselines import Baseline
from stepwise.methods.reft.train import TaskSetup
from stepwise.models.card import Card, write_card
from stepwise.records import write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "reft", "self_training"))
def main(
    run: Run, *, variant: str, task: str, model: str, data: Path, base: Path, start: Path, out: Path, metrics: Path,
    plot: Path,
) -> None:  # fmt: skip
    """Train one baseline, `sft`, `offline` or `online`; keep the state that answers dev best."""
    setup = TaskSetup.load(run.params, task, model, data, work=run.work)
    trained = Baseline(setup, start, base, run.params.reft, run.params.self_training).run(variant)
    spent = ", ".join(f"{name} {trained.numbers[name]:.0f}" for name in ("optimizer_steps", "generated_tokens"))
    notes = f"Trained with {spent}."
    write_card(setup.out, Card(method=variant, task=task, model=model, task_params=setup.task_params, notes=notes))
    run.publish(setup.out, out)
    write_json(metrics, {"method": variant, "task": task, "model": model, **trained.numbers})
    write_plot(plot, trained.curve)
    run.tracked.history = trained.curve
    run.log(**trained.numbers)


if __name__ == "__main__":
    main()
