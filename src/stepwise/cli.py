"""The command line: ask a model, examine and compare models, show the report, fill MLflow; and methods' commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from stepwise.errors import StepwiseError
from stepwise.methods.base import AddCommand
from stepwise.methods.registry import METHODS, agents, chapters

MODEL = "models:/warm_up-word_problems-tiny@champion"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns its exit code: 2 for an error that the user can fix, which is printed on one line."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except StepwiseError as error:
        sys.stderr.write(f"stepwise {options.command}: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stepwise", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str, example: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    _add_model_commands(add)
    _add_result_commands(add)
    for method in METHODS:
        method.add_commands(add)
    return parser


def _add_model_commands(add: AddCommand) -> None:
    """The commands that load a model."""
    solve = add("solve", _solve, "Answer a question.", f'python -m stepwise solve --model {MODEL} --question "..."')
    _add_model_arguments(solve)
    solve.add_argument(
        "--question", help="the question; without it, questions are read from standard input, one on each line"
    )
    evaluate = add(
        "evaluate",
        _evaluate,
        "Examine a model on a task's test problems, greedily.",
        f"python -m stepwise evaluate --model {MODEL} --task word_problems --limit 50 --out mine.jsonl",
    )
    _add_model_arguments(evaluate)
    evaluate.add_argument("--limit", type=int, default=0, help="only so many problems, spread over all; 0 means all")
    evaluate.add_argument("--problems", type=Path, help="problem file (default: data/tasks/TASK/test.jsonl)")
    evaluate.add_argument("--out", type=Path, help="write the predictions here, for `compare`")


def _add_model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help=f"a trained model's folder, or {MODEL}")
    parser.add_argument("--task", help="the task of the questions (default: the one that the model was trained on)")


def _add_result_commands(add: AddCommand) -> None:
    """The commands that read what stages and other commands wrote."""
    compare = add(
        "compare",
        _compare,
        "Compare two evaluations of the same problems: is the second better?",
        "python -m stepwise compare evaluations/warm_up/word_problems-tiny/greedy.jsonl mine.jsonl",
    )
    compare.add_argument("first", type=Path, help="predictions, as in evaluations/METHOD/TASK-MODEL/greedy.jsonl")
    compare.add_argument("second", type=Path, help="predictions of the same problems by another model")
    report = add("report", _report, "Show the table of all evaluations.", "python -m stepwise report")
    report.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder of metrics (default: metrics)")
    studies = Path("studies/metrics")
    report.add_argument("--studies", type=Path, default=studies, help=f"folder of studies (default: {studies})")
    add("sync", _sync, "Send to MLflow the runs that it does not have yet.", "python -m stepwise sync")


def _solve(options: argparse.Namespace) -> None:
    from stepwise.solver import load

    solver = load(options.model, options.task)
    questions = [options.question] if options.question else (line.strip() for line in sys.stdin)
    for question in filter(None, questions):
        ((solution, transcript),) = solver.converse([question])
        _show((transcript or solution.text).strip())
        _show(f"Answer: {'none' if solution.answer is None else solution.answer}")


def _evaluate(options: argparse.Namespace) -> None:
    from stepwise import evaluation
    from stepwise.records import Problem, read_jsonl, write_jsonl
    from stepwise.solver import load

    solver = load(options.model, options.task)
    path = options.problems or Path("data/tasks") / solver.task.name / "test.jsonl"
    problems = evaluation.spread(read_jsonl(path, Problem), options.limit)
    predictions, numbers = solver.examine(problems)
    width = max(18, *map(len, numbers))
    for name, value in numbers.items():
        _show(f"{name:<{width}} {value:>8.4g}")
    if options.out:
        write_jsonl(options.out, predictions)
        _show(f"predictions in {options.out}")


def _compare(options: argparse.Namespace) -> None:
    from stepwise import evaluation
    from stepwise.records import Prediction, read_jsonl

    comparison = evaluation.compare(read_jsonl(options.first, Prediction), read_jsonl(options.second, Prediction))
    _show(f"problems    {comparison.problems}")
    _show(f"accuracy    {comparison.first:.4f} -> {comparison.second:.4f}")
    _show(f"difference  {comparison.difference:+.4f}")
    _show(f"interval    {comparison.low:+.4f} to {comparison.high:+.4f} (95 %, paired bootstrap)")
    _show(f"p-value     {comparison.p_value:.4g} (exact McNemar test)")
    _show(f"right only  {comparison.only_first} in the first, {comparison.only_second} in the second")


def _report(options: argparse.Namespace) -> None:
    from stepwise import params, report

    parameters = params.load()
    models = [*parameters.models, *agents(parameters)]
    rows = report.collect(options.metrics / "evaluate", parameters.tasks, models)
    pairs = report.pairs.read(options.metrics / "comparisons.json")
    sources = report.Sources(metrics=options.metrics, studies=options.studies, pairs=pairs)
    report.show(rows, pairs, chapters=chapters(parameters, sources))


def _sync(_options: argparse.Namespace) -> None:
    from stepwise import tracking

    keys = tracking.sync()
    for key in keys:
        _show(f"sent {key}")
    _show(f"{len(keys)} runs sent to {tracking.shown_address()}")


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
