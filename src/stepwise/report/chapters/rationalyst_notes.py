"""What two studies found of RATIONALYST's notes: mined ones beside people's, and the worth of a trained model's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from stepwise.report.chapters.rationalyst_studies import (
    Example,
    Failures,
    Kind,
    Mined,
    Overlap,
    Scored,
    Studies,
    Written,
)
from stepwise.report.markup import definitions, details, placed, section, table
from stepwise.statistics import Interval

if TYPE_CHECKING:
    from rich.table import Table

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
"""What the filter counts, and how the report calls it. A rejected note may have several reasons."""
WRITERS = ("trained", "untrained", "elsewhere")
MEANS = "Means over documents with 95 % bootstrap intervals."
PEOPLE = (
    "The step that a person wrote next, put in the note's place, tells all: what a note could gain at best, roughly. "
    f"Gains in nats; the threshold is the filter's. {MEANS}"
)
SHARES = "Percent of a note's content words and numbers that are there; another step is another document's."
UNSEEN = (
    "How much likelier a note makes what follows than no note does, in nats, on documents that were not trained on; "
    f"`elsewhere` are the trained model's notes of other documents. Differences are paired by place. {MEANS} "
    "A study, made once, no part of this run."
)


@dataclass(frozen=True)
class Grid:
    """A table for the page and for the terminal; its first `texts` columns are text."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    note: str
    texts: int = 1

    def html(self, more: str = "") -> str:
        """A section of the page with more HTML below the table; nothing without rows."""
        body = table(self.head, self.rows, self.texts)
        return section(f"RATIONALYST: {self.title}", body and body + more, self.note)

    def printed(self) -> Table:
        """The table for the terminal."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        made = Table(box=box.SIMPLE_HEAD, title=f"RATIONALYST, {self.title}", title_justify="left", title_style="")
        for column, name in enumerate(self.head):
            made.add_column(Text(name), justify="left" if column < self.texts else "right", no_wrap=True)
        for row in self.rows:
            made.add_row(*map(Text, row))
        return made


def tables(studies: Studies) -> list[Table]:
    """Tables for the terminal; causes of failures and gains by the filter's own scorer are left to the page."""
    grids = [_counts(studies.mined), *_people(studies.mined)] if studies.mined else []
    return [grid.printed() for grid in (*grids, _gains(studies, page=False)) if grid.rows]


def sections(studies: Studies) -> str:
    """The studies' part of the page, examples folded."""
    parts = []
    if mined := studies.mined:
        parts.append(_counts(mined).html("".join(_examples(name, kind) for name, kind in mined.kinds.items())))
        parts += [grid.html() for grid in _people(mined)]
        parts.append(_causes(mined).html(_failures(mined.failures) if mined.failures else ""))
    written = "".join(
        details(f"{run}, {name}: examples of notes ({len(one.examples)})", _written(one.examples))
        for run, kinds in studies.unseen.items()
        for name, one in kinds.items()
    )
    return "".join(parts) + _gains(studies, page=True).html(written)


def listed(rows: Iterable[tuple[str, Example]]) -> str:
    """Judged notes where they stand, each under a label, its gain and the reasons against it."""
    return definitions(
        (
            f"{label}gain {one.gain:+.2f}" + (f" ({', '.join(one.reasons)})" if one.reasons else ""),
            placed(one.before, one.note, one.following),
        )
        for label, one in rows
    )


def numeral(value: float | None) -> str:
    """A count or a mean; a dash for none."""
    return "-" if value is None else f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def _counts(mined: Mined) -> Grid:
    rows = [
        [name, str(kind.documents), *(numeral(kind.filter.get(key)) for key in FILTERED)]
        for name, kind in mined.kinds.items()
    ]
    note = (
        f"A study, made once with {mined.model}, no part of this run. "
        "A note may have several reasons against it; gains in nats."
    )
    return Grid("notes mined from real documents", ("source", "documents", *FILTERED.values()), rows, note)


def _examples(name: str, kind: Kind) -> str:
    parts = [
        details(f"{name}: {len(several)} {which} notes", listed(("", one) for one in several))
        for which, several in (("kept", kind.examples_kept), ("rejected", kind.examples_rejected))
    ]
    if len(kind.kept_by_source) > 1:
        parts.append(details(f"{name}: kept by source", table(("source", "kept"), [*kind.kept_by_source.items()])))
    return "".join(parts)


