"""All evaluations side by side: a table in the terminal, JSON for DVC, and a page for people."""

from __future__ import annotations

from stepwise.report import pairs
from stepwise.report.building import build
from stepwise.report.chapters import rationalyst
from stepwise.report.collecting import Row, collect
from stepwise.report.terminal import show

__all__ = ["Row", "build", "collect", "pairs", "rationalyst", "show"]
