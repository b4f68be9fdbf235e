"""The domains by the name of their task."""

from __future__ import annotations

from collections.abc import Callable

from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.domains.formulas import FormulaDomain
from stepwise.methods.refiner.domains.moral_stories import MoralStoriesDomain
from stepwise.methods.refiner.domains.reasoning import ReasoningDomain
from stepwise.params import ParamsError

DOMAINS: dict[str, Callable[[], Domain]] = {
    "word_problems_formula": FormulaDomain,
    "svamp_formulas": FormulaDomain,
    "synthetic_reasoning": ReasoningDomain,
    "moral_stories": MoralStoriesDomain,
}


def domain_of(task: str) -> Domain:
    """The domain of a task. Raises ParamsError if REFINER has none for it."""
    if task not in DOMAINS:
        raise ParamsError(f"REFINER has no feedback for the task {task!r}; it has for {', '.join(sorted(DOMAINS))}")
    return DOMAINS[task]()
