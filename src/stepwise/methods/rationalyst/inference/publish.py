"""The outputs of a comparison: predictions per chooser, a metrics file and a plot."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.inference.compare import ChooserResult, plot_rows, result_rows
from stepwise.params.rationalyst import Chooser, RationalystSetup
from stepwise.records import write_json, write_jsonl, write_plot
from stepwise.stage import Run

BOUNDS = ("", "_low", "_high")


def publish(
    run: Run,
    results: dict[Chooser, ChooserResult],
    setup: RationalystSetup,
    *,
    name: str,
    out: Path,
    metrics: Path,
    plot: Path,
) -> None:
    """Write the predictions to the folder `out`, the numbers to `metrics` and the plot's rows to `plot`."""
    for chooser, result in results.items():
        write_jsonl(run.work / "predictions" / f"{chooser}.jsonl", result.predictions)
    run.publish(run.work / "predictions", out)
    rows = result_rows(results, seed=run.params.seed)
    facts = {"method": "rationalyst", "task": setup.task, "model": name, "agent": setup.agent}
    numbers = {f"accuracy_{row['chooser']}{bound}": row[f"accuracy{bound}"] for row in rows for bound in BOUNDS}
    write_json(metrics, {**facts, "demonstration": setup.demonstration, **numbers, "choosers": rows})
    write_plot(plot, plot_rows(rows))
    run.log(**numbers)
