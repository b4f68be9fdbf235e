"""Two digits to copy: z is `3 5`, and the feedback says which place is wrong, or that there are not two digits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stepwise.methods.refiner.feedback import Fault, Templates
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.params import BackendParams, ModelParams, TaskParams
from stepwise.records import Form, Problem, Prompt, Solution, Split, Verdict
from stepwise.tasks.base import Loaded


def problem(left: int, right: int, split: Split = "train") -> Problem:
    text = f"{left} {right}"
    return Problem(
        id=f"{split}-{left}{right}",
        task="digits",
        split=split,
        question=text,
        answer=text,
        reference=Solution(text=text),
    )


class DigitTask:
    """Copy the digits of the question."""

    name = "digits"
    form: Form = "scripted"
    stop = ("\n",)

    def load(self, split: Split) -> Loaded:
        first = {"train": 1, "dev": 6, "test": 8}[split]
        return Loaded([problem(left, right, split) for left in (first, first + 1) for right in range(1, 7)])

    def prompt(self, problem: Problem) -> Prompt:
        return (f"Copy {problem.question}\nCopied:\n",)

    def parse(self, text: str) -> Solution:
        return Solution(text=text, answer=text.strip())

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        return self.check_many([(problem, text) for text in completions])

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        return [Verdict(answer=text.strip(), correct=text.strip() == problem.answer) for problem, text in pairs]


class DigitDomain:
    """Compares place by place."""

    templates = Templates({"digit": "Digit {step} is wrong.", "count": "There are two digits."})

    def oracle(self, problem: Problem, text: str) -> tuple[Fault, ...]:
        written, gold = text.split(), problem.answer.split()
        if len(written) != len(gold):
            return (Fault("count"),)
        return tuple(
            Fault("digit", f"#{place}")
            for place, pair in enumerate(zip(written, gold, strict=True))
            if len(set(pair)) > 1
        )

    def perturb(self, problem: Problem, kind: str, rng: random.Random) -> str | None:
        """Only problems that begin with a 1 have wrong counts."""
        left, right = problem.answer.split()
        if kind == "count":
            return f"{left}" if left == "1" else None
        other = str(rng.choice([digit for digit in range(1, 7) if str(digit) not in (left, right)]))
        return f"{other} {right}" if rng.random() < 0.5 else f"{left} {other}"

    def exact(self, problem: Problem, text: str) -> bool:
        return not self.oracle(problem, text)

    def equivalent(self, problem: Problem, text: str) -> bool:
        return self.exact(problem, text)

    def judged(self, text: str) -> str:
        return text.strip()

    def listed(self, problem: Problem) -> Sequence[tuple[str, str]]:
        return ()


def digit_setup(**changes: object) -> RefinerSetup:
    setup = RefinerSetup(
        task=DigitTask(),
        domain=DigitDomain(),
        task_params=TaskParams(form="scripted", max_new_tokens=4),
        model_params=ModelParams(source=str(Path("none"))),
        backend=BackendParams(batch_tokens=2048),
        seed=1,
    )
    return replace(setup, **changes)  # type: ignore[arg-type]
