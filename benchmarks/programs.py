"""Speed of checking programs: the sandbox's interpreter, the warm isolated pool, and a fresh process pool per call.

All three run the same gold programs and must agree on every value. The fresh pool is the baseline: like the released
code it forks a pool for each call, but runs our interpreter in it. Figures are medians of the repeats.

    python -m benchmarks.programs --out FILE
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from stepwise.params import TaskParams
from stepwise.records import write_json
from stepwise.tasks.formats.math_format import robust_value
from stepwise.tasks.formats.program_text import whole_program
from stepwise.tasks.registry import get_task
from stepwise.tasks.sandbox.isolation import Pool, kinds_here
from stepwise.tasks.sandbox.programs import run_programs

Values = list[float | None]


def main() -> None:
    """Measure, print a table, and write the figures where --out says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes of both pools")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 16, 100, 1000])
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    name, programs = gold_programs()
    pool = Pool(kinds_here(), workers=options.workers)
    pool.run(programs[: options.workers], 2.0)
    figures = [measured(programs[:size], pool, options) for size in options.sizes if size <= len(programs)]
    summary = {
        "programs": name,
        "isolation": pool.isolation,
        "workers": options.workers,
        "evaluator_programs_per_second_per_core": round(interpreter_speed(programs, options.repeats)),
        "warm_isolated_call_ms": figures[0]["isolated_ms"],
        "calls": figures,
    }
    pool.close()
    show(summary)
    if options.out:
        write_json(options.out, summary)


def gold_programs() -> tuple[str, list[str]]:
    """SVAMP's programs if STEPWISE_DATA is set, else those of generated stories; with the name of their source."""
    data = os.environ.get("STEPWISE_DATA")
    name = "svamp" if data else "word_problems"
    params = TaskParams(form="p_cot", dev=1, train=0 if data else 1000)
    task = get_task(name, params, seed=1, data=Path(data) if data else None)
    problems = task.load("train").problems
    return name, [whole_program(problem.question, problem.reference.text) for problem in problems if problem.reference]


def measured(programs: Sequence[str], pool: Pool, options: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of one call with these programs, three ways."""
    ways: dict[str, Callable[[], Values]] = {
        "ladder_ms": lambda: [robust_value(outcome.value) for outcome in run_programs(programs)],
        "isolated_ms": lambda: [robust_value(outcome.get("value")) for outcome in pool.run(programs, 2.0)],
        "fresh_pool_ms": lambda: fresh_pool(programs, options.workers),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        values = []
        for way, call in ways.items():
            start = time.perf_counter()
            values.append(call())
            times[way].append(1000 * (time.perf_counter() - start))
        if any(results != values[0] for results in values):
            raise RuntimeError("the three ways disagree on a value")
    medians = {way: round(statistics.median(measured_times), 3) for way, measured_times in times.items()}
    return {"size": len(programs), **medians}


def interpreter_speed(programs: Sequence[str], repeats: int) -> float:
    """Programs that one core runs per second of processor time."""
    speeds = []
    for _ in range(repeats):
        start = time.process_time()
        run_programs(programs)
        speeds.append(len(set(programs)) / (time.process_time() - start))
    return statistics.median(speeds)


def fresh_pool(programs: Sequence[str], workers: int) -> Values:
    """The baseline: a pool for this call alone."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(evaluated, programs, chunksize=max(1, len(programs) // (4 * workers))))


def evaluated(program: str) -> float | None:
    """Value of one program."""
    return robust_value(run_programs([program])[0].value)


def show(summary: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{summary['programs']} programs, {summary['workers']} workers, isolation: {summary['isolation']}")
    print(f"interpreter: {summary['evaluator_programs_per_second_per_core']} programs/s/core")
    print(f"{'programs a call':>16} {'ladder ms':>12} {'isolated ms':>12} {'fresh pool ms':>14} {'fresh/ladder':>13}")
    for row in summary["calls"]:
        ratio = row["fresh_pool_ms"] / row["ladder_ms"]
        times = f"{row['ladder_ms']:>12.2f} {row['isolated_ms']:>12.2f} {row['fresh_pool_ms']:>14.2f}"
        print(f"{row['size']:>16} {times} {ratio:>12.0f}x")


if __name__ == "__main__":
    main()
