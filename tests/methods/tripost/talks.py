"""A model that gets a sum wrong, criticises itself and gets it right, as a script."""

from __future__ import annotations

from stepwise.generation.scripted import ScriptedBackend
from stepwise.records import Problem, SampledTrajectory, Turn
from stepwise.tasks.generated.scripted import LEAD_IN, solution
from stepwise.tasks.multistep_arithmetic import MultistepArithmetic

QUESTION = "((1 + 2)) ="
LEAD = f"{LEAD_IN} {MultistepArithmetic.hint}"
WRONG = "(1) 1 + 2 = 4.\n(Final response) So the answer is 4."
RIGHT = "(1) 1 + 2 = 3.\n(Final response) So the answer is 3."
CRITICISM = 'Feedback: In step (1) the part "1 + 2 = 4" is incorrect. This is because 1 + 2 is 3.'
PRAISE = "Step (1) is correct. The final response is also correct."
TALK = f"{WRONG}\n{CRITICISM}\nUpdated Answer: {LEAD}\n{RIGHT}\nFeedback: {PRAISE}"
"""What is written about QUESTION."""


def self_critic(prompt: str, sample: int) -> str:
    """The first reply ends with an update, the second is the feedback on it; other questions are answered at once."""
    if prompt.endswith("\nFeedback:"):
        return f" {PRAISE}"
    if QUESTION in prompt:
        return f"{WRONG}\n{CRITICISM}\nUpdated Answer: {LEAD}\n{RIGHT}"
    return f"{RIGHT}\nFeedback: {PRAISE}"


def backend() -> ScriptedBackend:
    return ScriptedBackend(self_critic)


def problem(number: int, question: str, answer: str = "3") -> Problem:
    return Problem(id=str(number), task="multistep_arithmetic", split="test", question=question, answer=answer)


def sampled(number: int, *answers: str) -> SampledTrajectory:
    """A trajectory with these answers, one in each turn."""
    turns = []
    for answer in answers:
        steps = [("1", f"= {answer}."), ("Final response", f"So the answer is {answer}.")]
        turns.append(Turn(solution=solution(steps, answer)))
    return SampledTrajectory(problem_id=str(number), turns=tuple(turns))
