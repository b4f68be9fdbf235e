"""Evaluates critics on solutions of test problems (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise import evaluation
from stepwise.methods.refiner.answering import critic_backend
from stepwise.methods.refiner.critic import cases, judge_critic
from stepwise.methods.refiner.perturbation import critic_rows
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.records import Problem, Trajectory, read_jsonl, write_json
from stepwise.stage import Run, stage

PARAMS = ("seed", "limits", "task.{task}", "model.{model}", "backend")


@stage(params=(*PARAMS, "refiner_perturb", "refiner_critic", "refiner_evaluate"))
def main(
    run: Run, *, task: str, model: str, data: Path, perturbed: Path, critic: Path, metrics: Path
) -> None:  # fmt: skip
    """Judge the feedback on right and wrong solutions of test problems, made as the ones that critics learn from."""
    setup = RefinerSetup.load(run.params, task, model)
    train, test = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("train", "test"))
    solved = [problem for problem in test if problem.reference is not None]
    judged = cases(solved, critic_rows(setup.domain, solved, run.params.refiner_perturb, run.params.seed))
    numbers = judge_critic(
        setup,
        critic_backend(setup, critic),
        evaluation.spread(judged, run.params.refiner_evaluate.critic_rows),
        cases(train, read_jsonl(perturbed / "train.jsonl", Trajectory)),
        run.params.refiner_critic,
        journal=run.work / "feedback.jsonl",
    )
    write_json(metrics, {"method": "refiner_critic", "task": task, "model": model, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
