"""Solutions of known kinds of error, with feedback on them, from which the critic learns (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.perturbation import counts, critic_rows, split
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("seed", "refiner_perturb"))
def main(run: Run, *, task: str, problems: Path, out: Path, metrics: Path) -> None:
    """Corrupt reference solutions, or take published wrong ones; the held-out rows are of other problems."""
    params, domain = run.params.refiner_perturb, domain_of(task)
    parts = split(read_jsonl(problems, Problem), params.held_out, run.params.seed)
    numbers: dict[str, float] = {}
    for name, part in zip(("train", "held_out"), parts, strict=True):
        rows = critic_rows(domain, part, params, run.params.seed)
        write_jsonl(run.work / "out" / f"{name}.jsonl", rows)
        numbers |= {f"{name}_{key}": value for key, value in counts(rows).items()}
    run.publish(run.work / "out", out)
    write_json(metrics, {"task": task, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
