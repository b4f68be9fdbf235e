"""ReFT's baselines, from the warm-up model and at ReFT's budget (chapter: ReFT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.reft.baselines import Baseline
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "reft", "self_training"))
def main(
    run: Run, *, variant: str, task: str, model: str, data: Path, base: Path, start: Path, out: Path, metrics: Path,
    plot: Path,
) -> None:  # fmt: skip
    """Train one baseline, `sft`, `offline` or `online`; keep the state that answers dev best."""
    params, of_task = run.params, run.params.limits.cap(run.params.task[task])
    baseline = Baseline(
        task=get_task(task, of_task, seed=params.seed),
        train=read_jsonl(data / "train.jsonl", Problem),
        dev=read_jsonl(data / "dev.jsonl", Problem),
        start=start,
        base=base,
        of_task=of_task,
        of_model=params.model[model],
        reft=params.reft,
        params=params.self_training,
        backend=params.backend,
        seed=params.seed,
        work=run.work,
        out=run.work / "model",
    )
    trained = baseline.run(variant)
    spent = ", ".join(f"{name} {trained.numbers[name]:.0f}" for name in ("optimizer_steps", "generated_tokens"))
    card = Card(method=variant, task=task, model=model, task_params=of_task, notes=f"Trained with {spent}.")
    write_card(run.work / "model", card)
    run.publish(run.work / "model", out)
    write_json(metrics, {"method": variant, "task": task, "model": model, **trained.numbers})
    write_plot(plot, trained.curve)
    run.tracked.history = trained.curve
    run.log(**trained.numbers)


if __name__ == "__main__":
    main()
