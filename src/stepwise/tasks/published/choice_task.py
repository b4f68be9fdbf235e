"""The base of multiple-choice tasks: the question with its lettered options, and a letter as the answer.

Solutions are sentences that end with the answer line. The strict check is that of RATIONALYST's evaluation
(`end_phrase`); the robust check accepts the letter in any spelling, or the words of the option (`named_option`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from stepwise.records import Form, Problem, Solution, Split, Verdict
from stepwise.tasks.answers import end_phrase
from stepwise.tasks.answers.named_option import LETTERS, named_option
from stepwise.tasks.formats import math_format
from stepwise.tasks.published.hand_written import hand_written
from stepwise.tasks.published.published import PublishedTask


class ChoiceTask(PublishedTask):
    """Questions with up to ten options A to J."""

    forms: ClassVar[tuple[Form, ...]] = ("n_cot",)
    choices: ClassVar[tuple[str, ...]] = ()
    """The options, if they are the same for all questions."""

    def problem(
        self,
        name: str,
        split: Split,
        question: str,
        choices: Sequence[str],
        answer: str,
        *,
        steps: Sequence[str] | None = None,
        difficulty: str = "",
    ) -> Problem:
        """A problem. `steps`, if given, become the lines of its reference, above the answer line."""
        options = [f"{letter}) {choice.strip()}" for letter, choice in zip(LETTERS, choices, strict=False)]
        return Problem(
            id=name,
            task=self.name,
            split=split,
            question="\n".join([question.strip(), *options]),
            answer=answer,
            choices=tuple(choice.strip() for choice in choices),
            reference=None if steps is None else math_format.reference("\n".join(steps), answer, self.form),
            difficulty=difficulty,
        )

    def hand_written(self) -> list[Problem]:
        """The task's problems in `shots/`, with solutions in steps; none if it has no such file."""
        return [
            self.problem(
                f"{self.name}_own_{number}",
                "train",
                shot.question,
                shot.choices or self.choices,
                shot.answer,
                steps=shot.steps,
                difficulty=shot.kind,
            )
            for number, shot in enumerate(hand_written(self.name), 1)
        ]

    def parse(self, text: str) -> Solution:
        """A completion as steps and the letter that it names."""
        solution = math_format.parse(text, self.form)
        return solution.model_copy(update={"answer": named_option(text, self.choices)})

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        return [self._verdict(problem, text) for problem, text in pairs]

    def strict_letter(self, text: str, letters: str) -> str | None:
        """The papers' reading of the letter: the first word after the end phrase, with nothing around it."""
        return end_phrase.letter(text, letters)

    def _verdict(self, problem: Problem, text: str) -> Verdict:
        strict = self.strict_letter(text, LETTERS[: len(problem.choices)])
        robust = named_option(text, problem.choices)
        return Verdict(
            strict_answer=strict,
            strict_correct=strict == problem.answer,
            answer=robust,
            correct=robust == problem.answer,
        )
