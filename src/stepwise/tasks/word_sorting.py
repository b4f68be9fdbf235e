"""Word sorting (BIG-bench): lists of words sorted letter by letter, with the scripted rationale of TriPosT."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Problem, Solution, Split
from stepwise.tasks.answers.numbers import strict_words, word_list
from stepwise.tasks.base import read_options
from stepwise.tasks.generated.scripted import FINAL, ScriptedTask, solution

QUESTION = "Sort the following words alphabetically:\nList: "
_ONLY_WORDS = re.compile(r"[^\s,:;()\[\]<>=?\"]+(?:,? [^\s,:;()\[\]<>=?\"]+)+")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
    *("nineteenth", "twentieth", "twenty-first"),
)
_BINS = ((3, "2-3"), (7, "4-7"), (10, "8-10"), (15, "11-15"))

Words = Annotated[int, Field(ge=2)]


class Options(Section):
    """Difficulty of the generated lists; the paper's by default."""

    train_words: tuple[Words, ...] = Field(tuple(range(2, 8)), min_length=1)
    """Words per list in training."""
    test_words: tuple[Words, ...] = Field(tuple(range(2, 21)), min_length=1)
    max_letters: int = Field(12, ge=3)
    """Longest word."""
    lexicon_size: int = Field(0, ge=0)
    """How many words the lists are drawn from, the same ones for every seed; 0 means the whole lexicon."""


class WordSorting(ScriptedTask[int]):
    """Sort a list of words; a cell is the number of words."""

    name: ClassVar[str] = "word_sorting"
    sizes: ClassVar[dict[Split, int]] = {"train": 433, "test": 379}  # the paper's

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self.options = read_options(self.name, params, Options)
        words = [word for word in lexicon() if len(word) <= self.options.max_letters]
        if self.options.lexicon_size:
            words = random.Random(0).sample(words, min(len(words), self.options.lexicon_size))
        self._words = words
        if (most := max(*self.options.train_words, *self.options.test_words)) > len(words):
            raise ParamsError(f"task.{self.name}.options: lists of {most} words, but a lexicon of {len(words)}")

    def cells(self, split: Split) -> Sequence[int]:
        """List lengths: the training ones for train and dev, the test ones for test."""
        return self.options.test_words if split == "test" else self.options.train_words

    def draw(self, cell: int, generator: random.Random) -> str:
        """A list of different words in random order, as a question."""
        return QUESTION + " ".join(generator.sample(self._words, cell))

    def identity(self, question: str) -> str:
        """The set of words: the same words in another order are the same problem."""
        return " ".join(sorted(read_words(question)))

    def problem(self, question: str, cell: int, split: Split, number: int) -> Problem:
        """The solved list."""
        reference = solve(read_words(question))
        return Problem(
            id=f"{self.name}-{split}-{number:05d}",
            task=self.name,
            split=split,
            question=question,
            answer=str(reference.answer),
            reference=reference,
            bin="seen" if cell in self.options.train_words else "unseen",
            difficulty=next((label for most, label in _BINS if cell <= most), "16+"),
            meta={"words": cell},
        )

    def strict_answer(self, text: str) -> str | None:
        """The words of `the answer is: w1 w2 ... .`, split on spaces."""
        words = strict_words(text)
        return None if words is None else " ".join(words)

    def only_answer(self, line: str) -> str | None:
        """The words of `w1 w2 ...`, two or more, with or without commas and a final full stop."""
        return line.replace(",", "").removesuffix(".") if _ONLY_WORDS.fullmatch(line) else None

    def canonical(self, answer: str) -> str | None:
        """The words alone, in lower case, without the final full stop, commas and quotes."""
        return " ".join(word_list(f"answer is: {answer}")) or None


@cache
def lexicon() -> tuple[str, ...]:
    """All words that lists can be drawn from."""
    return tuple(files("stepwise.tasks.generated").joinpath("lexicon.txt").read_text(encoding="utf-8").split())


