"""Multistep arithmetic: an attempt continued correctly from its erroneous step, in place of a language model."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.methods.tripost.verifiers.arithmetic import Derivation
from stepwise.methods.tripost.verifiers.walk import completed
from stepwise.records import Feedback, Problem, Solution, Step
from stepwise.tasks.generated.expressions import parse, reduction
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.multistep_arithmetic import solve


class ArithmeticImprover:
    """An Improver of multistep arithmetic. After the task solver's own steps it continues as the solver does."""

    def improve(
        self,
        problem: Problem,
        solution: Solution,  # noqa: ARG002 - the prefix says all
        feedback: Feedback,  # noqa: ARG002
        prefix: Sequence[Step],
    ) -> Solution | None:
        """The prefix and a verified continuation; None if the prefix is wrong or the question is not an expression."""
        derivation = Derivation(problem.question)
        try:
            reference = solve(problem.question)
        except ValueError:
            return None
        improved = completed(derivation, prefix, lambda: _next_step(derivation, reference))
        return improved and improved.model_copy(update={"answer": str(derivation.result)})


def _next_step(derivation: Derivation, reference: Solution) -> tuple[str, str]:
    """The id and text of the step that is due."""
    if derivation.result is not None:
        return FINAL, f"So the answer is {derivation.result}."
    number = str(derivation.steps + 1)
    if derivation.equation is None:
        return number, reference.steps[0].text.removeprefix("(1) ")
    for letter, part in derivation.parts.items():
        if letter not in derivation.values:
            return number, f"Let's calculate {letter} = {_chain(part.text)}."
    equation = derivation.equation
    return number, f"Then, the final equation is {equation} = {_chain(derivation.substituted(equation))}."


def _chain(text: str) -> str:
    """The expression and the stages of its reduction, joined by equals signs."""
    stages = reduction(parse(text))
    return " = ".join(stages if stages[0] == text else [text, *stages])
