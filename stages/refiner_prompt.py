"""Evaluates language models as generators, alone and with critics (chapter: REFINER)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stepwise import evaluation
from stepwise.methods.refiner.answering import Pair, critic_backend
from stepwise.methods.refiner.prompting.shots import examples, read_shots
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage

PARAMS = ("seed", "limits", "task.{task}", "model", "instruct", "backend")


@stage(params=(*PARAMS, "refiner_critic", "refiner_evaluate", "refiner_prompts"))
def main(
    run: Run, *, name: str, task: str, agent: str, critic_model: str, data: Path, generator: Path, critic: Path,
    out: Path, metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Answer test problems greedily from examples in prompts, with revisions."""
    setup = RefinerSetup.load(run.params, task, critic_model)
    prompt = next(entry for entry in run.params.refiner_prompts if entry.name == name)
    pair = Pair(
        setup=setup,
        params=run.params.refiner_evaluate,
        critic=prompt.critic,
        feedback_tokens=run.params.refiner_critic.feedback_tokens,
        generator=replace(setup, model_params=run.params.instruct[agent]).make_backend(generator),
        critic_backend=critic_backend(setup, critic),
        examples=examples(setup.task, setup.domain, read_shots(task)),
    )
    test = evaluation.spread(read_jsonl(data / "test.jsonl", Problem), prompt.items)
    result = pair.examine(test, journal=run.work / "journal")
    for part, records in {"greedy": result.predictions, "z": result.exact, "trajectories": result.trajectories}.items():
        write_jsonl(run.work / "predictions" / f"{part}.jsonl", records)
    run.publish(run.work / "predictions", out)
    numbers = result.numbers | pair.review(test, result.predictions) | {"oracle": float(prompt.critic == "oracle")}
    write_json(metrics, {"method": name, "task": task, "model": agent, **numbers})
    write_plot(plot, evaluation.by_cell(result.predictions))
    run.log(**numbers)


if __name__ == "__main__":
    main()
