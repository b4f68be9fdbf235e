"""A problem of multistep arithmetic with a wrong attempt, and what a language model may say about it."""

from __future__ import annotations

from stepwise.methods.tripost.roles import ImproveRequest, VerifyRequest
from stepwise.params import TaskParams
from stepwise.records import Feedback, Problem
from stepwise.tasks.base import Task
from stepwise.tasks.multistep_arithmetic import solve
from stepwise.tasks.registry import get_task

TASK: Task = get_task("multistep_arithmetic", TaskParams(form="scripted", train=1, dev=1, test=1), seed=0)
LEAD_IN = (
    "Let's think step by step. Inner brackets come first, then multiplication, then addition and subtraction from left "
    "to right."
)
MARKER = "424242"
"""The gold answer, which is found nowhere else."""
QUESTION = "((3 + 4) * (9 - 7)) ="
PROBLEM = Problem(
    id="case",
    task=TASK.name,
    split="train",
    question=QUESTION,
    answer=MARKER,
    reference=solve(QUESTION).model_copy(update={"answer": MARKER, "text": f"So the answer is {MARKER}."}),
    meta={"gold": MARKER},
)
LINES = (
    '(1) This equation can be written as "(A * B)", where A = (3 + 4) and B = (9 - 7).',
    "(2) Let's calculate A = (3 + 4) = 8.",
    "(3) Let's calculate B = (9 - 7) = 2.",
    "(4) Then, the final equation is (A * B) = (8 * 2) = 16.",
    "(Final response) So the answer is 16.",
)
WRONG = TASK.parse("\n".join(LINES))
RIGHT = solve(QUESTION)
ERROR = Feedback(text="3 + 4 is 7", step="2", segment="(3 + 4) = 8")
VERDICT = ' (2)\nError segment: "(3 + 4) = 8"\nError reason: 3 + 4 is 7.\n'
CONTINUED = "\n".join(step.text for step in RIGHT.steps[1:])
VERIFY = VerifyRequest(PROBLEM, WRONG)
IMPROVE = ImproveRequest(PROBLEM, WRONG, ERROR, WRONG.steps[:1])
