"""RATIONALYST's chapter of the report: ways of choosing steps, what the filter did, and notes to look at."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.records import Document, JudgedRationale, read_jsonl
from stepwise.report_html import section, table

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = 10
"""Kept notes, and rejected ones, that the page shows of each source."""
AROUND = 160
"""Characters of the text before a note and after it."""
DEMONSTRATION = "demonstration, no conclusion"
HEAD = ("chooser", "accuracy [95 %]", "over greedy", "over random", "calls", "read", "written", "stuck", "answerless")
FILTERED = {
    "notes": "notes",
    "kept": "kept",
    "kept_share": "share",
    "rejected_gain": "too small a gain",
    "rejected_answer": "tells the answer",
    "rejected_numbers": "tells numbers",
    "rejected_copied": "copies",
    "gain_mean": "mean gain",
    "gain_kept_mean": "of the kept",
}
"""What the filter counts, and how the page calls it. A rejected note may have several reasons."""
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
class Shown:
    """A judged note where it stands."""

    before: str
    note: str
    after: str
    gain: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Chapter:
    """What the report says of RATIONALYST."""

    runs: list[Supervised] = field(default_factory=list)
    filtered: dict[str, dict[str, float]] = field(default_factory=dict)
    """The filter's counts by source."""
    examples: dict[str, list[Shown]] = field(default_factory=dict)
    """Kept and rejected notes by `SOURCE, kept` and `SOURCE, rejected`."""


def collect(metrics: Path, runs: Collection[str], notes: Path | None = None) -> Chapter:
    """The chapter of these runs from the metrics, and with `notes` (documents and judged notes) their examples."""
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
    return Chapter(supervised, numbers if runs else {}, _examples(notes) if notes and runs else {})


def summary(chapter: Chapter) -> dict[str, Any]:
    """Accuracy by way of choosing, task and run, nested as that of other methods."""
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
    """A table a run for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = []
    for run in chapter.runs:
        one = Table(box=box.SIMPLE_HEAD, title=f"RATIONALYST, {run.title}", title_justify="left", title_style="")
        for number, name in enumerate(HEAD):
            one.add_column(Text(name), justify="right" if number else "left", no_wrap=True)
        for row in run.rows:
            one.add_row(*map(Text, cells(row)))
        made.append(one)
    return made


def sections(chapter: Chapter) -> str:
    """The chapter's part of the page."""
    parts = [
        section(f"RATIONALYST: {run.title}", table(HEAD, [cells(row) for row in run.rows]), COSTS)
        for run in chapter.runs
    ]
    rows = [[source, *(_number(of.get(name)) for name in FILTERED)] for source, of in chapter.filtered.items()]
    head = ["source", *FILTERED.values()]
    parts.append(section("RATIONALYST: what the filter kept", table(head, rows), "Notes by source; gains in nats."))
    parts += [section(f"RATIONALYST: notes, {name}", _listed(shown)) for name, shown in chapter.examples.items()]
    return "".join(parts)


def _listed(shown: Sequence[Shown]) -> str:
    items = []
    for one in shown:
        why = f" ({', '.join(one.reasons)})" if one.reasons else ""
        place = f"{escape(one.before)} <strong>[{escape(one.note)}]</strong> {escape(one.after)}"
        items.append(f"<dt>gain {one.gain:+.2f}{escape(why)}</dt><dd>{place}</dd>\n")
    return f"<dl>\n{''.join(items)}</dl>" if items else ""


def _examples(notes: Path) -> dict[str, list[Shown]]:
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


def _shown(judged: JudgedRationale, text: str) -> Shown:
    note = judged.rationale
    before, after = text[: note.position].strip(), text[note.position : note.end].strip()
    cut = f"... {before[-AROUND:]}" if len(before) > AROUND else before
    return Shown(cut, note.text, after[:AROUND], judged.gain, judged.reasons)


def _over(row: dict[str, Any], baseline: str) -> str:
    """A paired difference with its interval, in percentage points."""
    name = f"over_{baseline}"
    if name not in row:
        return "-"
    return f"{100 * row[name]:+.1f} [{100 * row[f'{name}_low']:+.1f}, {100 * row[f'{name}_high']:+.1f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value == int(value) else f"{value:.2f}"
