"""Small charts as inline SVG: bars with intervals, and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

LABEL, WIDE, HIGH, ROW = 220, 240, 150, 22
"""In pixels: width of a bar's label, width and height of the plotting area, height of a bar's row."""


@dataclass(frozen=True)
class Bar:
    """A share with its interval, all in 0..1."""

    label: str
    value: float
    low: float
    high: float


def bars(title: str, marks: Sequence[Bar]) -> str:
    """Horizontal bars from 0 to 100 %, each with a line for its interval."""
    parts = []
    for i, mark in enumerate(marks):
        middle = i * ROW + ROW / 2 + 4
        parts.append(
            f'<text x="{LABEL - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(mark.label)}</text>'
            f'<rect class="mark" x="{LABEL}" y="{middle - 6:.1f}" width="{WIDE * mark.value:.1f}" height="12"/>'
            f'<line class="range" x1="{LABEL + WIDE * mark.low:.1f}" x2="{LABEL + WIDE * mark.high:.1f}" '
            f'y1="{middle:.1f}" y2="{middle:.1f}"/>'
            f'<text class="soft" x="{LABEL + WIDE + 8}" y="{middle + 4:.1f}">{100 * mark.value:.0f} %</text>'
        )
    bottom = len(marks) * ROW + 8
    parts.append(f'<line class="axis" x1="{LABEL}" x2="{LABEL + WIDE}" y1="{bottom}" y2="{bottom}"/>')
    return _figure(title, "".join(parts), LABEL + WIDE + 50, bottom + 4)


@dataclass(frozen=True)
class Stack:
    """Two shares that add up to a third, all in 0..1."""

    label: str
    first: float
    second: float


def stacks(title: str, marks: Sequence[Stack], names: tuple[str, str]) -> str:
    """Horizontal bars from 0 to 100 %, each of two parts; `names` says in a legend what the parts are."""
    parts = []
    for i, mark in enumerate(marks):
        middle = i * ROW + ROW / 2 + 4
        whole = WIDE * (mark.first + mark.second)
        parts.append(
            f'<text x="{LABEL - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(mark.label)}</text>'
            f'<rect class="mark" x="{LABEL}" y="{middle - 6:.1f}" width="{WIDE * mark.first:.1f}" height="12"/>'
            f'<rect class="more" x="{LABEL + WIDE * mark.first:.1f}" y="{middle - 6:.1f}" '
            f'width="{WIDE * mark.second:.1f}" height="12"/>'
            f'<text class="soft" x="{LABEL + whole + 8:.1f}" y="{middle + 4:.1f}">'
            f"{100 * mark.first:.1f} + {100 * mark.second:.1f} %</text>"
        )
    bottom = len(marks) * ROW + 8
    parts.append(f'<line class="axis" x1="{LABEL}" x2="{LABEL + WIDE}" y1="{bottom}" y2="{bottom}"/>')
    for i, (name, style) in enumerate(zip(names, ("mark", "more"), strict=True)):
        left = LABEL + i * WIDE / 2
        parts.append(
            f'<rect class="{style}" x="{left:.1f}" y="{bottom + 10}" width="12" height="12"/>'
            f'<text class="soft" x="{left + 18:.1f}" y="{bottom + 20}">{escape(name)}</text>'
        )
    return _figure(title, "".join(parts), LABEL + WIDE + 100, bottom + 28)


def line(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line through (step, value), on an axis from the smaller of 0 and the smallest value; both ends are labelled."""
    last = max(step for step, _ in points) or 1
    bottom = min(0.0, min(value for _, value in points))
    top = max(bottom, max(value for _, value in points))
    top = top if top > bottom else bottom + 1
    left, above = 48, 10
    placed = [
        (left + WIDE * step / last, above + HIGH * (1 - (value - bottom) / (top - bottom))) for step, value in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = "".join(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in placed)
    floor = above + HIGH
    body = (
        f'<line class="axis" x1="{left}" x2="{left + WIDE}" y1="{floor}" y2="{floor}"/>'
        f'<line class="axis" x1="{left}" x2="{left}" y1="{above}" y2="{floor}"/>'
        f'<text class="soft" x="{left - 6}" y="{above + 8}" text-anchor="end">{top:.3g}</text>'
        f'<text class="soft" x="{left - 6}" y="{floor}" text-anchor="end">{bottom:.3g}</text>'
        f'<text class="soft" x="{left + WIDE}" y="{floor + 16}" text-anchor="end">step {last:g}</text>'
        f'<polyline class="path" points="{path}"/>{dots}'
    )
    return _figure(title, body, left + WIDE + 12, floor + 22)


DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""Line styles, so that series can be told apart without colour."""


def series(title: str, lines: Mapping[str, Sequence[tuple[float, float]]], unit: str) -> str:
    """Lines through (x, share) in one chart, x by its rank, from 0 to the next full 10 %; each is named at its end."""
    places = {x: i for i, x in enumerate(sorted({x for points in lines.values() for x, _ in points}))}
    left, above, wide = 48, 10, WIDE / max(len(places) - 1, 1)
    floor = above + HIGH
    top = min(1.0, (int(10 * max((y for points in lines.values() for _, y in points), default=1.0)) + 1) / 10)
    parts = [
        f'<line class="axis" x1="{left}" x2="{left + WIDE}" y1="{floor}" y2="{floor}"/>'
        f'<line class="axis" x1="{left}" x2="{left}" y1="{above}" y2="{floor}"/>'
        f'<text class="soft" x="{left - 6}" y="{above + 8}" text-anchor="end">{100 * top:.0f} %</text>'
        f'<text class="soft" x="{left - 6}" y="{floor}" text-anchor="end">0</text>'
    ]
    parts += [
        f'<text class="soft" x="{left + wide * i:.1f}" y="{floor + 16}" text-anchor="middle">{unit}={x:g}</text>'
        for x, i in places.items()
    ]
    ends = sorted(((points[-1][1], name) for name, points in lines.items() if points), reverse=True)
    label: dict[str, float] = {}
    for rank, (value, name) in enumerate(ends):
        wanted = above + HIGH * (1 - value / top) + 4
        label[name] = wanted if rank == 0 else max(wanted, label[ends[rank - 1][1]] + 14)
    for number, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{left + wide * places[x]:.1f},{above + HIGH * (1 - y / top):.1f}" for x, y in points)
        text = f"{escape(name)} {100 * points[-1][1]:.1f} %"
        dash = DASHES[number % len(DASHES)]
        parts.append(
            f'<polyline class="path" stroke-dasharray="{dash}" points="{path}"/>'
            f'<text x="{left + WIDE + 8}" y="{label[name]:.1f}">{text}</text>'
        )
    return _figure(title, "".join(parts), left + WIDE + 130, floor + 22)


def _figure(title: str, body: str, width: float, height: float) -> str:
    return (
        f"<figure>\n<figcaption>{escape(title)}</figcaption>\n"
        f'<svg role="img" aria-label="{escape(title)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">{body}</svg>\n</figure>\n'
    )
