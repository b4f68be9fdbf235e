"""Evaluates generators, alone, with the trained critic and with the oracle (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise import evaluation
from stepwise.methods.refiner.answering import Pair, critic_backend
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage

PARAMS = ("seed", "limits", "task.{task}", "model.{model}", "backend")


@stage(params=(*PARAMS, "refiner_critic", "refiner_evaluate", "refiner_evaluations"))
def main(
    run: Run, *, name: str, task: str, model: str, data: Path, generator: Path, critic: Path, out: Path, metrics: Path,
    plot: Path,
) -> None:  # fmt: skip
    """Answer test and dev problems greedily, with revisions; register a generator with the results of its own name."""
    params, setup = run.params.refiner_evaluate, RefinerSetup.load(run.params, task, model)
    (this,) = [each for each in run.params.refiner_evaluations if each.name == name]
    pair = Pair(
        setup=setup,
        params=params,
        critic=this.critic,
        feedback_tokens=run.params.refiner_critic.feedback_tokens,
        generator=setup.make_backend(generator),
        critic_backend=critic_backend(setup, critic),
    )
    test, dev = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("test", "dev"))
    test = evaluation.spread(test, params.limit)
    result = pair.examine(test, journal=run.work / "journal")
    dev_result = pair.examine(dev, journal=run.work / "journal")
    for part, records in {
        "greedy": result.predictions,
        "z": result.exact,
        "trajectories": result.trajectories,
        "dev": dev_result.predictions,
    }.items():
        write_jsonl(run.work / "predictions" / f"{part}.jsonl", records)
    run.publish(run.work / "predictions", out)
    numbers = result.numbers | pair.review(test, result.predictions) | {"oracle": float(this.critic == "oracle")}
    write_json(metrics, {"method": name, "task": task, "model": model, **numbers})
    write_plot(plot, evaluation.by_cell(result.predictions))
    run.log(**numbers)
    if name == this.generator:
        run.register(name, task, model, folder=generator, dev=evaluation.correct_by_problem(dev_result.predictions))


if __name__ == "__main__":
    main()
