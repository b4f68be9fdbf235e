"""Multistep arithmetic: the first error of a rationale, found by calculating every expression in it.

TriPosT, section 3.2 (FBK as a script). Unlike the released code, the parts and the equation are compared with the
question as expressions, not by value; an operand copied wrongly is blamed on the line that calculates with it, not on
the one that combines the results; a step that repeats work is an error; and no text is evaluated by Python.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stepwise.methods.tripost.verifiers.values import same_expression, value
from stepwise.methods.tripost.verifiers.walk import UnreadableStepError, WrongStepError, first_error
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.generated.expressions import ExpressionError
from stepwise.tasks.generated.scripted import FINAL

PARTITION = "partition"
"""The letters do not stand for the parts of the question's equation."""
OPERAND = "calculate/operand"
"""A calculation starts from something other than what its letter stands for."""
INVALID = "calculate/invalid"
"""Not an expression, or not calculated down to a number."""
VALUE = "calculate/value"
"""Two sides of an equals sign differ."""
MISSING = "combine/missing variable"
EQUATION = "combine/equation"
"""The final equation is not the question's."""
SUBSTITUTION = "combine/substitution"
"""The letters are not replaced by their calculated values."""
REDUNDANT = "redundant"
"""The step repeats an earlier one or calculates what the equation has no use for."""
ANSWER = "final"

_PARTITION = re.compile(r'This equation can be written as "([^"]*)", where (.+?)\.?')
_PART = re.compile(r"([A-Z]) = (.+)")
_BETWEEN_PARTS = re.compile(r", and |, | and ")
_CALCULATION = re.compile(r"Let's calculate ([A-Z]) = .+")
_COMBINATION = re.compile(r"(?:Then, t|T)he final equation is ([^=]+) = .+")
_ANSWER = re.compile(r".*?(the answer is:? (.+?)\.?)")
_GROUP = re.compile(r"\([^()]*\)")
_LETTER = re.compile(r"[A-Z]")
_NUMBER = re.compile(r"-?[0-9]{1,30}")


class ArithmeticVerifier:
    """A Verifier of multistep arithmetic."""

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        """The first error of the attempt; see roles.Verifier."""
        return first_error(Derivation(problem.question), solution.steps)


class Part(NamedTuple):
    """What a letter stands for: an expression in brackets."""

    text: str
    value: int


class Chain:
    """A line of sides joined by equals signs. The first side is the text before the first sign."""

    def __init__(self, line: str):
        self.line = line
        self.sides = line.removesuffix(".").split("=")

    def value(self, index: int) -> int:
        """The value of a side. Raises WrongStepError if it is not an expression."""
        text = self.sides[index].strip()
        try:
            return value(text)
        except ExpressionError as error:
            opening, closing = text.count("("), text.count(")")
            counts = f"; it has {opening} opening and {closing} closing brackets" if opening != closing else ""
            reason = f"it is not a valid expression: {error}{counts}"
            raise WrongStepError(INVALID, self._with_signs(index), reason) from error

    def calculated(self, first: int, start: int) -> int:
        """The number at the end; `start` is the value of the side `first`, which those after it have to equal."""
        for index in range(first + 1, len(self.sides)):
            if self.value(index) != start:
                left, right = self.sides[index - 1 : index + 1]
                reason = f"there is a calculation error: {left.strip()} is not {right.strip()}"
                raise WrongStepError(VALUE, f"{left}={right}".strip(), reason)
        if not _NUMBER.fullmatch(self.sides[-1].strip()):
            segment = self._with_signs(len(self.sides) - 1)
            raise WrongStepError(INVALID, segment, "the calculation stops before it reaches a number")
        return start

    def _with_signs(self, index: int) -> str:
        """A side with the signs around it; without them, half a side would be found in the correct line too."""
        start = sum(len(side) + 1 for side in self.sides[:index])
        return self.line[start - 1 : start + len(self.sides[index]) + 1]


