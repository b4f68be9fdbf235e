"""The command line: ask a model, explain a step, examine and compare models, vote, show the report, fill MLflow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from stepwise.errors import StepwiseError

Command = Callable[[argparse.Namespace], None]
MODEL = "models:/warm_up-word_problems-tiny@champion"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 2 for an error that the user can mend, printed in one line."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except StepwiseError as error:
        sys.stderr.write(f"stepwise {parsed.command}: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stepwise", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], None], text: str, example: str
    ) -> argparse.ArgumentParser:
        one = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.set_defaults(run=run)
        return one

    _asking(command)
    _explaining(command)
    _reading(command)
    return parser


def _asking(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The commands that load a model."""
    _model_arguments(
        command("solve", _solve, "Answer a question.", f'python -m stepwise solve --model {MODEL} --question "..."')
    ).add_argument("--question", help="the question; without it, one question a line is read from standard input")
    evaluate = _model_arguments(
        command(
            "evaluate",
            _evaluate,
            "Examine a model on a task's test problems, greedily.",
            f"python -m stepwise evaluate --model {MODEL} --task word_problems --limit 50 --out mine.jsonl",
        )
    )
    evaluate.add_argument("--limit", type=int, default=0, help="only so many problems, spread over all; 0 means all")
    evaluate.add_argument("--problems", type=Path, help="problem file (default: data/tasks/TASK/test.jsonl)")
    evaluate.add_argument("--out", type=Path, help="write the predictions here, for `compare`")


def _explaining(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The command that asks RATIONALYST."""
    explain = command(
        "explain",
        _explain,
        "Write the note with which RATIONALYST would choose the next step of a solution.",
        'python -m stepwise explain --model models/rationalyst/tiny --question "..." --steps "3 + 4 = 7"',
    )
    explain.add_argument(
        "--model", required=True, help="RATIONALYST's folder, or models:/rationalyst-TASK-RUN@champion"
    )
    explain.add_argument("--question", required=True, help="the question that is being solved")
    explain.add_argument("--steps", nargs="*", default=[], help="the steps so far, each in quotes")


def _reading(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The commands that read what stages and other commands wrote."""
    compare = command(
        "compare",
        _compare,
        "Compare two evaluations of the same problems: is the second better?",
        "python -m stepwise compare evaluations/warm_up/word_problems-tiny/greedy.jsonl mine.jsonl",
    )
    compare.add_argument("first", type=Path, help="predictions, as in evaluations/METHOD/TASK-MODEL/greedy.jsonl")
    compare.add_argument("second", type=Path, help="predictions of the same problems by another model")
    vote = command(
        "vote",
        _vote,
        "Vote over stored samples: majority, and with scores reranked and weighted, beside the bound pass@k.",
        "python -m stepwise vote --samples evaluations/vote/sft/word_problems-tiny/samples.jsonl",
    )
    vote.add_argument("--samples", type=Path, required=True, help="samples, as in samples/METHOD/test/TASK-MODEL")
    vote.add_argument("--scores", type=Path, help="a reranker's scores of them, as in evaluations/vote")
    report = command("report", _report, "Show the table of all evaluations.", "python -m stepwise report")
    report.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder of metrics (default: metrics)")
    studies = Path("studies/metrics")
    report.add_argument("--studies", type=Path, default=studies, help=f"folder of studies (default: {studies})")
    command("sync", _sync, "Send to MLflow the runs that it does not have yet.", "python -m stepwise sync")


def _model_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--model", required=True, help=f"a trained model's folder, or {MODEL}")
    parser.add_argument("--task", help="the task to ask in (default: the one that the model was trained on)")
    return parser


def _solve(parsed: argparse.Namespace) -> None:
    from stepwise.solver import load

    solver = load(parsed.model, parsed.task)
    questions = [parsed.question] if parsed.question else (line.strip() for line in sys.stdin)
    for question in filter(None, questions):
        solution = solver.solve(question)
        _show(f"{solution.text.strip()}\nAnswer: {'none' if solution.answer is None else solution.answer}")


def _explain(parsed: argparse.Namespace) -> None:
    from stepwise.methods.rationalyst.inference.explain import explain

    _show(explain(parsed.model, parsed.question, parsed.steps) or "(no note)")


def _evaluate(parsed: argparse.Namespace) -> None:
    from stepwise import evaluation
    from stepwise.generation.base import Sampling
    from stepwise.records import Problem, read_jsonl, write_jsonl
    from stepwise.solver import load

    solver = load(parsed.model, parsed.task)
    path = parsed.problems or Path("data/tasks") / solver.task.name / "test.jsonl"
    problems = evaluation.spread(read_jsonl(path, Problem), parsed.limit)
    greedy = Sampling(max_new_tokens=solver.max_new_tokens, stop=solver.task.stop)
    predictions = evaluation.answer(solver.task, solver.backend, problems, greedy)
    for name, value in evaluation.summarise(predictions).items():
        _show(f"{name:<18} {value:>8.4g}")
    if parsed.out:
        write_jsonl(parsed.out, predictions)
        _show(f"predictions in {parsed.out}")


def _compare(parsed: argparse.Namespace) -> None:
    from stepwise import evaluation
    from stepwise.records import Prediction, read_jsonl

    found = evaluation.compare(read_jsonl(parsed.first, Prediction), read_jsonl(parsed.second, Prediction))
    _show(f"problems    {found.problems}")
    _show(f"accuracy    {found.first:.4f} -> {found.second:.4f}")
    _show(f"difference  {found.difference:+.4f}")
    _show(f"interval    {found.low:+.4f} to {found.high:+.4f} (95 %, paired bootstrap)")
    _show(f"p-value     {found.p_value:.4g} (exact McNemar test)")
    _show(f"right only  {found.only_first} in the first, {found.only_second} in the second")


def _vote(parsed: argparse.Namespace) -> None:
    from stepwise.methods.reft import voting
    from stepwise.records import Prediction, SampleScore, read_jsonl

    scores = read_jsonl(parsed.scores, SampleScore) if parsed.scores else None
    voted = voting.ballots(read_jsonl(parsed.samples, Prediction), scores)
    _show(f"{len(voted)} problems, percent [95 % interval]")
    _show(voting.table(voting.curves(voted)))


def _report(parsed: argparse.Namespace) -> None:
    from stepwise import params, report

    of = params.load()
    rows = report.collect(parsed.metrics / "evaluate", of.tasks, of.models)
    setups = {**of.rationalyst_runs, **of.rationalyst_transfers}
    chapter = report.rationalyst.collect(parsed.metrics / "rationalyst", setups, studies=parsed.studies)
    report.show(rows, report.pairs.read(parsed.metrics / "comparisons.json"), chapter=chapter)


def _sync(_parsed: argparse.Namespace) -> None:
    from stepwise import tracking

    sent = tracking.sync()
    for key in sent:
        _show(f"sent {key}")
    _show(f"{len(sent)} runs sent to {tracking.shown_address()}")


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
