"""A round's trajectories after a verifier and an improver have corrected them (chapter: TriPosT)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise.methods.tripost.rounds.editing_round import Editor, counts, edit_passes
from stepwise.methods.tripost.teacher.teachers import roles_of
from stepwise.models.loading import load_model
from stepwise.records import Problem, SampledTrajectory, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "instruct", "tripost_edit"))
def main(run: Run, *, task: str, problems: Path, sampled: Path, teacher: Path, out: Path, metrics: Path) -> None:
    """Correct every trajectory from its first wrong feedback on; rejected ones are kept with the reason."""
    params = run.params.tripost_edit
    solved_task = get_task(task, run.params.limits.cap(run.params.task[task]), seed=run.params.seed)
    written = read_jsonl(sampled, SampledTrajectory)
    by_id = {problem.id: problem for problem in read_jsonl(problems, Problem)}
    load = partial(load_model, teacher, run.params.instruct[teacher.name].dtype)
    # beside the work of single runs: a language model's answers outlive changes of other parameters
    answers = run.work.parent / "answers" / f"{out.parent.name}-{out.name}"
    roles = roles_of(solved_task, params, load, answers, seed=run.params.seed)
    editor = Editor(solved_task, *roles, params.max_updates)
    edited = edit_passes(written, by_id, editor, params.limits_of(task).most)
    write_jsonl(run.work / "edited.jsonl", edited)
    run.publish(run.work / "edited.jsonl", out)
    numbers = counts(len(written), edited)
    write_json(metrics, {"task": task, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
