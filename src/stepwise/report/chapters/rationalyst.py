"""RATIONALYST's chapter of the report: ways of choosing steps, what the filter did, notes to look at, and studies."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.records import Document, JudgedRationale, read_jsonl
from stepwise.report.chapters.rationalyst_notes import FILTERED, Grid, listed, numeral
from stepwise.report.chapters.rationalyst_notes import sections as study_sections
from stepwise.report.chapters.rationalyst_notes import tables as study_tables
from stepwise.report.chapters.rationalyst_studies import Example, Studies
from stepwise.report.chapters.rationalyst_studies import collect as collect_studies
from stepwise.report.markup import section

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = 10
"""Kept notes, and rejected ones, that the page shows of each source."""
AROUND = 160
"""Characters of the text before a note and after it."""
DEMONSTRATION = "demonstration, no conclusion"
HEAD = ("chooser", "accuracy [95 %]", "over greedy", "over random", "calls", "read", "written", "stuck", "answerless")
COSTS = "Calls and tokens are means a problem; the agent and its problems are the same in every row."


@dataclass(frozen=True)
class Supervised:
    """One run: an agent whose steps are chosen in several ways."""

    name: str
    task: str
    demonstration: bool
    rows: list[dict[str, Any]]

    @property
    def title(self) -> str:
        """Name and task, and whether the table may be believed."""
        return f"{self.name}, {self.task}" + (f" ({DEMONSTRATION})" if self.demonstration else "")


@dataclass(frozen=True)
class Chapter:
    """What the report says of RATIONALYST."""

    runs: list[Supervised] = field(default_factory=list)
    filtered: dict[str, dict[str, float]] = field(default_factory=dict)
    """The filter's counts by source."""
    examples: dict[str, list[Example]] = field(default_factory=dict)
    """Kept and rejected notes by `SOURCE, kept` and `SOURCE, rejected`."""
    studies: Studies = field(default_factory=Studies)


def collect(metrics: Path, runs: Collection[str], notes: Path | None = None, studies: Path | None = None) -> Chapter:
    """The chapter of these runs from the metrics.

    With `notes` (documents and judged notes) it has their examples, and what the studies of notes in `studies` found,
    as far as they are there. Raises StudyError for a study's file of another shape.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(metrics.glob("supervision/*.json"))]
    supervised = [
        Supervised(one["model"], one["task"], one["demonstration"], one["choosers"])
        for one in found
        if one["model"] in runs
    ]
    counts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(metrics.glob("filter/*.json"))}
    numbers = {
        source: {name: value for name, value in one.items() if isinstance(value, int | float)}
        for source, one in counts.items()
    }
    if not runs:
        return Chapter(supervised)
    made = collect_studies(studies, runs) if studies else Studies()
    return Chapter(supervised, numbers, _examples(notes) if notes else {}, made)


def summary(chapter: Chapter) -> dict[str, Any]:
    """Accuracy by way of choosing, task and run, nested as that of other methods; studies keep their numbers."""
    nested: dict[str, Any] = {}
    for run in chapter.runs:
        for row in run.rows:
            tasks = nested.setdefault(f"rationalyst_{row['chooser']}", {})
            tasks.setdefault(run.task, {})[run.name] = {"accuracy": round(row["accuracy"], 4)}
    return nested


def cells(row: dict[str, Any]) -> list[str]:
    """The texts of HEAD's columns; accuracy and differences in percent."""
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


def tables(chapter: Chapter) -> list[Table]:
    """A table a run for the terminal, and those of the studies."""
    return [_choosers(run).printed() for run in chapter.runs] + study_tables(chapter.studies)


def sections(chapter: Chapter) -> str:
    """The chapter's part of the page."""
    parts = [_choosers(run).html() for run in chapter.runs]
    rows = [[source, *(numeral(of.get(name)) for name in FILTERED)] for source, of in chapter.filtered.items()]
    kept = Grid("what the filter kept", ("source", *FILTERED.values()), rows, "Notes by source; gains in nats.")
    parts.append(kept.html())
    for name, several in chapter.examples.items():
        parts.append(section(f"RATIONALYST: notes, {name}", listed(("", one) for one in several)))
    return "".join(parts) + study_sections(chapter.studies)


def _choosers(run: Supervised) -> Grid:
    return Grid(run.title, HEAD, [cells(row) for row in run.rows], COSTS)


def _examples(notes: Path) -> dict[str, list[Example]]:
    """Notes spread over each source's judged ones, where their files are."""
    found = {}
    for path in sorted((notes / "judged").glob("*.jsonl")):
        texts = {one.id: one.text for one in read_jsonl(notes / "documents" / path.name, Document)}
        judged = read_jsonl(path, JudgedRationale)
        for name, keep in (("kept", True), ("rejected", False)):
            several = [one for one in judged if one.keep is keep]
            several = several[:: max(1, len(several) // EXAMPLES)][:EXAMPLES]
            found[f"{path.stem}, {name}"] = [_shown(one, texts[one.rationale.document_id]) for one in several]
    return found


def _shown(judged: JudgedRationale, text: str) -> Example:
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
