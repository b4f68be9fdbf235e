"""The report in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stepwise.report.chapters import rationalyst
from stepwise.report.chapters.rationalyst import Chapter
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
"""Where to look next: what one sees, and the command or file."""


WIDTH = 140
"""Columns of the table in a file or a pipe, which has no width of its own."""


def show(
    rows: list[Row],
    pairs: Sequence[Pair] = (),
    page: Path = Path("report/index.html"),
    chapter: Chapter | None = None,
) -> None:
    """Print the table, the paired differences, RATIONALYST's tables, and where to look next."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table(rows))
    if pairs:
        console.print(pairs_table(pairs))
    for one in rationalyst.tables(chapter or Chapter()):
        console.print(one)
    console.print("Where to look next:")
    for what, where in NEXT:
        console.print(f"  {what:<29} {where.format(page=page)}", markup=False)


def table(rows: list[Row]) -> Table:
    """The table of evaluations, in percent."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = columns(rows)
    made = Table(box=box.SIMPLE_HEAD)
    for title in ("task", "model", "method"):
        made.add_column(title, no_wrap=True)
    for name in (*map(heading, names), "problems"):
        made.add_column(Text(name), justify="right", no_wrap=True)
    for row in rows:
        texts = (row.task, row.model, row.method, *cells(row, names), f"{row.numbers.get('problems', 0):.0f}")
        made.add_row(*map(Text, texts))
    return made


def pairs_table(pairs: Sequence[Pair]) -> Table:
    """The table of paired differences, in percentage points."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD)
    for number, title in enumerate(HEAD):
        justify: Literal["left", "right"] = "left" if number < TEXTS else "right"
        made.add_column(Text(title), justify=justify, no_wrap=True)
    for pair in pairs:
        made.add_row(*map(Text, pair_cells(pair)))
    return made
