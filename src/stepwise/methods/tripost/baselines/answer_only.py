"""Answers without reasoning: a task whose prompt ends at `Answer:`, and training texts for it."""

from __future__ import annotations

from typing import Any

from stepwise.records import Example, Problem, Prompt, Span
from stepwise.tasks.base import Task

ANSWER_ONLY = "answer_only"
"""The baseline that answers like this."""


def answer_example(task: Task, problem: Problem) -> Example:
    """The question with the answer alone."""
    prompt = tuple(Span(text=piece, weight=0.0) for piece in answer_prompt(task.prompt(problem)))
    return Example(id=f"{problem.id}-answer", spans=(*prompt, Span(text=f" {problem.answer}")))


class AnswerOnly:
    """A task in which the answer is asked for without reasoning."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        """Everything else is the task's."""
        return getattr(self._task, name)

    def prompt(self, problem: Problem) -> Prompt:
        """The task's prompt, which ends at `Answer:`."""
        return answer_prompt(self._task.prompt(problem))


def answer_prompt(prompt: Prompt) -> Prompt:
    """A prompt that asks for the answer at once: without what follows its last `Answer:`."""
    text = "".join(prompt)
    header = "Answer:"
    return (text[: text.rindex(header) + len(header)],)
