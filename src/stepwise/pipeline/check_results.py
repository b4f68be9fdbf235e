"""`make check-results`: run the committed pipeline again and compare its numbers with the committed ones.

Last digits differ between machines, so an accuracy agrees if it lies in the committed 95 % interval. Counts must be
equal. The rerun happens in a clone under .work, without DVC's cache; nothing in the working tree changes.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from stepwise.errors import StepwiseError
from stepwise.pipeline.clones import clone_of_head, start

FOLDER = Path(".work/check-results")


class ReproductionError(StepwiseError, RuntimeError):
    """The rerun failed or cannot be compared; the message names the remedy."""


@dataclass(frozen=True)
class Comparison:
    """A committed number, the same number of the rerun, and the range in which the rerun agrees."""

    name: str
    committed: float
    low: float
    high: float
    rerun: float | None

    @property
    def agrees(self) -> bool:
        """Whether the rerun has the number and it lies in the range."""
        return self.rerun is not None and self.low <= self.rerun <= self.high


def read_metrics(folder: Path) -> dict[str, dict[str, float]]:
    """The numbers of every metrics file below `folder`, by its path; files of rows are left out."""
    files = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))}
    return {
        path.relative_to(folder).as_posix(): {name: value for name, value in metrics.items() if _is_number(value)}
        for path, metrics in files.items()
        if isinstance(metrics, dict)
    }


def compare(committed: dict[str, dict[str, float]], rerun: dict[str, dict[str, float]]) -> list[Comparison]:
    """Compare every committed accuracy that has an interval, and every count of problems, with the rerun."""
    comparisons = []
    for path, numbers in committed.items():
        again = rerun.get(path, {})
        for name, value in numbers.items():
            if f"{name}_low" in numbers:
                low, high = numbers[f"{name}_low"], numbers[f"{name}_high"]
                comparisons.append(Comparison(f"{path} {name}", value, low, high, again.get(name)))
            elif name.startswith("problems"):
                comparisons.append(Comparison(f"{path} {name}", value, value, value, again.get(name)))
    return comparisons


def rerun(folder: Path = FOLDER) -> list[Comparison]:
    """Clone HEAD into `folder`, run the pipeline there and compare. Resumes in a folder that an earlier call left."""
    clone = clone_of_head(folder)
    before = read_metrics(_committed(clone))
    if not before:
        raise ReproductionError("HEAD has no metrics/evaluate; `make repro` and commit them first")
    if start(clone, "-m", "stepwise.pipeline.repro").wait():
        raise ReproductionError("the rerun stopped (see above); `make check-results` resumes it")
    comparisons = compare(before, read_metrics(clone / "metrics"))
    shutil.rmtree(folder)
    return comparisons


def _committed(clone: Path) -> Path:
    """A copy of the committed metrics: the rerun overwrites the originals."""
    aside = clone.parent / "committed"
    if (clone / "metrics").is_dir() and not aside.exists():
        shutil.copytree(clone / "metrics", aside)
    return aside


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def main() -> None:
    """Print the comparison; exit code 1 when a number does not agree."""
    try:
        comparisons = rerun()
    except StepwiseError as error:
        sys.exit(f"check-results: {error}")
    for comparison in comparisons:
        verdict = "agrees" if comparison.agrees else "DIFFERS"
        now = "missing" if comparison.rerun is None else f"{comparison.rerun:.4g}"
        committed = f"{comparison.committed:.4g} [{comparison.low:.4g}, {comparison.high:.4g}]"
        sys.stdout.write(f"{verdict:8} {comparison.name}: {committed}, now {now}\n")
    sys.exit(0 if all(comparison.agrees for comparison in comparisons) else 1)


if __name__ == "__main__":
    main()
