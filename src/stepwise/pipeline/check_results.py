"""`make check-results`: run the committed pipeline anew, and see whether its numbers are the committed ones.

Other machines give other last digits: an accuracy agrees when it lies in the committed 95 % interval. Counts are exact.
The rerun has a clone of its own under .work, without DVC's cache; nothing in the working tree changes.
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
    """The rerun cannot be made or compared; the message names the remedy."""


@dataclass(frozen=True)
class Comparison:
    """One committed number beside its rerun, and the range in which the rerun agrees."""

    name: str
    committed: float
    low: float
    high: float
    rerun: float | None

    @property
    def agrees(self) -> bool:
        """Whether the rerun lies in the range; a missing one does not."""
        return self.rerun is not None and self.low <= self.rerun <= self.high


def read_metrics(folder: Path) -> dict[str, dict[str, float]]:
    """Numbers of every metrics file below `folder`, by its path; a file of rows has none."""
    files = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))}
    return {
        path.relative_to(folder).as_posix(): {name: value for name, value in found.items() if _is_number(value)}
        for path, found in files.items()
        if isinstance(found, dict)
    }


def compare(committed: dict[str, dict[str, float]], rerun: dict[str, dict[str, float]]) -> list[Comparison]:
    """Every committed accuracy that has an interval, and every count of problems, beside the rerun's."""
    found = []
    for path, numbers in committed.items():
        again = rerun.get(path, {})
        for name, value in numbers.items():
            if f"{name}_low" in numbers:
                low, high = numbers[f"{name}_low"], numbers[f"{name}_high"]
                found.append(Comparison(f"{path} {name}", value, low, high, again.get(name)))
            elif name.startswith("problems"):
                found.append(Comparison(f"{path} {name}", value, value, value, again.get(name)))
    return found


def rerun(folder: Path = FOLDER) -> list[Comparison]:
    """Clone HEAD into `folder`, run the pipeline there and compare. Goes on in a folder that an earlier call left."""
    clone = clone_of_head(folder)
    before = read_metrics(_committed(clone))
    if not before:
        raise ReproductionError("HEAD has no metrics/evaluate; `make repro` and commit them first")
    if start(clone, "-m", "stepwise.pipeline.repro").wait():
        raise ReproductionError("the rerun stopped (see above); `make check-results` goes on with it")
    found = compare(before, read_metrics(clone / "metrics"))
    shutil.rmtree(folder)
    return found


def _committed(clone: Path) -> Path:
    """The metrics of the clone's HEAD, set aside: the rerun overwrites them in their place."""
    aside = clone.parent / "committed"
    if (clone / "metrics").is_dir() and not aside.exists():
        shutil.copytree(clone / "metrics", aside)
    return aside


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def main() -> None:
    """Print the comparison; exit code 1 when a number does not agree."""
    try:
        found = rerun()
    except StepwiseError as error:
        sys.exit(f"check-results: {error}")
    for one in found:
        said = "agrees" if one.agrees else "DIFFERS"
        again = "missing" if one.rerun is None else f"{one.rerun:.4g}"
        sys.stdout.write(f"{said:8} {one.name}: {one.committed:.4g} [{one.low:.4g}, {one.high:.4g}], now {again}\n")
    sys.exit(0 if all(one.agrees for one in found) else 1)


if __name__ == "__main__":
    main()
