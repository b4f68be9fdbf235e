"""What two studies found about RATIONALYST's notes: mined ones beside people's steps, and a trained model's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
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
from stepwise.report.grid import Grid
from stepwise.report.markup import definitions, details, placed, table
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
"""The filter's counts and their names in the report. A note may be rejected for several reasons."""
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


grid = partial(Grid, "RATIONALYST")
"""A table of this chapter."""


def tables(studies: Studies) -> list[Table]:
    """Tables for the terminal; the page alone shows causes of failures and gains by the filter's own scorer."""
    grids = [_counts(studies.mined), *_people(studies.mined)] if studies.mined else []
    return [each.printed() for each in (*grids, _gains(studies, page=False)) if each.rows]


def sections(studies: Studies) -> str:
    """The studies' part of the page, with the examples folded."""
    parts = []
    if mined := studies.mined:
        parts.append(_counts(mined).html("".join(_examples(name, kind) for name, kind in mined.kinds.items())))
        parts += [each.html() for each in _people(mined)]
        parts.append(_causes(mined).html(_failures(mined.failures) if mined.failures else ""))
    written = "".join(
        details(f"{run}, {name}: examples of notes ({len(unseen.examples)})", _written(unseen.examples))
        for run, kinds in studies.unseen.items()
        for name, unseen in kinds.items()
    )
    return "".join(parts) + _gains(studies, page=True).html(written)


def judged_notes(rows: Iterable[tuple[str, Example]]) -> str:
    """Judged notes in their place, each under a label, its gain and the reasons against it."""
    return definitions(
        (
            f"{label}gain {example.gain:+.2f}" + (f" ({', '.join(example.reasons)})" if example.reasons else ""),
            placed(example.before, example.note, example.following),
        )
        for label, example in rows
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
    return grid("notes mined from real documents", ("source", "documents", *FILTERED.values()), rows, note)


def _examples(name: str, kind: Kind) -> str:
    groups = (("kept", kind.examples_kept), ("rejected", kind.examples_rejected))
    parts = [
        details(f"{name}: {len(examples)} {which} notes", judged_notes(("", example) for example in examples))
        for which, examples in groups
    ]
    if len(kind.kept_by_source) > 1:
        parts.append(details(f"{name}: kept by source", table(("source", "kept"), [*kind.kept_by_source.items()])))
    return "".join(parts)


def _people(mined: Mined) -> list[Grid]:
    gains = [
        [name, str(people.steps), *map(_nats, (people.gain_of_notes, people.gain_of_steps, people.notes_minus_steps))]
        + [f"{100 * share:.0f} %" for share in (people.notes_at_threshold, people.steps_at_threshold)]
        for name, people in mined.people.items()
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
        [name, which, *_shares(getattr(people.overlap, which))]
        for name, people in mined.people.items()
        for which in ("all", "kept", "rejected")
    ]
    with_intervals = any(people.overlap.all.own_step_of_documents for people in mined.people.values())
    columns = ("source", "which", "notes", "in the step", "in another step", "difference")
    note = f"{SHARES} {MEANS if with_intervals else 'Means over notes.'}"
    return [
        grid("gain of mined notes beside people's steps", head, gains, PEOPLE),
        grid("overlap of mined notes with people's steps", columns, shares, note, texts=2),
    ]


def _shares(overlap: Overlap) -> list[str]:
    own, other, difference = overlap.own_step_of_documents, overlap.other_step_of_documents, overlap.own_minus_other
    return [
        str(overlap.notes),
        _percent(own) if own else f"{100 * overlap.own_step:.1f}",
        _percent(other) if other else f"{100 * overlap.other_step:.1f}",
        _percent(difference, sign="+") if difference else f"{100 * (overlap.own_step - overlap.other_step):+.1f}",
    ]


def _causes(mined: Mined) -> Grid:
    failures = mined.failures
    counts = [kind.rejected_by_cause for kind in mined.kinds.values()] + ([failures.by_cause] if failures else [])
    causes = _by_count(kind.rejected_by_cause for kind in mined.kinds.values())
    rows = [[cause, *(str(by_cause.get(cause, 0)) for by_cause in counts)] for cause in causes]
    head = ("cause", *mined.kinds, *([f"of the {len(failures.rows)} below"] if failures else []))
    return grid("why rejected notes failed", head, rows, "Every rejected note, by the first rule that holds.")


def _by_count(counts: Iterable[Mapping[str, int]]) -> list[str]:
    """Causes, the most frequent first: their order in a file says nothing."""
    total: Counter[str] = Counter()
    for by_cause in counts:
        total.update(by_cause)
    return [cause for cause, _ in total.most_common()]


def _failures(failures: Failures) -> str:
    parts = []
    for cause in _by_count([failures.by_cause]):
        rows = [(f"{failure.source}, ", failure) for failure in failures.rows if failure.cause == cause]
        rule = f"<p>{escape(failures.rules.get(cause, ''))}</p>"
        parts.append(details(f"{cause}: {len(rows)}", rule + judged_notes(rows)))
    return "".join(parts)


def _gains(studies: Studies, *, page: bool) -> Grid:
    """Four rows for each scorer, the writers and none; the filter's own scorer is shown on the page only."""
    rows = []
    for run, kinds in studies.unseen.items():
        for name, unseen in kinds.items():
            scorers = {unseen.other.scorer: unseen.other}
            if page:
                scorers[f"{unseen.filters.scorer}, the filter's"] = unseen.filters
            rows += [
                [run, name, scorer, writer, str(unseen.places), *texts]
                for scorer, scored in scorers.items()
                for writer, *texts in _writers(scored)
            ]
    head = ("run", "documents", "scorer", "notes", "places", "gain", "trained minus it", "helpful")
    return grid("gain of notes on documents not trained on", head, rows, UNSEEN, texts=4)


def _writers(scored: Scored) -> list[list[str]]:
    gains = [_nats(getattr(scored.gain, writer), 1) for writer in WRITERS]
    helpful = [f"{100 * getattr(scored.helps, writer):.0f} %" for writer in WRITERS]
    behind = ["-", _nats(scored.trained_minus_untrained, 1), _nats(scored.trained_minus_elsewhere, 1)]
    rows = [list(texts) for texts in zip(WRITERS, gains, behind, helpful, strict=True)]
    return [*rows, ["none", "0, by definition", _nats(scored.gain.trained, 1), "-"]]


def _written(examples: Sequence[Written]) -> str:
    return definitions(
        (
            f"{example.before} [...] {example.following}",
            "<br>".join(f"{writer}: <strong>[{escape(getattr(example, writer))}]</strong>" for writer in WRITERS),
        )
        for example in examples
    )


def _nats(interval: Interval, digits: int = 2) -> str:
    return f"{interval.value:+.{digits}f} [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]"


def _percent(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{100 * bound:{sign}.1f}" for bound in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"
