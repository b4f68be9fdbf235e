"""RATIONALYST's chapter of the report: ways of choosing steps, what the filter did, notes to look at, and studies."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.records import Document, JudgedRationale, read_jsonl
from stepwise.report.chapters import rationalyst_notes
from stepwise.report.chapters.rationalyst_notes import FILTERED, grid, judged_notes, numeral
from stepwise.report.chapters.rationalyst_studies import Example, Studies
from stepwise.report.chapters.rationalyst_studies import collect as collect_studies
from stepwise.report.markup import section

if TYPE_CHECKING:
    from rich.table import Table

    from stepwise.report.grid import Grid

EXAMPLES = 10
"""Kept notes, and rejected ones, that the page shows of each source."""
AROUND = 160
"""Characters of the text before a note and after it."""
DEMONSTRATION = "demonstration, no conclusion"
HEAD = ("chooser", "accuracy [95 %]", "over greedy", "over random", "calls", "read", "written", "stuck", "answerless")
COSTS = "Calls and tokens are means a problem; the agent and its problems are the same in every row."


@dataclass(frozen=True)
class Supervision:
    """A run's results: an agent on the same problems, with its steps chosen in several ways."""

    name: str
    task: str
    demonstration: bool
    rows: list[dict[str, Any]]

    @property
    def title(self) -> str:
        """Name and task, and whether the run is too small to conclude from."""
        return f"{self.name}, {self.task}" + (f" ({DEMONSTRATION})" if self.demonstration else "")

    def grid(self) -> Grid:
        """A row for each way of choosing."""
        return grid(self.title, HEAD, [cells(row) for row in self.rows], COSTS)


@dataclass(frozen=True)
class RationalystChapter:
    """What the report says about RATIONALYST."""

    supervisions: list[Supervision] = field(default_factory=list)
    filtered: dict[str, dict[str, float]] = field(default_factory=dict)
    """The filter's counts by source."""
    examples: dict[str, list[Example]] = field(default_factory=dict)
    """Kept and rejected notes by `SOURCE, kept` and `SOURCE, rejected`."""
    studies: Studies = field(default_factory=Studies)

    @property
    def runs(self) -> Collection[str]:
        """Names of the runs."""
        return [supervision.name for supervision in self.supervisions]

    def summary(self) -> dict[str, Any]:
        """Accuracy by way of choosing, task and run, nested like that of other methods; studies are left out."""
        nested: dict[str, Any] = {}
        for supervision in self.supervisions:
            for row in supervision.rows:
                tasks = nested.setdefault(f"rationalyst_{row['chooser']}", {})
                accuracy = {"accuracy": round(row["accuracy"], 4)}
                tasks.setdefault(supervision.task, {})[supervision.name] = accuracy
        return nested

    def tables(self) -> list[Table]:
        """A table for each run, and those of the studies."""
        runs = [supervision.grid().printed() for supervision in self.supervisions]
        return runs + rationalyst_notes.tables(self.studies)

    def sections(self) -> str:
        """The runs, the filter's counts, examples of notes, and the studies."""
        parts = [supervision.grid().html() for supervision in self.supervisions]
        rows = [[source, *(numeral(counts.get(name)) for name in FILTERED)] for source, counts in self.filtered.items()]
        head = ("source", *FILTERED.values())
        parts.append(grid("what the filter kept", head, rows, "Notes by source; gains in nats.").html())
        for name, examples in self.examples.items():
            notes = judged_notes(("", example) for example in examples)
            parts.append(section(f"RATIONALYST: notes, {name}", notes))
        return "".join(parts) + rationalyst_notes.sections(self.studies)


def collect(
    metrics: Path, runs: Collection[str], notes: Path | None = None, studies: Path | None = None
) -> RationalystChapter:
    """The chapter about these runs, from the metrics of RATIONALYST's stages.

    With `notes` (documents and judged notes) it has examples of them, and with `studies` what the studies of notes
    found, as far as their files are there. Raises StudyError for a study's file of another shape.
    """
    results = [_read(path) for path in sorted(metrics.glob("supervision/*.json"))]
    supervisions = [
        Supervision(result["model"], result["task"], result["demonstration"], result["choosers"])
        for result in results
        if result["model"] in runs
    ]
    if not runs:
        return RationalystChapter(supervisions)
    filtered = {
        path.stem: {name: value for name, value in _read(path).items() if isinstance(value, int | float)}
        for path in sorted(metrics.glob("filter/*.json"))
    }
    examples = _examples(notes) if notes else {}
    return RationalystChapter(
        supervisions, filtered, examples, collect_studies(studies, runs) if studies else Studies()
    )


def cells(row: dict[str, Any]) -> list[str]:
    """The text in each of HEAD's columns; accuracy and differences in percent."""
    low, high = 100 * row["accuracy_low"], 100 * row["accuracy_high"]
    return [
        row["chooser"],
        f"{100 * row['accuracy']:.1f} [{low:.1f}, {high:.1f}]",
        _over(row, "greedy"),
        _over(row, "random"),
        f"{row['calls']:.1f}",
        f"{row['tokens_read']:.0f}",
        f"{row['tokens_written']:.0f}",
        f"{100 * row['stuck']:.0f} %",
        f"{100 * row['answerless']:.0f} %",
    ]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _examples(notes: Path) -> dict[str, list[Example]]:
    """Notes spread evenly over the judged ones of each source."""
    examples = {}
    for path in sorted((notes / "judged").glob("*.jsonl")):
        texts = {document.id: document.text for document in read_jsonl(notes / "documents" / path.name, Document)}
        judged = read_jsonl(path, JudgedRationale)
        for name, keep in (("kept", True), ("rejected", False)):
            group = [note for note in judged if note.keep is keep]
            group = group[:: max(1, len(group) // EXAMPLES)][:EXAMPLES]
            examples[f"{path.stem}, {name}"] = [_example(note, texts[note.rationale.document_id]) for note in group]
    return examples


def _example(judged: JudgedRationale, text: str) -> Example:
    note = judged.rationale
    before, after = text[: note.position].strip(), text[note.position : note.end].strip()
    cut = f"... {before[-AROUND:]}" if len(before) > AROUND else before
    return Example(before=cut, note=note.text, following=after[:AROUND], gain=judged.gain, reasons=judged.reasons)


def _over(row: dict[str, Any], baseline: str) -> str:
    """A paired difference with its interval, in percentage points."""
    name = f"over_{baseline}"
    if name not in row:
        return "-"
    return f"{100 * row[name]:+.1f} [{100 * row[f'{name}_low']:+.1f}, {100 * row[f'{name}_high']:+.1f}]"
