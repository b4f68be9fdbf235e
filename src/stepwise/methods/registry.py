"""The methods there are. Whoever needs something from each of them asks here and names none."""

from __future__ import annotations

from stepwise.methods.base import Method
from stepwise.methods.rationalyst.method import Rationalyst
from stepwise.methods.reft.method import Reft
from stepwise.methods.tripost.method import Tripost
from stepwise.params import Params
from stepwise.report import Chapter, Sources

METHODS: tuple[Method, ...] = (Rationalyst(), Reft(), Tripost())

CHAPTER_PARAMS = tuple(key for method in METHODS for key in method.chapter_params)
"""The keys of params.yaml that the report's chapters read."""


def chapters(params: Params, sources: Sources) -> list[Chapter]:
    """The chapters of all methods that have one."""
    every = [method.chapter(params, sources) for method in METHODS]
    return [chapter for chapter in every if chapter is not None]
