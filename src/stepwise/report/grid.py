"""A chapter's table, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwise.report.markup import section, table
from stepwise.report.terminal import rich_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """A titled table whose first `texts` columns are text and the others numbers."""

    chapter: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    note: str
    texts: int = 1

    def html(self, more: str = "") -> str:
        """A section of the page with more HTML below the table; empty without rows."""
        body = table(self.head, self.rows, self.texts)
        return section(f"{self.chapter}: {self.title}", body and body + more, self.note)

    def printed(self) -> Table:
        """The table for the terminal."""
        return rich_table(self.head, self.rows, self.texts, title=f"{self.chapter}, {self.title}")
