"""The critic, trained on solutions of known kinds of error (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.refiner.critic import CriticData, train_critic
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, Trajectory, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "refiner_critic"))
def main(
    run: Run, *, task: str, model: str, data: Path, perturbed: Path, base: Path, generator: Path, out: Path,
    metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Train on feedback; keep the state that names the faults of most held-out solutions."""
    setup, params = RefinerSetup.load(run.params, task, model), run.params.refiner_critic
    critic_data = CriticData(
        train=read_jsonl(data / "train.jsonl", Problem),
        dev=read_jsonl(data / "dev.jsonl", Problem),
        rows=read_jsonl(perturbed / "train.jsonl", Trajectory),
        held_out=read_jsonl(perturbed / "held_out.jsonl", Trajectory),
    )
    trained = train_critic(setup, base, generator, critic_data, params, run.work)
    notes = "Writes feedback on solutions, not solutions."
    card = Card(method="refiner_critic", task=task, model=model, task_params=setup.task_params, notes=notes)
    write_card(run.work / "model", card)
    run.publish(run.work / "model", out)
    write_json(metrics, {"method": "refiner_critic", "task": task, "model": model, **trained.numbers})
    write_plot(plot, trained.result.curve)
    run.tracked.history = trained.result.curve
    run.log(**trained.numbers)
    run.register("refiner_critic", task, model, folder=out, dev=trained.held_out)


if __name__ == "__main__":
    main()
