"""Word sorting: what can be wrong with one line, given the words it is about. The categories are the paper's.

A segment never occurs in the correct line, or not as often: an improvement is recognised by the segment being gone.
Where something is missing, it is therefore the whole line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from stepwise.methods.tripost.verifiers.sorting_lines import Conclusion, Group, Look, Order, position_name
from stepwise.methods.tripost.verifiers.walk import UnreadableStepError, WrongStepError
from stepwise.tasks.word_sorting import letter_index

LETTER = "letter_to_sort"
"""Letters at another position are due."""
CONSISTENT = "self_consistent"
"""The words whose letters are listed are not the words to be sorted."""
NUMBER = "to_num"
"""A letter or its number is wrong."""
SUBPART = "to_subpart"
"""The words to be sorted are not a group that the steps before left unsorted."""
SORT = "sort"
"""`We now have` does not follow from the letters of the step before."""
COMBINE = "combine"
"""`Hence, we have` does not follow from the steps before."""
ANSWER = "final"

_NO_ORDER = re.compile(r'"[^"]*" ([?>]) "[^"]*"')

Established = Callable[[str, str], tuple[str, bool] | None]
"""The step that puts two words in order, and whether the first comes first; None if no step does."""


def check_letters(look: Look, words: Sequence[str]) -> None:
    """The words are those to be sorted (`self_consistent`); their letters and numbers are right (`to_num`)."""
    if sorted(letter.word for letter in look.letters) != sorted(words):
        left = Counter(words)
        for letter in look.letters:
            if not left[letter.word]:
                reason = "is listed twice" if letter.word in left else "is not one of the words to be sorted"
                raise WrongStepError(CONSISTENT, letter.text, f'"{letter.word}" {reason}')
            left[letter.word] -= 1
        missing = next(word for word in words if left[word])
        raise WrongStepError(CONSISTENT, look.text, f'"{missing}" is missing')
    for letter in look.letters:
        right = letter.word[look.position : look.position + 1]
        if letter.letter != right:
            name = position_name(look.position)
            reason = f'the {name} letter of "{letter.word}" is "{right}"'
            raise WrongStepError(NUMBER, letter.text, reason if right else f'"{letter.word}" has no {name} letter')
        if letter.number != letter_index(right):
            reason = f'"{right}" has the number {letter_index(right)}'
            raise WrongStepError(NUMBER, letter.text, reason if right else "the end of a word has the number 0")


def check_order(order: Order, words: Sequence[str], position: int) -> list[list[str]]:
    """The groups into which the letters at a position sort the words (`sort`)."""
    if order.groups is None:
        raise WrongStepError(SORT, order.text, 'it is not a list of groups such as (3) "cat" joined by <')
    by_letter: dict[str, list[str]] = {}
    for word in words:
        by_letter.setdefault(word[position : position + 1], []).append(word)
    expected = {letter_index(letter): by_letter[letter] for letter in sorted(by_letter)}
    same = [group.number for group in order.groups] == list(expected) and all(
        sorted(group.words) == sorted(expected[group.number]) and group.bracketed == (len(set(group.words)) > 1)
        for group in order.groups
    )
    if not same:
        _fault_groups(order.groups, order.text, words, expected)
    return list(expected.values())


def _fault_groups(groups: Sequence[Group], text: str, words: Sequence[str], expected: dict[str, list[str]]) -> None:
    """Raise the first error of groups that are not as expected."""
    for group in groups:
        if group.bracketed and len(set(group.words)) == 1:
            raise WrongStepError(SORT, group.text, "a single word needs no square brackets")
        if not group.bracketed and len(set(group.words)) > 1:
            raise WrongStepError(SORT, group.text, "different words are not equal")
    numbers = [group.number for group in groups]
    for number in expected:
        if number not in numbers:
            raise WrongStepError(SORT, text, f"the group with the number {number} is missing")
    for place, group in enumerate(groups):
        if group.number not in expected:
            raise WrongStepError(SORT, group.text, f"there is no word with the number {group.number}")
        if group.number in numbers[:place]:
            segment = group.text if text.count(group.text) > 1 else text
            raise WrongStepError(SORT, segment, f"there is already a group with the number {group.number}")
    left = Counter(words)
    for group in groups:
        for word in group.words:
            if word not in left:
                raise WrongStepError(SORT, group.text, f'"{word}" is not one of the words to be sorted')
            if not left[word]:
                others = (other for other in groups if word in other.words and word not in expected[other.number])
                raise WrongStepError(SORT, next(others, group).text, f'"{word}" occurs twice')
            left[word] -= 1
    for place, (group, number) in enumerate(zip(groups, expected, strict=True)):
        if group.number != number:
            segment = f"{groups[place - 1].text} < {group.text}" if place else text
            raise WrongStepError(SORT, segment, f"the number {number} should come {'next' if place else 'first'}")
    for group in groups:
        if sorted(group.words) != sorted(expected[group.number]):
            listed = ", ".join(f'"{word}"' for word in expected[group.number])
            raise WrongStepError(SORT, group.text, f"the words with the number {group.number} are {listed}")


def check_conclusion(conclusion: Conclusion, words: Sequence[str], established: Established) -> None:
    """The words in an order in which every pair is established (`combine`)."""
    if match := _NO_ORDER.search(conclusion.text):
        reason = "the words are not fully sorted" if match[1] == "?" else "words are put in order with <, not with >"
        raise WrongStepError(COMBINE, match[0], reason)
    if conclusion.words is None or not set(conclusion.links) <= {"<", "="}:
        raise UnreadableStepError
    left = Counter(words)
    for word in conclusion.words:
        if not left[word]:
            reason = "occurs twice" if word in left else "is not one of the words to be sorted"
            raise WrongStepError(COMBINE, conclusion.text, f'"{word}" {reason}')
        left[word] -= 1
    if missing := next((word for word in words if left[word]), None):
        raise WrongStepError(COMBINE, conclusion.text, f'"{missing}" is missing')
    for (before, after), link in zip(pairwise(conclusion.words), conclusion.links, strict=True):
        segment = f'"{before}" {link} "{after}"'
        if (before == after) != (link == "="):
            raise WrongStepError(COMBINE, segment, "equal words, and no others, are joined by =")
        if before == after:
            continue
        evidence = established(before, after)
        if evidence is None:
            raise WrongStepError(COMBINE, segment, "no step has put these two words in order")
        if not evidence[1]:
            raise WrongStepError(COMBINE, segment, f'"{after}" comes before "{before}" in step ({evidence[0]})')
