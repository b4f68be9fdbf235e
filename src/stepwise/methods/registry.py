"""The methods there are. Whoever needs something from each of them asks here and names none."""

from __future__ import annotations

from stepwise.methods.base import Answering, Method
from stepwise.methods.rationalyst.method import Rationalyst
from stepwise.methods.refiner.method import Refiner
from stepwise.methods.reft.method import Reft
from stepwise.methods.tripost.method import Tripost
from stepwise.models.card import Card
from stepwise.params import Params
from stepwise.report import Chapter, Sources
from stepwise.tasks.base import Task

METHODS: tuple[Method, ...] = (Rationalyst(), Reft(), Refiner(), Tripost())

CHAPTER_PARAMS = tuple(key for method in METHODS for key in method.chapter_params)
"""The keys of params.yaml that the report's chapters read."""


def answering(card: Card, task: Task) -> Answering:
    """How the model with this card answers problems of a task."""
    ways = (method.answering(card, task) for method in METHODS)
    return next((way for way in ways if way is not None), Answering(task))


def comparisons(params: Params) -> list[tuple[str, str]]:
    """The pairs of evaluations that methods want compared, besides every method with the baselines."""
    return [pair for method in METHODS for pair in method.comparisons(params)]


def agents(params: Params) -> list[str]:
    """The models that methods evaluate besides the base models."""
    return [name for method in METHODS for name in method.agents(params)]


def chapters(params: Params, sources: Sources) -> list[Chapter]:
    """The chapters of all methods that have one."""
    every = [method.chapter(params, sources) for method in METHODS]
    return [chapter for chapter in every if chapter is not None]
