"""All evaluations side by side: a table in the terminal, JSON for DVC, and a page for people.

`collect` reads the evaluations, `compare_with_baselines` pairs them, `build` writes the files and `show` prints. What a
method has to say beyond its accuracy is a `Chapter`; the report knows no method by name.
"""

from __future__ import annotations

from stepwise.report import pairs
from stepwise.report.building import build
from stepwise.report.chapters.base import Chapter, Sources
from stepwise.report.collecting import Row, collect
from stepwise.report.comparisons import compare_with_baselines, greedy
from stepwise.report.pairs import Pair
from stepwise.report.terminal import show

__all__ = ["Chapter", "Pair", "Row", "Sources", "build", "collect", "compare_with_baselines", "greedy", "pairs", "show"]
