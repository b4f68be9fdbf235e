"""The report in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stepwise.report.chapters.base import Chapter
from stepwise.report.collecting import Row
from stepwise.report.columns import cells, columns, heading
from stepwise.report.pairs import HEAD, TEXTS, Pair
from stepwise.report.pairs import cells as pair_cells

if TYPE_CHECKING:
    from rich.table import Table

NEXT = (
    ("the page", "{page}"),
    ("experiments side by side", "make experiments"),
    ("change since the last commit", "dvc metrics diff"),
    ("runs and registered models", "mlflow ui --backend-store-uri sqlite:///mlflow.db"),
    ("a model at work", "python -m stepwise solve --help"),
)
"""Where to look next: what there is to see, and the command or file that shows it."""


WIDTH = 140
"""Columns of the table in a file or a pipe, which has no width of its own."""


def show(
    rows: Sequence[Row],
    pairs: Sequence[Pair] = (),
    page: Path = Path("report/index.html"),
    chapters: Sequence[Chapter] = (),
) -> None:
    """Print the evaluations, the paired differences, the chapters' tables, and where to look next."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table(rows))
    if pairs:
        console.print(pairs_table(pairs))
    for chapter in chapters:
        for chapter_table in chapter.tables():
            console.print(chapter_table)
    console.print("Where to look next:")
    for what, where in NEXT:
        console.print(f"  {what:<29} {where.format(page=page)}", markup=False)


def table(rows: Sequence[Row]) -> Table:
    """The table of evaluations, in percent."""
    names = columns(rows)
    head = ("task", "model", "method", *map(heading, names), "problems")
    body = [
        (row.task, row.model, row.method, *cells(row, names), f"{row.numbers.get('problems', 0):.0f}") for row in rows
    ]
    return rich_table(head, body, texts=3)


def pairs_table(pairs: Sequence[Pair]) -> Table:
    """The table of paired differences, in percentage points."""
    return rich_table(HEAD, [pair_cells(pair) for pair in pairs], texts=TEXTS)


def rich_table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int, title: str | None = None) -> Table:
    """A table whose first `texts` columns are text on the left and the others numbers on the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="")
    for column, name in enumerate(head):
        table.add_column(Text(name), justify="left" if column < texts else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
