"""What a contest leaves behind: predictions by way of choosing, a metrics file and a plot."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.inference.compare import Outcome, bars, tabulate
from stepwise.params import RationalystContest
from stepwise.params.rationalyst import Chooser
from stepwise.records import write_json, write_jsonl, write_plot
from stepwise.stage import Run

ENDS = ("", "_low", "_high")


def publish(
    run: Run,
    outcomes: dict[Chooser, Outcome],
    asked: RationalystContest,
    *,
    name: str,
    out: Path,
    metrics: Path,
    plot: Path,
) -> None:
    """Write a contest's predictions to the folder `out`, its numbers to `metrics` and its bars to `plot`."""
    for chooser, outcome in outcomes.items():
        write_jsonl(run.work / "predictions" / f"{chooser}.jsonl", outcome.predictions)
    run.publish(run.work / "predictions", out)
    rows = tabulate(outcomes, seed=run.params.seed)
    facts = {"method": "rationalyst", "task": asked.task, "model": name, "agent": asked.agent}
    numbers = {f"accuracy_{row['chooser']}{end}": row[f"accuracy{end}"] for row in rows for end in ENDS}
    write_json(metrics, {**facts, "demonstration": asked.demonstration, **numbers, "choosers": rows})
    write_plot(plot, bars(rows))
    run.log(**numbers)
