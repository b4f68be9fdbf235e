"""MathQA (Amini et al. 2019, arXiv 1905.13319) as in ReFT, with options (`mathqa`) or without (`mathqa_numeric`).

Test is ReFT's 1,605 questions. ReFT's training files for MathQA are not public, so training uses MathQA's own dev rows
instead: their human rationales (`n_cot`), or their formulas as programs that return a number (`p_cot`). A training
question that also occurs in the test set, ignoring spacing and punctuation, is dropped, and so are repeated questions.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from stepwise.records import Problem, Solution, Verdict
from stepwise.tasks.answers.choices import LETTERS, choice_number, read_choices
from stepwise.tasks.answers.numbers import equal_numbers, number_text, numbers
from stepwise.tasks.formats import choice_format, math_format
from stepwise.tasks.formats.program_text import program_body, whole_program
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate, PublishedTask
from stepwise.tasks.sandbox.programs import run_programs

_CLOSING = re.compile(r"\W*\b(?:correct |final )?(?:answer|ans|option|choice)\b(?:\W|is|option|choice)*\b([a-e])\W*$")
"""The closing letter of a rationale, which is meaningless where the options are not shown."""


class _Row(NamedTuple):
    """A training row of either file."""

    id: str
    question: str
    options: str
    letter: str
    body: str
    """A rationale, or a program's lines after its docstring."""


class _MathQa(PublishedTask):
    """Shared by both tasks: the rows, and which of them may be used for training."""

    test_file: ClassVar[str]

    def training_rows(self) -> Iterable[Candidate]:
        """MathQA's dev rows, without test questions."""
        tested = {_letters_of(_without_options(row["question"])) for row in self._test_file()}
        seen: set[str] = set()
        for row in self._rationales() if self.form == "n_cot" else self._programs():
            key = _letters_of(row.question)
            choices = read_choices(row.options)
            if key in tested:
                yield "question is in the test set"
            elif key in seen:
                yield "question occurs twice"
            elif choices is None or row.letter not in LETTERS:
                yield "options cannot be read"
            elif self.form == "n_cot" and (closing := _CLOSING.search(row.body)) and closing[1] != row.letter:
                yield "rationale says another answer"
            else:
                yield self._training_problem(row, choices)
            seen.add(key)

    @abstractmethod
    def _training_problem(self, row: _Row, choices: tuple[str, ...]) -> Candidate:
        """A training row's problem, or why it is dropped."""

    def _test_file(self) -> list[rows.Row]:
        path = rows.find(self.data, (f"mathqa/{self.test_file}", f"reft/{self.test_file}"))
        return rows.read_rows(path, ("item_id", "question", "answer_value"))

    def _rationales(self) -> Iterable[_Row]:
        path = rows.find(self.data, ("mathqa/dev",))
        for number, row in enumerate(rows.read_rows(path, ("Problem", "Rationale", "options", "correct"))):
            body = row["Rationale"].strip().strip('"').strip()
            yield _Row(f"mathqa_dev_{number}", row["Problem"].strip(), row["options"], row["correct"], body)

    def _programs(self) -> Iterable[_Row]:
        path = rows.find(self.data, ("mathqa/derived_programs_dev",))
        for row in rows.read_rows(path, ("item_id", "question", "options", "answer_cot", "answer_mcq")):
            body = program_body(row["answer_cot"])
            yield _Row(row["item_id"], row["question"].strip(), row["options"], row["answer_mcq"], body)


class MathQa(_MathQa):
    """The answer is the letter of an option.

    The training programs return a number, which stands for the nearest option. ReFT's own check expects a letter from
    the program, so a model trained on them can only be right by the robust check.
    """

    name: ClassVar[str] = "mathqa"
    test_file: ClassVar[str] = "mathqa_test_set"

    def test_rows(self) -> Iterable[Candidate]:
        """ReFT's questions, which have their options on the second line."""
        for row in self._test_file():
            question, _, options = row["question"].strip().rpartition("\n")
            choices, letter = read_choices(options), row["answer_value"].strip()
            if choices is None or letter not in LETTERS or not question:
                yield "options cannot be read"
            else:
                yield self._problem(row["item_id"], row["question"], choices, letter, None)

    def _training_problem(self, row: _Row, choices: tuple[str, ...]) -> Candidate:
        body = _CLOSING.sub("", row.body) if self.form == "n_cot" else row.body
        if not body.strip():
            return "rationale is only an answer"
        reference = math_format.reference(body, row.letter, self.form)
        return self._problem(row.id, f"{row.question}\n{row.options.strip()}", choices, row.letter, reference)

    def _problem(
        self, name: str, question: str, choices: tuple[str, ...], letter: str, reference: Solution | None
    ) -> Problem:
        return Problem(
            id=name,
            task=self.name,
            split="test" if reference is None else "train",
            question=question.strip(),
            answer=letter,
            choices=choices,
            reference=reference,
        )

    def parse(self, text: str) -> Solution:
        """A completion as steps and its letter; for a program, its letter or its number."""
        if self.form == "n_cot":
            answer = choice_format.letter_of(text, LETTERS)
        else:
            value = run_programs([whole_program("", text)])[0].value
            number = math_format.robust_value(value)
            answer = choice_format.letter_of_value(value, LETTERS) if isinstance(value, str) else None
            answer = answer or (None if number is None else number_text(number))
        return math_format.parse(text, "n_cot").model_copy(update={"answer": answer})

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        return choice_format.check_many(pairs, self.form)

    def sound(self, verdict: Verdict) -> bool:
        """Programs return a number, so only the robust check can accept them."""
        return verdict.correct if self.form == "p_cot" else super().sound(verdict)


class MathQaNumeric(_MathQa):
    """The options are not shown; the answer is the number of the right option."""

    name: ClassVar[str] = "mathqa_numeric"
    test_file: ClassVar[str] = "mathqa-numeric_test_set"

    def test_rows(self) -> Iterable[Candidate]:
        """ReFT's questions with their numbers."""
        for row in self._test_file():
            answer = math_format.gold_number(row["answer_value"])
            yield (
                "answer is not a number"
                if answer is None
                else self._problem(row["item_id"], row["question"], answer, None)
            )

    def _training_problem(self, row: _Row, choices: tuple[str, ...]) -> Candidate:
        answer = choice_number(choices[LETTERS.index(row.letter)])
        if answer is None:
            return "answer is not a number"
        body = row.body
        if self.form == "n_cot":
            body = _CLOSING.sub("", body)
            if not any(equal_numbers(number, answer) for number in numbers(body)):
                return "rationale does not reach the answer"
        return self._problem(row.id, row.question, answer, math_format.reference(body, number_text(answer), self.form))

    def _problem(self, name: str, question: str, answer: float, reference: Solution | None) -> Problem:
        return Problem(
            id=name,
            task=self.name,
            split="test" if reference is None else "train",
            question=question.strip(),
            answer=number_text(answer),
            reference=reference,
        )


def _without_options(question: str) -> str:
    """A test question without its line of options."""
    return question.strip().split("\n")[0]


def _letters_of(question: str) -> str:
    """The letters and digits of a question, which identify it."""
    return re.sub(r"[^a-z0-9]+", "", question.lower())
