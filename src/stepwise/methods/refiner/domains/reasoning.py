"""REFINER's domain of synthetic reasoning: what is wrong with the steps from a fact to a conclusion (section 4.2).

The paper's types are missing implicit knowledge, a missing link between the fact and the rules, and logically invalid
steps. A wrong or missing conclusion, a step too many and text without numbered steps are kinds of their own here.
"""

from __future__ import annotations

import random
from functools import lru_cache

from stepwise.methods.refiner.domains.base import DomainError
from stepwise.methods.refiner.domains.reasoning_faults import faults_of, same_statements
from stepwise.methods.refiner.domains.reasoning_perturbation import perturbed
from stepwise.methods.refiner.feedback import Fault, Templates
from stepwise.records import Problem
from stepwise.tasks.formats.numbered_inference import read_steps
from stepwise.tasks.generated.rule_inference import explanation
from stepwise.tasks.generated.rule_questions import Question, QuestionError, read_question

TEMPLATES = Templates(
    {
        "knowledge": "The implicit knowledge about {hint} is missing.",
        "link": "The link between the fact and the rules is missing.",
        "operator": "The {slot} operator makes {step} invalid.",
        "invalid": "Step {step} does not follow.",
        "conclusion": "The conclusion in {step} is incorrect.",
        "unfinished": "The conclusion is missing.",
        "extra": "Step {step} is not needed.",
        "unreadable": "The steps cannot be read.",
    }
)


class ReasoningDomain:
    """Numbered steps, compared with those that the question entails. Implements Domain."""

    templates = TEMPLATES

    def oracle(self, problem: Problem, text: str) -> tuple[Fault, ...]:
        """What is wrong with the steps: first what is missing, then the steps in order; empty exactly if `equivalent`.

        A step that gets a gold one wrong is a fault of its own, and the gold one does not count as missing.
        """
        question = _question(problem)
        steps = _steps(text)
        return faults_of(question, steps) if steps else (Fault("unreadable"),)

    def perturb(self, problem: Problem, kind: str, rng: random.Random) -> str | None:
        """A wrong solution that has exactly one fault, of `kind`; its answer is what its last step concludes."""
        return perturbed(_question(problem), kind, rng)

    def exact(self, problem: Problem, text: str) -> bool:
        """Whether the steps are the gold ones, and each stands after those that it rests on.

        The conclusion rests on all other steps, and `Dan is small` on `tiny is small`.
        """
        gold, steps = explanation(_question(problem)), _steps(text)
        if sorted(steps) != sorted(gold) or steps[-1] != gold[-1]:
            return False
        order = {step: place for place, step in enumerate(steps)}
        *body, _ = gold
        return all(
            order[first] < order[second]
            for first in body
            for second in body
            if gold.index(first) < gold.index(second) and first.split()[-1] == second.split()[-1]
        )

    def equivalent(self, problem: Problem, text: str) -> bool:
        """Whether the steps are the gold ones in any order; the two attributes of a conclusion have none either."""
        return same_statements(explanation(_question(problem)), _steps(text))

    def judged(self, text: str) -> str:
        """The whole solution: its answer repeats the last step."""
        return text.strip()

    def listed(self, problem: Problem) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        """Nothing: wrong steps are made by rules."""
        return ()


def _steps(text: str) -> list[str]:
    """The steps of a solution, blanks evened out; empty if they are not numbered #0, #1, ... or one is empty."""
    steps = read_steps(text.strip().partition("\n")[0])
    numbered = [step.id for step in steps] == [f"#{number}" for number in range(len(steps))]
    return [" ".join(step.text.split()) for step in steps] if numbered and all(step.text for step in steps) else []


def _question(problem: Problem) -> Question:
    """The question of a problem, whose reference has to be what follows from it."""
    if problem.reference is None:
        raise DomainError(f"problem {problem.id} has no reference solution; REFINER needs one for its feedback")
    return _read(problem.id, problem.question, problem.reference.text)


@lru_cache(maxsize=4096)
def _read(problem_id: str, text: str, reference: str) -> Question:
    try:
        question = read_question(text)
    except QuestionError as error:
        raise DomainError(f"problem {problem_id} is no question of synthetic_reasoning: {error}") from error
    if not same_statements(explanation(question), _steps(reference)):
        raise DomainError(
            f"the reference of problem {problem_id} is not what follows from its question; "
            f"it should have the steps {'; '.join(explanation(question))}"
        )
    return question