def _people(mined: Mined) -> list[Grid]:
    gains = [
        [name, str(one.steps), *map(_nats, (one.gain_of_notes, one.gain_of_steps, one.notes_minus_steps))]
        + [f"{100 * share:.0f} %" for share in (one.notes_at_threshold, one.steps_at_threshold)]
        for name, one in mined.people.items()
    ]
    head = (
        "source",
        "steps",
        "gain of the note",
        "of the step",
        "difference",
        "notes at threshold",
        "steps at threshold",
    )
    shares = [
        [name, which, *_shares(getattr(one.overlap, which))]
        for name, one in mined.people.items()
        for which in ("all", "kept", "rejected")
    ]
    means = (
        MEANS if any(one.overlap.all.own_step_of_documents for one in mined.people.values()) else "Means over notes."
    )
    columns = ("source", "which", "notes", "in the step", "in another step", "difference")
    return [
        Grid("gain of mined notes beside people's steps", head, gains, PEOPLE),
        Grid("overlap of mined notes with people's steps", columns, shares, f"{SHARES} {means}", texts=2),
    ]


def _shares(one: Overlap) -> list[str]:
    own, other, apart = one.own_step_of_documents, one.other_step_of_documents, one.own_minus_other
    return [
        str(one.notes),
        _percent(own) if own else f"{100 * one.own_step:.1f}",
        _percent(other) if other else f"{100 * one.other_step:.1f}",
        _percent(apart, sign="+") if apart else f"{100 * (one.own_step - one.other_step):+.1f}",
    ]


def _causes(mined: Mined) -> Grid:
    failures = mined.failures
    counts = [kind.rejected_by_cause for kind in mined.kinds.values()] + ([failures.by_cause] if failures else [])
    causes = _by_count(kind.rejected_by_cause for kind in mined.kinds.values())
    rows = [[cause, *(str(one.get(cause, 0)) for one in counts)] for cause in causes]
    head = ("cause", *mined.kinds, *([f"of the {len(failures.rows)} below"] if failures else []))
    return Grid("why rejected notes failed", head, rows, "Every rejected note, by the first rule that holds.")


def _by_count(several: Iterable[Mapping[str, int]]) -> list[str]:
    """Causes, the most frequent first: their order in a file says nothing."""
    total: Counter[str] = Counter()
    for counts in several:
        total.update(counts)
    return [cause for cause, _ in total.most_common()]


def _failures(failures: Failures) -> str:
    parts = []
    for cause in _by_count([failures.by_cause]):
        rows = [(f"{one.source}, ", one) for one in failures.rows if one.cause == cause]
        rule = f"<p>{escape(failures.rules.get(cause, ''))}</p>"
        parts.append(details(f"{cause}: {len(rows)}", rule + listed(rows)))
    return "".join(parts)


def _gains(studies: Studies, *, page: bool) -> Grid:
    """Four rows a scorer, one for each writer; off the page the filter's scorer is left out."""
    rows = []
    for run, kinds in studies.unseen.items():
        for name, one in kinds.items():
            scorers = {one.other.scorer: one.other} | (
                {f"{one.filters.scorer}, the filter's": one.filters} if page else {}
            )
            rows += [
                [run, name, scorer, writer, str(one.places), *said]
                for scorer, scored in scorers.items()
                for writer, *said in _writers(scored)
            ]
    head = ("run", "documents", "scorer", "notes", "places", "gain", "trained minus it", "helpful")
    return Grid("gain of notes on documents not trained on", head, rows, UNSEEN, texts=4)


def _writers(of: Scored) -> list[list[str]]:
    rows = [[name, _nats(getattr(of.gain, name), 1), f"{100 * getattr(of.helps, name):.0f} %"] for name in WRITERS]
    apart = ["-", *(_nats(one, 1) for one in (of.trained_minus_untrained, of.trained_minus_elsewhere))]
    rows = [[name, gain, minus, helpful] for (name, gain, helpful), minus in zip(rows, apart, strict=True)]
    return [*rows, ["none", "0, by definition", _nats(of.gain.trained, 1), "-"]]


def _written(examples: Sequence[Written]) -> str:
    return definitions(
        (
            f"{one.before} [...] {one.following}",
            "<br>".join(f"{writer}: <strong>[{escape(getattr(one, writer))}]</strong>" for writer in WRITERS),
        )
        for one in examples
    )


def _nats(one: Interval, digits: int = 2) -> str:
    return f"{one.value:+.{digits}f} [{one.low:+.{digits}f}, {one.high:+.{digits}f}]"


def _percent(one: Interval, sign: str = "") -> str:
    value, low, high = (f"{100 * value:{sign}.1f}" for value in (one.value, one.low, one.high))
    return f"{value} [{low}, {high}]"