class Derivation:
    """What the steps read so far have established; a walk.Reader."""

    def __init__(self, question: str):
        self.question = question.strip().removesuffix("=").strip()
        self.equation: str | None = None
        """The question's equation with letters for its parts."""
        self.parts: dict[str, Part] = {}
        self.values: dict[str, int] = {}
        """The calculated values of the letters."""
        self.result: int | None = None
        self.steps = 0
        self.finished = False
        self._step_of: dict[str, int] = {}

    def read(self, step_id: str, text: str) -> None:
        """Read the next step. Raises WrongStepError or UnreadableStepError."""
        if step_id == FINAL:
            self._answer(text)
            self.finished = True
            return
        self.steps += 1
        if step_id != str(self.steps):
            raise UnreadableStepError
        if match := _CALCULATION.fullmatch(text):
            self._calculate(match[1], text)
        elif match := _PARTITION.fullmatch(text):
            self._partition(text, match[1], match[2])
        elif match := _COMBINATION.fullmatch(text):
            self._combine(match[1], text)
        else:
            raise UnreadableStepError

    def _partition(self, line: str, equation: str, listing: str) -> None:
        if self.equation is not None or self.result is not None:
            raise WrongStepError(REDUNDANT, line, "the equation has already been written out")
        definitions = [_PART.fullmatch(item) for item in _BETWEEN_PARTS.split(listing)]
        for definition in definitions:
            if definition is None:
                raise UnreadableStepError
            letter, text = definition.groups()
            if letter in self.parts:
                raise WrongStepError(PARTITION, line, f"{letter} is defined twice")
            if letter not in equation:
                raise WrongStepError(PARTITION, line, f'{letter} does not occur in "{equation}"')
            try:
                self.parts[letter] = Part(text, value(text))
            except ExpressionError as error:
                raise WrongStepError(PARTITION, line, f"{text} is not an expression: {error}") from error
        for letter in _LETTER.findall(equation):
            if letter not in self.parts:
                raise WrongStepError(PARTITION, line, f"it does not say what {letter} stands for")
        if not self._is_question(equation):
            reason = f"it is not consistent with the equation of the question, {self.question}"
            raise WrongStepError(PARTITION, line, reason)
        self.equation = equation

    def _calculate(self, letter: str, line: str) -> None:
        part = self.parts.get(letter)
        head = f"Let's calculate {letter}"
        if part is None:
            raise WrongStepError(REDUNDANT, head, f"{letter} does not stand for any part of the equation")
        if letter in self.values:
            reason = f"{letter} has already been calculated in step ({self._step_of[letter]})"
            raise WrongStepError(REDUNDANT, head, reason)
        chain = Chain(line)
        start = chain.sides[1].strip()
        if start != part.text:
            chain.value(1)
            if not same_expression(start, part.text):
                raise WrongStepError(OPERAND, f"{letter} = {start}", f"{letter} stands for {part.text}")
        self.values[letter] = chain.calculated(1, part.value)
        self._step_of[letter] = self.steps

    def _combine(self, equation: str, line: str) -> None:
        chain = Chain(line)
        substitution = f"{equation} = {chain.sides[1].strip()}"
        if self.result is not None:
            raise WrongStepError(REDUNDANT, line, "the final equation has already been calculated")
        letters = _LETTER.findall(equation)
        for letter in letters:
            if letter not in self.values:
                raise WrongStepError(MISSING, substitution, f"{letter} has not been calculated yet")
        if equation != self.equation and not self._is_question(equation):
            segment = equation if equation.count("(") == equation.count(")") else f"{chain.sides[0]}="
            reason = f"it is not consistent with the equation of the question, {self.question}"
            raise WrongStepError(EQUATION, segment, reason)
        start = chain.value(1)
        expected = self.substituted(equation)
        if letters and not same_expression(chain.sides[1].strip(), expected):
            reason = f"with the results of the steps before, {equation} is {expected}"
            raise WrongStepError(SUBSTITUTION, substitution, reason)
        self.result = chain.calculated(1, start if letters else value(equation))

    def _answer(self, text: str) -> None:
        match = _ANSWER.fullmatch(text)
        if match is None:
            raise UnreadableStepError
        if self.result is None:
            raise WrongStepError(ANSWER, match[1], "no step has calculated the final equation")
        if not _NUMBER.fullmatch(match[2]) or int(match[2]) != self.result:
            raise WrongStepError(ANSWER, match[1], f"it is inconsistent with the result in step ({self.steps})")

    def substituted(self, equation: str) -> str:
        """The equation with the calculated values in place of the letters."""
        return _LETTER.sub(lambda match: str(self.values[match[0]]), equation)

    def _is_question(self, equation: str) -> bool:
        """Whether an equation of defined letters is the question's, written out."""
        groups = {letter: _bracketed(part.text) for letter, part in self.parts.items()}
        return same_expression(_LETTER.sub(lambda match: groups[match[0]], equation), self.question)


def _bracketed(text: str) -> str:
    return text if _GROUP.fullmatch(text) else f"({text})"
