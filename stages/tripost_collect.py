"""A round's trajectories as the model writes them (chapter: TriPosT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.tripost.rounds.collecting import collect, window
from stepwise.methods.tripost.rounds.handover import has_stopped
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.records import Problem, read_jsonl, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "tripost_collect", "tripost_inference"))
def main(run: Run, *, number: str, task: str, model: str, data: Path, start: Path, out: Path) -> None:
    """Sample trajectories of the training problems, with the model's own feedback and updates if it gives any."""
    setup = TripostSetup.load(run.params, task, model)
    params, index = run.params.tripost_collect, int(number) - 1
    problems = window(read_jsonl(data / "train.jsonl", Problem), params.window, index)
    journal = run.work / "journal"
    sampled = [] if has_stopped(start) else collect(setup, start, problems, params, number=index, journal=journal)
    write_jsonl(run.work / "sampled.jsonl", sampled)
    run.publish(run.work / "sampled.jsonl", out)
    run.log(trajectories=len(sampled), tokens=sum(trajectory.tokens for trajectory in sampled))


if __name__ == "__main__":
    main()
