"""Building blocks of the page: sections, tables, lists and parts that unfold, all text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def section(title: str, body: str, note: str = "") -> str:
    """A titled part of the page; empty without a body."""
    if not body:
        return ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{f'<p>{escape(note)}</p>' if note else ''}{body}\n</section>\n"


def table(head: Sequence[str], body: Sequence[Sequence[str]], texts: int = 1) -> str:
    """A table whose first `texts` columns are text and the others numbers; empty without rows."""
    if not body:
        return ""

    def cells(tag: str, values: Iterable[str]) -> str:
        classes = ["" if i < texts else ' class="number"' for i in range(len(head))]
        return "".join(f"<{tag}{c}>{escape(value)}</{tag}>" for c, value in zip(classes, values, strict=True))

    lines = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in body)
    top = f"<thead><tr>{cells('th', head)}</tr></thead>"
    return f'<div class="wide"><table>\n{top}\n<tbody>\n{lines}</tbody></table></div>'


def details(summary: str, body: str) -> str:
    """A part of the page that unfolds on a click; empty without a body."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n{body}\n</details>\n" if body else ""


def definitions(items: Iterable[tuple[str, str]]) -> str:
    """A list of terms (text), each with its description (HTML); empty without items."""
    lines = "".join(f"<dt>{escape(term)}</dt><dd>{description}</dd>\n" for term, description in items)
    return f"<dl>\n{lines}</dl>" if lines else ""


def verbatim(text: str) -> str:
    """A text with its line breaks, in a fixed-width font."""
    return f"<pre>{escape(text)}</pre>"


def placed(before: str, note: str, after: str) -> str:
    """A note in its place, between the texts around it."""
    return f"{escape(before)} <strong>[{escape(note)}]</strong> {escape(after)}"
