"""Sums such as `4 + 5 + 6 =`, solved from left to right, with a verifier and an improver that are programs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwise.generation.base import Completion, Sampling
from stepwise.generation.scripted import Answer, ScriptedBackend
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params import BackendParams, ModelParams, TaskParams
from stepwise.params.tripost import SelfImprovementParams
from stepwise.records import Feedback, Form, Problem, Prompt, Solution, Split, Step, Trajectory, Turn, Verdict
from stepwise.tasks.base import Loaded
from stepwise.tasks.generated.scripted import FINAL, LEAD_IN, read_steps, solution

PROMPT = (f"Q: 1 + 2 + 3 =\nAnswer: {LEAD_IN}\n",)


def attempt(*lines: str) -> Solution:
    """An attempt from its lines, without ids; the last one is the final response."""
    numbered = [(str(number), line) for number, line in enumerate(lines[:-1], 1)]
    return read("\n".join(step.text for step in solution([*numbered, (FINAL, lines[-1])], "").steps))


def read(text: str) -> Solution:
    """What a task's `parse` does."""
    answer = text.rpartition("the answer is ")[2].removesuffix(".") or None
    return Solution(text=text, steps=read_steps(text), answer=answer)


def solve(numbers: Sequence[int]) -> Solution:
    lines, total = [], numbers[0]
    for number in numbers[1:]:
        lines.append(f"{total} + {number} = {total + number}.")
        total += number
    return attempt(*lines, f"So the answer is {total}.")


def problem(*numbers: int) -> Problem:
    question = f"{' + '.join(map(str, numbers))} ="
    return Problem(
        id="sum", task="sums", split="train", question=question, answer=str(sum(numbers)), reference=solve(numbers)
    )


def trajectory(*parts: Solution | Feedback) -> Trajectory:
    """Attempts and feedback in turn."""
    turns = []
    for index in range(0, len(parts), 2):
        solution, feedback = (*parts[index : index + 2], None)[:2]
        assert isinstance(solution, Solution)
        assert feedback is None or isinstance(feedback, Feedback)
        turns.append(Turn(solution=solution, feedback=feedback))
    return Trajectory(problem_id="sum", turns=tuple(turns))


def negative(step: str, segment: str, text: str = "it is not") -> Feedback:
    return Feedback(text=text, step=step, segment=segment)


@dataclass
class SumVerifier:
    """Compares an attempt with the solution of the problem, step by step."""

    judged: list[str] = field(default_factory=list)

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        self.judged.append(solution.text)
        gold = solve([int(number) for number in problem.question.removesuffix(" =").split(" + ")])
        for step, right in zip(solution.steps, gold.steps, strict=False):
            if step.text != right.text:
                segment = step.text.removeprefix(f"({step.id}) ").removesuffix(".")
                if segment == "unreadable":
                    return None
                return Feedback(text=f"it should be {right.text}", kind="sum", step=step.id, segment=segment)
        return Feedback(text="")


@dataclass
class ScriptedImprover:
    """Answers with the given attempts in order, then with the right solution."""

    updates: list[Solution | None] = field(default_factory=list)
    calls: list[tuple[Solution, Feedback, tuple[Step, ...]]] = field(default_factory=list)

    def improve(
        self, problem: Problem, solution: Solution, feedback: Feedback, prefix: Sequence[Step]
    ) -> Solution | None:
        self.calls.append((solution, feedback, tuple(prefix)))
        return self.updates.pop(0) if self.updates else problem.reference


def random_attempt(generator: random.Random) -> Solution:
    """An attempt of any form that the grammar allows: nested ids, odd characters, headers inside lines."""
    ids: list[str] = []
    top = 0
    for _ in range(generator.randrange(6)):
        if ids and generator.random() < 0.4:
            ids.append(f"{ids[-1]}.{generator.randrange(1, 12)}")
        else:
            top += generator.randrange(1, 4)
            ids.append(str(top))
    steps = [(number, random_text(generator)) for number in [*dict.fromkeys(ids), FINAL]]
    return read("\n".join(f"({number}) {text}" for number, text in steps))


def random_text(generator: random.Random) -> str:
    words = (
        '"a" < "b"',
        "Feedback:",
        "Updated Answer:",
        "Q:",
        "(3)",
        "is incorrect.",
        "1 + 2 = 3",
        "é?",
        ",",
        "so the",
    )
    return " ".join(generator.choice(words) for _ in range(generator.randrange(1, 6)))


class SumTask:
    """Sums as a task. Its prompts end with the lead-in, and its solutions are attempts as above."""

    name = "sums"
    form: Form = "scripted"
    stop: tuple[str, ...] = ("\nQ:",)

    def load(self, split: Split) -> Loaded:
        """Ten sums of a split; no two splits share a sum."""
        first = {"train": 1, "dev": 11, "test": 21}[split]
        changes = ({"id": f"{split}-{number}", "split": split} for number in range(10))
        problems = [problem(first + n, 2, 3).model_copy(update=change) for n, change in enumerate(changes)]
        return Loaded(problems=problems, read=len(problems))

    def prompt(self, problem: Problem) -> Prompt:
        return (f"Q: {problem.question}\nAnswer: {LEAD_IN}\n",)

    def parse(self, text: str) -> Solution:
        return read(text)

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        return self.check_many([(problem, text) for text in completions])

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        answers = [read(text).answer or text.strip() for _, text in pairs]
        return [
            Verdict(answer=answer, correct=answer == pair[0].answer)
            for pair, answer in zip(pairs, answers, strict=True)
        ]


class RecordingBackend(ScriptedBackend):
    """Also records the pieces of every prompt and the sampling of every pass."""

    def __init__(self, answers: Answer | Mapping[str, str | Sequence[str]]) -> None:
        super().__init__(answers)
        self.pieces: list[Prompt] = []
        self.samplings: list[Sampling] = []

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        self.pieces += prompts
        self.samplings.append(sampling)
        return super().generate(prompts, sampling, journal=journal)


def sum_setup(max_updates: int = 3, **changes: Any) -> TripostSetup:
    """TriPosT on sums: at most 100 tokens of an attempt and 20 of a feedback."""
    fields = {
        "task": SumTask(),
        "task_params": TaskParams(form="scripted", max_new_tokens=100),
        "model_params": ModelParams(source="shipped"),
        "backend": BackendParams(),
        "inference": SelfImprovementParams(max_updates=max_updates, feedback_tokens=20),
        "seed": 3,
    }
    return TripostSetup(**{**fields, **changes})