def read_words(question: str) -> list[str]:
    """The words of a question, in order."""
    return question.partition("List:")[2].split()


def solve(words: Sequence[str]) -> Solution:
    """Sort words in the order of Python's `sorted`, letter by letter, with a numbered rationale.

    Raises ValueError on an empty list and on words with spaces or double quotes.
    """
    if not words:
        raise ValueError("there are no words to sort")
    for word in words:
        if not word or re.search(r'[\s"]', word):
            raise ValueError(f"{word!r} cannot be sorted as a word: it is empty or has a space or a double quote")
    groups = _split(words, 0)
    steps = [("1", f"The first letter: {_letters(words, 0)}."), ("2", f"We now have: {_order(groups, 0)}.")]
    for number, group in enumerate(filter(_open, groups), 3):
        steps += _sort_subpart(group, 1, str(number))
    ordered = sorted(words)
    number = 3 + sum(map(_open, groups))
    steps.append((str(number), f"Hence, we have {_chain(ordered)}."))
    answer = " ".join(ordered)
    return solution([*steps, (FINAL, f"So the answer is: {answer}.")], answer)


def _sort_subpart(group: Sequence[str], position: int, number: str) -> list[tuple[str, str]]:
    """The steps that sort words which agree up to `position`; the first is `number`, the rest are numbered below it."""
    steps = [(number, _look(group, position))]
    groups = _split(group, position)
    steps.append((f"{number}.1", f"We now have: {_order(groups, position)}."))
    while len(groups) == 1:
        position += 1
        groups = _split(group, position)
        steps.append((f"{number}.{len(steps)}", _look(group, position)))
        steps.append((f"{number}.{len(steps)}", f"We now have: {_order(groups, position)}."))
    below = len(steps)
    for part in filter(_open, groups):
        steps += _sort_subpart(part, position + 1, f"{number}.{below}")
        below += 1
    return [*steps, (f"{number}.{below}", f"Hence, we have {_chain(sorted(group))}.")]


def _look(group: Sequence[str], position: int) -> str:
    ordinal = _ORDINALS[position] if position < len(_ORDINALS) else f"{position + 1}th"
    letters = _letters(group, position)
    return f"Now sort this subpart {_bracket(group)} by looking at their {ordinal} letters: {letters}."


def _split(words: Sequence[str], position: int) -> list[list[str]]:
    """Words grouped by the letter at a position: groups sorted, words within a group in the given order."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[position : position + 1], []).append(word)
    return [groups[letter] for letter in sorted(groups)]


def _open(group: Sequence[str]) -> bool:
    """Whether the group still has different words."""
    return len(set(group)) > 1


def letter_index(letter: str) -> str:
    """The number for a letter: 1 to 26 for a to z, 0 for the end of a word.

    Characters that sort before `a` (apostrophes, digits, capitals) become 0 with their code as the fraction, so that
    the numbers sort as Python sorts the characters, and none is negative.
    """
    if not letter:
        return "0"
    code = ord(letter)
    return str(code - 96) if code > 96 else f"0.{code:02d}"


def _letters(words: Sequence[str], position: int) -> str:
    letters = ((word, word[position : position + 1]) for word in words)
    return ", ".join(f'"{word}"="{letter}" ({letter_index(letter)})' for word, letter in letters)


def _order(groups: Sequence[Sequence[str]], position: int) -> str:
    return " < ".join(f"({letter_index(group[0][position : position + 1])}) {_bracket(group)}" for group in groups)


def _bracket(group: Sequence[str]) -> str:
    return "[" + " ? ".join(f'"{word}"' for word in group) + "]" if _open(group) else _chain(group)


def _chain(words: Sequence[str]) -> str:
    """Sorted words joined by ` < `, or by ` = ` where a word is repeated."""
    text = f'"{words[0]}"'
    for before, word in pairwise(words):
        text += f' {"=" if before == word else "<"} "{word}"'
    return text
