"""What TriPosT is compared with, trained with its rounds' steps and tokens (chapter: TriPosT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.tripost.baselines.answer_only import ANSWER_ONLY
from stepwise.methods.tripost.baselines.fine_tuned import Baselines, train_baseline
from stepwise.methods.tripost.dialogue import SELF_IMPROVEMENT
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.methods.tripost.teacher.teachers import scripted_teacher
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage

PARAMS = ("seed", "limits", "task.{task}", "model.{model}", "backend", "warm_up", "tripost_edit", "tripost_training")


@stage(params=(*PARAMS, "tripost_inference", "tripost_lmsi", "tripost_demonstrations"))
def main(
    run: Run, *, variant: str, task: str, model: str, data: Path, base: Path, start: Path, rounds: Path, out: Path,
    metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Train one baseline; keep the state that answers dev best."""
    params, setup = run.params, TripostSetup.load(run.params, task, model)
    baselines = Baselines(
        setup=setup,
        train=read_jsonl(data / "train.jsonl", Problem),
        dev=read_jsonl(data / "dev.jsonl", Problem),
        warm_up=params.warm_up,
        lmsi=params.tripost_lmsi,
        demonstrations=params.tripost_demonstrations,
        edit=params.tripost_edit,
        training=params.tripost_training,
        teacher=scripted_teacher(task),
        work=run.work,
    )
    trained = train_baseline(baselines, variant, base=base, start=start, rounds=rounds)
    way = {ANSWER_ONLY: {}} if variant == ANSWER_ONLY else {SELF_IMPROVEMENT: setup.inference.model_dump()}
    card = Card(method=variant, task=task, model=model, task_params=setup.task_params, inference=way)
    write_card(trained.model, card)
    run.publish(trained.model, out)
    write_json(metrics, {"method": variant, "task": task, "model": model, **trained.numbers})
    write_plot(plot, trained.curve)
    run.tracked.history = trained.curve
    run.log(**trained.numbers)


if __name__ == "__main__":
    main()
