"""Exercises for the base models: small sums and brackets, letters of words and their order, short lists.

They are worded like the scripted tasks but share no question with them: words are invented, and brackets have uneven
lengths.
"""

from __future__ import annotations

import random
from functools import cache

from stepwise.params import TaskParams
from stepwise.records import Problem, Solution, Span
from stepwise.tasks import multistep_arithmetic, word_sorting
from stepwise.tasks.base import Task, example
from stepwise.tasks.generated.expressions import parse, reduction
from stepwise.tasks.registry import get_task

Spans = tuple[Span, ...]

LINES = 6
"""Sums in one example."""

_ONSETS = (
    *"bcdfghjklmnprstvwyz",
    *("bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "pl", "pr"),
    *("qu", "sc", "sh", "sk", "sl", "sp", "st", "str", "th", "tr"),
)
_VOWELS = (*3 * "aeiou", "ai", "ea", "ee", "io", "ou")
_CODAS = (*3 * ("",), *"bcdfgklmnprstxy", "ct", "ld", "ll", "nd", "ng", "nt", "rd", "rt", "ss", "st")
_PLACES = ("first", "second", "third", "fourth", "fifth")
_RANGES = (
    # (weight, operators, largest left, largest right): sizes that occur when brackets are evaluated
    (35, "+-*", 9, 9),
    (30, "+-", 99, 99),
    (15, "*", 99, 9),
    (15, "+-", 999, 999),
    (5, "*", 99, 99),
)


def made_up_word(rng: random.Random) -> str:
    """A pronounceable word of 3 to 10 letters that is in no list of the tasks."""
    while True:
        syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.randint(1, 3)))
        word = "".join(syllables)
        if rng.random() < 0.15:
            word = rng.choice("aeiou") + word
        if 3 <= len(word) <= 10 and word not in _taken():
            return word


def made_up_words(rng: random.Random, count: int, alike: float = 0.4) -> list[str]:
    """Different made-up words; a share of `alike` begins like an earlier one."""
    words: list[str] = []
    while len(words) < count:
        word = made_up_word(rng)
        if words and rng.random() < alike:
            word = (rng.choice(words)[: rng.randint(1, 4)] + word[1:])[:10]
        if len(word) >= 3 and word not in words and word not in _taken():
            words.append(word)
    return words


def copies(rng: random.Random) -> Spans:
    """A row of made-up words, numbers and brackets, repeated plain or quoted.

    Without it, copying is learned late in training, and all other skills need it.
    """
    makers = (made_up_word, lambda rng: str(rng.randint(-999, 999)), lambda rng: _bracket(rng, 3))
    items = [maker(rng) for maker in rng.choices(makers, (6, 3, 1), k=rng.randint(4, 12))]
    again = ", ".join(f'"{item}"' for item in items) if rng.random() < 0.5 else " ".join(items)
    return Span(text=f"List: {' '.join(items)}\nAgain:", weight=0.0), Span(text=f" {again}.")


def sums(rng: random.Random) -> Spans:
    """Lines with one operation on two integers, of sizes that occur in brackets; only the results are learned."""
    spans: list[Span] = []
    for _ in range(LINES):
        _, operators, left, right = rng.choices(_RANGES, [row[0] for row in _RANGES])[0]
        text = f"({rng.randint(-left, left)} {rng.choice(operators)} {rng.randint(-right, right)})"
        spans += _reduced(rng, text)
    return tuple(spans)


def reductions(rng: random.Random) -> Spans:
    """Lines with a bracket of 3 or 4 operands, reduced step by step."""
    spans: list[Span] = []
    for _ in range(LINES // 2):
        spans += _reduced(rng, _bracket(rng, rng.randint(3, 4)))
    return tuple(spans)


def brackets(rng: random.Random) -> Spans:
    """A solved problem of 2 or 3 brackets that are not all equally long; the task's always are."""
    lengths = [2, 3, rng.randint(2, 3)][: rng.randint(2, 3)]
    rng.shuffle(lengths)
    question = _join(rng, [_bracket(rng, length) for length in lengths]) + " ="
    return _solved("multistep_arithmetic", question, multistep_arithmetic.solve(question))


def letters(rng: random.Random) -> Spans:
    """The letters at one position of 2 to 6 words, with their numbers in the alphabet."""
    words = made_up_words(rng, rng.randint(2, 6))
    place = rng.choices(range(len(_PLACES)), (3, 3, 2, 1, 1))[0]
    pairs = [(word, word[place : place + 1]) for word in words]
    text = ", ".join(f'"{word}"="{letter}" ({word_sorting.letter_index(letter)})' for word, letter in pairs)
    question = f"List: {' '.join(words)}\nNow look at their {_PLACES[place]} letters:"
    return Span(text=question, weight=0.0), Span(text=f" {text}.")


def groups(rng: random.Random) -> Spans:
    """The second step of sorting: 3 to 7 words, whose first letters are given, in order of these letters."""
    first, second = word_sorting.solve(made_up_words(rng, rng.randint(3, 7))).steps[:2]
    head, _, order = second.text.partition(":")
    return Span(text=f"{first.text}\n{head}:", weight=0.0), Span(text=order)


def short_lists(rng: random.Random) -> Spans:
    """A sorted list of 2 to 4 words."""
    words = made_up_words(rng, rng.randint(2, 4))
    return _solved("word_sorting", word_sorting.QUESTION + " ".join(words), word_sorting.solve(words))


def _reduced(rng: random.Random, text: str) -> Spans:
    stages = reduction(parse(text))
    shown = stages[1:] if stages[0] == text else stages
    question = f"Let's calculate {rng.choice('ABCDEFGH')} = {text}"
    return Span(text=question, weight=0.0), Span(text=f" = {' = '.join(shown)}.\n")


def _bracket(rng: random.Random, length: int) -> str:
    return _join(rng, [str(rng.randint(-9, 9)) for _ in range(length)])


def _join(rng: random.Random, parts: list[str]) -> str:
    return "(" + parts[0] + "".join(f" {rng.choice('+-*')} {part}" for part in parts[1:]) + ")"


def _solved(name: str, question: str, reference: Solution) -> Spans:
    task = _task(name)
    answer = str(reference.answer)
    problem = Problem(id="", task=name, split="train", question=question, answer=answer, reference=reference)
    return example(task, problem).spans


@cache
def _task(name: str) -> Task:
    return get_task(name, TaskParams(form="scripted"), seed=0)


@cache
def _taken() -> frozenset[str]:
    return frozenset(word_sorting.lexicon())
