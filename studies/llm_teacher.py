"""How far a language model gets as TriPosT's verifier and improver, beside the programs that know the task.

Collects trajectories from the warm-up model of a finished run and edits the same ones twice: with the language model as
both verifier and improver, and with the scripted ones. A second pass with the language model takes every answer from
its file. Of each first attempt that is wrong, the verdicts of both are compared.

    python -m studies.llm_teacher --task multistep_arithmetic --problems 24 --teacher models/instruct/smollm2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stepwise.methods.tripost.roles import Improver, Verifier, VerifyRequest
from stepwise.methods.tripost.rounds.breadth_first import verify_all
from stepwise.methods.tripost.rounds.collecting import collect
from stepwise.methods.tripost.rounds.editing_round import Editor, counts, edit_passes
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.methods.tripost.teacher.llm import LlmVerifier
from stepwise.methods.tripost.teacher.teachers import roles_of, scripted_teacher
from stepwise.methods.tripost.transcript import is_positive
from stepwise.models.loading import load_model
from stepwise.params import load
from stepwise.records import Problem, SampledTrajectory, read_jsonl, write_json
from stepwise.tracking.provenance import machine

MODEL = "tiny"


def compare_verdicts(
    requests: Sequence[VerifyRequest], language_model: Verifier, scripted: Verifier
) -> dict[str, float]:
    """How many verdicts on wrong attempts can be read, find an error at all, and find it in the scripted one's step."""
    theirs, ours = (verify_all(verifier, requests) for verifier in (language_model, scripted))
    usable = [(verdict, known) for verdict, known in zip(theirs, ours, strict=True) if verdict is not None]
    negative = [(verdict, known) for verdict, known in usable if not is_positive(verdict)]
    return {
        "wrong_attempts": float(len(requests)),
        "usable_verdicts": float(len(usable)),
        "errors_reported": float(len(negative)),
        "right_step": float(sum(known is not None and verdict.step == known.step for verdict, known in negative)),
    }


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="multistep_arithmetic")
    parser.add_argument("--problems", type=int, default=24)
    parser.add_argument("--teacher", type=Path, default=Path("models/instruct/smollm2"))
    parser.add_argument("--answers", type=Path, default=Path(".work/studies/llm_teacher"), help="folder of its answers")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/llm_teacher.json"))
    options = parser.parse_args()
    start = Path(f"models/warm_up/{options.task}-{MODEL}")
    for folder in (start, options.teacher):
        if not folder.is_dir():
            parser.error(f"{folder} does not exist; `make repro` makes it")
    params = load()
    setup = TripostSetup.load(params, options.task, MODEL)
    problems = read_jsonl(Path(f"data/tasks/{options.task}/train.jsonl"), Problem)[-options.problems :]
    sampled = collect(setup, start, problems, params.tripost_collect, number=0)
    by_id = {problem.id: problem for problem in problems}
    edit = params.tripost_edit.model_copy(update={"verifier": "llm", "improver": "llm"})
    weights = partial(load_model, options.teacher, params.instruct[options.teacher.name].dtype)
    verifier, improver = roles_of(setup.task, edit, weights, options.answers / options.task, seed=params.seed)
    assert isinstance(verifier, LlmVerifier)

    def outcomes_of(verifier: Verifier, improver: Improver) -> dict[str, float]:
        edited = edit_passes(sampled, by_id, Editor(setup.task, verifier, improver, edit.max_updates))
        return {name: value for name, value in counts(len(sampled), edited).items() if value}

    begun = time.time()
    outcomes = outcomes_of(verifier, improver)
    seconds, generated = time.time() - begun, verifier.answers.generated
    again = outcomes_of(verifier, improver)
    repeated = verifier.answers.generated - generated
    if again != outcomes:
        raise SystemExit("a second pass with the same answers ended differently")
    figures = {
        "task": options.task,
        "teacher": options.teacher.name,
        "llm": outcomes,
        "scripted": outcomes_of(*scripted_teacher(options.task)),
        "verdicts": compare_verdicts(wrong(setup, by_id, sampled), verifier, scripted_teacher(options.task)[0]),
        "answers_generated": generated,
        "answers_generated_by_a_second_pass": repeated,
        "seconds": round(seconds, 1),
        "machine": machine(),
    }
    write_json(options.out, figures)
    for name in ("llm", "scripted", "verdicts"):
        print(f"{name}: {figures[name]}")
    print(f"{generated} answers in {seconds:.0f} s; a second pass generated {repeated}")


def wrong(
    setup: TripostSetup, problems: dict[str, Problem], sampled: Sequence[SampledTrajectory]
) -> list[VerifyRequest]:
    """The first attempts that are wrong."""
    first = [(problems[each.problem_id], each.turns[0].solution) for each in sampled if each.turns]
    verdicts = setup.task.check_many([(problem, solution.text) for problem, solution in first])
    return [
        VerifyRequest(problem, solution)
        for (problem, solution), verdict in zip(first, verdicts, strict=True)
        if not verdict.correct
    ]


if __name__ == "__main__":
    main()
