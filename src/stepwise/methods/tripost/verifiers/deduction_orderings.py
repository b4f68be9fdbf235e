"""Logical deduction: orderings with gaps, such as `(left) ?? hat ? pen (right)`, read from a rationale."""

from __future__ import annotations

import re

from stepwise.methods.tripost.verifiers.walk import WrongStepError
from stepwise.tasks.generated.orderings import Gap, Pattern
from stepwise.tasks.generated.puzzles import Puzzle

OBJECT = "object"
"""The question does not have this object."""

_ENDS = re.compile(r"\(([^()]*)\) (.+) \(([^()]*)\)")
_MARKS = {"?": Gap(1, False), "??": Gap(0, True)}


def read_ordering(quoted: str, puzzle: Puzzle, kind: str) -> Pattern:
    """An ordering as a pattern of the puzzle's objects.

    Raises WrongStepError of the kind if it does not run from the first end to the last or has an object twice, and of
    the kind OBJECT if it has something that is neither an object nor `?` or `??`.
    """
    axis = puzzle.wording.axis
    match = _ENDS.fullmatch(quoted)
    if match is None or (match[1], match[3]) != (axis.first, axis.last):
        raise WrongStepError(kind, quoted, f"an ordering begins with ({axis.first}) and ends with ({axis.last})")
    objects: list[int] = []
    gaps = [Gap(0, False)]
    words = match[2].split()
    while words:
        if mark := _MARKS.get(words[0]):
            gaps[-1] = Gap(gaps[-1].least + mark.least, gaps[-1].open or mark.open)
            del words[0]
            continue
        index, length = _leading_object(words, puzzle)
        if index in objects:
            raise WrongStepError(kind, quoted, f'"{puzzle.names[index]}" occurs twice')
        objects.append(index)
        gaps.append(Gap(0, False))
        del words[:length]
    return Pattern(tuple(objects), tuple(gaps))


def _leading_object(words: list[str], puzzle: Puzzle) -> tuple[int, int]:
    """The object that the words begin with, and the number of its words; the longest name that fits."""
    names = {tuple(name.split()): index for index, name in enumerate(puzzle.names)}
    for length in range(len(words), 0, -1):
        index = names.get(tuple(words[:length]))
        if index is not None:
            return index, length
    raise WrongStepError(OBJECT, words[0], f'"{words[0]}" is not one of the {puzzle.noun} of the question')
