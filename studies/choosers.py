"""All ways of choosing steps, on more problems than the pipeline takes: accuracies, intervals, tokens and calls.

    dvc repro rationalyst_train
    python -m studies.choosers --name smollm2 --items 100

The table and its plot are written to studies/metrics/choosers and studies/plots/choosers. An interrupted run resumes
from its journal.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from stepwise.methods.rationalyst.inference.compare import plot_rows, result_rows
from stepwise.methods.rationalyst.inference.setup import prepare
from stepwise.params import load
from stepwise.records import write_json, write_plot
from stepwise.tracking.provenance import machine


def main() -> None:
    """Solve the problems in every way, and write the table and its plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="smollm2", help="one of rationalyst_runs")
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("studies"))
    options = parser.parse_args()
    params = load()
    run = params.rationalyst_runs[options.name].model_copy(update={"items": options.items})
    folders = {"agent": run.agent, "scorer": run.scorer, "verifier": run.verifier}
    folders["rationalyst"] = f"models/rationalyst/{options.name}"
    comparison = prepare(
        params,
        run,
        {role: Path(folder) for role, folder in folders.items()},
        task=run.task,
        data=Path("data/tasks") / run.task,
        work=Path(".work/choosers") / options.name,
    )
    started = time.perf_counter()
    rows = result_rows(comparison.run(), seed=params.seed)
    facts = {"run": options.name, "task": run.task, "agent": run.agent, "problems": len(comparison.problems)}
    cost = {"hours": round((time.perf_counter() - started) / 3600, 3), "machine": machine()}
    write_json(options.out / "metrics" / "choosers" / f"{options.name}.json", {**facts, **cost, "choosers": rows})
    write_plot(options.out / "plots" / "choosers" / f"{options.name}.json", plot_rows(rows))


if __name__ == "__main__":
    main()
