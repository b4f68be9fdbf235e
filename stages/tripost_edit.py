"""A round's trajectories after a verifier and an improver have corrected them (chapter: TriPosT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.tripost.editing_round import Editor, counts, edit_passes
from stepwise.methods.tripost.teachers import scripted_teacher
from stepwise.records import Problem, SampledTrajectory, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "tripost_edit"))
def main(run: Run, *, task: str, problems: Path, sampled: Path, out: Path, metrics: Path) -> None:
    """Correct every trajectory from its first wrong feedback on; rejected ones are kept with the reason."""
    params = run.params.tripost_edit
    solved_task = get_task(task, run.params.limits.cap(run.params.task[task]), seed=run.params.seed)
    written = read_jsonl(sampled, SampledTrajectory)
    by_id = {problem.id: problem for problem in read_jsonl(problems, Problem)}
    editor = Editor(solved_task, *scripted_teacher(task), params.max_updates)
    edited = edit_passes(written, by_id, editor, params)
    write_jsonl(run.work / "edited.jsonl", edited)
    run.publish(run.work / "edited.jsonl", out)
    numbers = counts(len(written), edited)
    write_json(metrics, {"task": task, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
