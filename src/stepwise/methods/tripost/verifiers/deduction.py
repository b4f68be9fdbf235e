"""Logical deduction: the first error of a rationale, found by comparing sets of orders.

The paper has a language model for this (TriPosT, section 3.2). Here an ordering with gaps stands for the set of orders
that fit it: that of a statement must be exactly the statement's, a combination must contain every order that its two
parts have in common, and a conclusion needs a single order. The gold answer is never used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepwise.methods.tripost.verifiers.deduction_orderings import OBJECT, read_ordering
from stepwise.methods.tripost.verifiers.walk import UnreadableStepError, WrongStepError, first_error
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.generated.orderings import Pattern
from stepwise.tasks.generated.puzzles import Puzzle, PuzzleError, read_puzzle
from stepwise.tasks.generated.scripted import FINAL

STATEMENT = "statement/not in question"
"""The question does not say this."""
ORDERING = "statement/ordering"
"""The ordering does not say what the statement says."""
SKIPPED = "skipped"
"""Something that comes first has been left out: a statement, the number of objects, or the conclusion."""
TOTAL = "total"
"""The number of objects is wrong."""
REFERENCE = "combine/reference"
"""A combination of something other than two earlier orderings."""
COMBINATION = "combine/ordering"
"""The ordering does not follow from the two that it combines."""
INCOMPLETE = "incomplete"
"""The steps so far leave more than one order."""
CONCLUSION = "conclusion"
"""The sentence is not true in the order, or is none of the options."""
REDUNDANT = "redundant"
"""The step says nothing new."""
ANSWER = "final"
KINDS = (
    *(STATEMENT, ORDERING, OBJECT, SKIPPED, TOTAL, REFERENCE, COMBINATION, INCOMPLETE, CONCLUSION, REDUNDANT, ANSWER),
)

_COMBINATION = re.compile(r'(Combining (\((\d{1,4})\) and \((\d{1,4})\)): "([^"]*)")\.?')
_TOTAL = re.compile(r"In total, there are ((\S+) (\S+?))\.?")
_CONCLUSION = re.compile(r"According to this ordering, (.+)")
_STATEMENT = re.compile(r'((.+):) "([^"]*)"\.?')
_ANSWER = re.compile(r"(.+) So (the answer is \(([A-Z])\)\.?)")


class DeductionVerifier:
    """A Verifier of logical deduction."""

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        """The first error of the attempt; see roles.Verifier."""
        return first_error(Deduction(problem.question, problem.choices), solution.steps)


class Deduction:
    """What the steps read so far have established; a walk.Reader."""

    def __init__(self, question: str, options: Sequence[str]):
        self.puzzle = _puzzle(question)
        self.options = options
        self.steps = 0
        self.orderings: dict[int, int] = {}
        """The orders that steps allow, by step."""
        self._patterns: dict[int, Pattern] = {}
        self.complete_in = 0
        """The step after which there is only one order left."""
        self.concluded = False
        self.finished = False

    def read(self, step_id: str, text: str) -> None:
        """Read the next step. Raises WrongStepError or UnreadableStepError."""
        puzzle = self.puzzle
        if puzzle is None or step_id not in (FINAL, str(self.steps + 1)):
            raise UnreadableStepError
        if step_id == FINAL:
            self._answer(_match(_ANSWER, text), puzzle)
            self.finished = True
            return
        if text.startswith("Combining "):
            self._combine(_match(_COMBINATION, text), puzzle)
        elif text.startswith("In total, "):
            self._count(_match(_TOTAL, text), puzzle)
        elif text.startswith("According "):
            self._conclude(_match(_CONCLUSION, text), puzzle)
        else:
            self._state(_match(_STATEMENT, text), puzzle)
        self.steps += 1

    def _state(self, match: re.Match[str], puzzle: Puzzle) -> None:
        segment, sentence, quoted = match.groups()
        texts = [statement.text for statement in puzzle.statements]
        if sentence not in texts:
            raise WrongStepError(STATEMENT, segment, "the question does not say this")
        number = texts.index(sentence)
        if number < self.steps:
            raise WrongStepError(REDUNDANT, segment, f"step ({number + 1}) has already written this statement")
        if number > self.steps:
            self._check_nothing_skipped(segment, puzzle)
        pattern = read_ordering(quoted, puzzle, ORDERING)
        if puzzle.orders.matching(pattern) != puzzle.allowed[number]:
            meant = puzzle.quoted(puzzle.statements[number].pattern)
            raise WrongStepError(ORDERING, quoted, f'the statement means "{meant}"')
        self._establish(pattern, puzzle)

    def _count(self, match: re.Match[str], puzzle: Puzzle) -> None:
        if self.steps > len(puzzle.statements):
            raise WrongStepError(REDUNDANT, match[0], f"step ({len(puzzle.statements) + 1}) has already said this")
        self._check_nothing_skipped(match[0], puzzle, total=True)
        count, noun = str(len(puzzle.objects)), puzzle.noun
        if (match[2], match[3]) != (count, noun):
            raise WrongStepError(TOTAL, match[1], f"the question lists {count} {noun}")

    def _combine(self, match: re.Match[str], puzzle: Puzzle) -> None:
        segment, references, *numbers, quoted = match.groups()
        self._check_nothing_skipped(segment, puzzle)
        first, second = (int(number) for number in numbers)
        for number in (first, second):
            if number not in self.orderings:
                reason = "is not an ordering" if 0 < number <= self.steps else "is not an earlier step"
                raise WrongStepError(REFERENCE, references, f"({number}) {reason}")
        if first == second:
            raise WrongStepError(REFERENCE, references, "two different orderings are needed")
        pattern = read_ordering(quoted, puzzle, COMBINATION)
        orders = puzzle.orders.matching(pattern)
        common = self.orderings[first] & self.orderings[second]
        if orders & common != common:
            mentioned = {*self._patterns[first].objects, *self._patterns[second].objects}
            meant = puzzle.orders.pattern(common, mentioned)
            reason = f'together they mean "{puzzle.quoted(meant)}"' if meant else "it rules out orders that both allow"
            raise WrongStepError(COMBINATION, segment, reason)
        if self.complete_in:
            raise WrongStepError(REDUNDANT, segment, f"step ({self.complete_in}) already has the whole order")
        for number, known in self.orderings.items():
            if orders == known or (number in (first, second) and orders & known == known):
                raise WrongStepError(REDUNDANT, segment, f"step ({number}) says as much")
        self._establish(pattern, puzzle)

    def _establish(self, pattern: Pattern, puzzle: Puzzle) -> None:
        """Remember the ordering of the step that is being read."""
        number, orders = self.steps + 1, puzzle.orders.matching(pattern)
        self._patterns[number] = pattern
        self.orderings[number] = orders
        if orders.bit_count() == 1:
            self.complete_in = number

    def _check_nothing_skipped(self, segment: str, puzzle: Puzzle, *, total: bool = False) -> None:
        """The statements come first, then, unless the step is that one, the total."""
        if self.steps < len(puzzle.statements):
            raise WrongStepError(SKIPPED, segment, f'the statement "{puzzle.statements[self.steps].text}" comes first')
        if self.steps == len(puzzle.statements) and not total:
            raise WrongStepError(SKIPPED, segment, f"the number of {puzzle.noun} comes first")

    def _conclude(self, match: re.Match[str], puzzle: Puzzle) -> None:
        self._check_complete(match[0], puzzle)
        if self.concluded:
            raise WrongStepError(REDUNDANT, match[0], f"step ({self.steps}) already says what follows")
        right = puzzle.inside(self.options[self._true_option(puzzle)]).removesuffix(".")
        if match[1].removesuffix(".") != right:
            false = match[1] in [puzzle.inside(option) for option in self.options]
            reason = f"by step ({self.complete_in}), {right}" if false else "no option says this"
            raise WrongStepError(CONCLUSION, match[1], reason)
        self.concluded = True

    def _answer(self, match: re.Match[str], puzzle: Puzzle) -> None:
        sentence, statement, letter = match.groups()
        self._check_complete(statement, puzzle)
        if not self.concluded:
            raise WrongStepError(SKIPPED, statement, f"what follows from step ({self.complete_in}) comes first")
        true = self._true_option(puzzle)
        right = self.options[true]
        if sentence.removesuffix(".") != right.removesuffix("."):
            raise WrongStepError(
                ANSWER, sentence, f"step ({self.steps}) says that {puzzle.inside(right).removesuffix('.')}"
            )
        if letter != LETTERS[true]:
            raise WrongStepError(ANSWER, statement, f"this sentence is option ({LETTERS[true]})")

    def _check_complete(self, segment: str, puzzle: Puzzle) -> None:
        """There is a single order: neither a conclusion nor an answer is possible without."""
        if not self.complete_in:
            self._check_nothing_skipped(segment, puzzle)
            raise WrongStepError(INCOMPLETE, segment, "the steps before allow more than one order")

    def _true_option(self, puzzle: Puzzle) -> int:
        """The only option that is true in the order that the steps have established."""
        order = self.orderings[self.complete_in]
        patterns = [puzzle.read(option) for option in self.options]
        true = [n for n, pattern in enumerate(patterns) if pattern and puzzle.orders.matching(pattern) & order]
        if len(true) != 1:
            raise UnreadableStepError
        return true[0]


def _puzzle(question: str) -> Puzzle | None:
    """The question, if it can be read and determines an order."""
    try:
        puzzle = read_puzzle(question)
    except PuzzleError:
        return None
    return puzzle if puzzle.common.bit_count() == 1 else None


def _match(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise UnreadableStepError
    return match
