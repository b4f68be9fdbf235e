"""Word sorting: the first error of a rationale, found by following how far its steps have sorted the words.

TriPosT, section 3.2 (FBK as a script). Unlike the released code, words that begin with another one, repeated words and
characters other than letters are judged, a conclusion must follow from the steps before it, and a word that it repeats
is blamed on it, not on the final response. Steps with repeated numbers, or numbers out of order, cannot be judged:
feedback could not name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stepwise.methods.tripost.verifiers.sorting_checks import (
    ANSWER,
    COMBINE,
    LETTER,
    SORT,
    SUBPART,
    check_conclusion,
    check_letters,
    check_order,
)
from stepwise.methods.tripost.verifiers.sorting_lines import Conclusion, Look, Order, position_name, read_line
from stepwise.methods.tripost.verifiers.walk import UnreadableStepError, WrongStepError, first_error
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.word_sorting import read_words

Path = tuple[int, ...]
"""A step's number: (3, 2) is `3.2`."""

_ANSWER = re.compile(r".*?(the answer is:? ?(.*))")


class SortingVerifier:
    """A Verifier of word sorting."""

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        """The first error of the attempt; see roles.Verifier."""
        return first_error(Sorting(problem.question), solution.steps)


@dataclass
class Subpart:
    """Words that a numbered block of steps sorts, and how far they are sorted."""

    words: list[str]
    compared_in: dict[int, str]
    """The steps that compare their letters, by position."""
    shown_in: str = ""
    """The step whose `We now have` shows the groups."""
    unsorted: list[list[str]] = field(default_factory=list)
    """The groups of different words that no block of their own sorts."""
    sorted_in_blocks: list[list[str]] = field(default_factory=list)
    concluded_in: str = ""

    @property
    def due(self) -> int:
        """The position whose letters have to be compared next."""
        return max(self.compared_in) + 1


@dataclass
class Pending:
    """A group whose letters have been looked at, but which has not been sorted by them yet."""

    path: Path
    words: list[str]
    position: int
    parent: Subpart | None
    """What the group is a part of; None for all words."""

    def may_continue(self) -> bool:
        """Whether `We now have` may follow on the same level: the letters before have not divided the parent."""
        return self.parent is None or len(self.parent.words) == len(self.words)


class Sorting:
    """What the steps read so far have established; a walk.Reader."""

    def __init__(self, question: str):
        self.words = read_words(question)
        self.path: Path = ()
        """The number of the last step."""
        self.subparts: dict[Path, Subpart] = {}
        """By the number of the step that begins their block; () is the list of all words."""
        self.pending: Pending | None = None
        self.finished = False
        self._orders: list[tuple[str, dict[str, int]]] = []

    def read(self, step_id: str, text: str) -> None:
        """Read the next step. Raises WrongStepError or UnreadableStepError."""
        if step_id == FINAL:
            self._answer(text)
            self.finished = True
            return
        path = next((path for path in _successors(self.path) if printed(path) == step_id), None)
        if path is None or not self.words:
            raise UnreadableStepError
        line = read_line(text)
        if isinstance(line, Look):
            self._look(line, path)
        elif isinstance(line, Order):
            self._sort(line, path)
        else:
            self._conclude(line, path)
        self.path = path

    def _look(self, look: Look, path: Path) -> None:
        parent = self.subparts.get(path[:-1])
        if not self.path:
            words, due = self.words, 0
            if look.bracket:
                raise WrongStepError(SUBPART, look.bracket, "the words have not been divided into groups yet")
        elif not look.bracket or not (parent or self.pending):
            raise UnreadableStepError
        elif self.pending or parent is None:
            reason = "the words of the step before have not been put in order yet"
            raise WrongStepError(SUBPART, f"Now sort this subpart {look.bracket}", reason)
        else:
            words, due = _group(look, parent), parent.due
        if look.position != due:
            earlier = parent.compared_in.get(look.position) if parent else None
            reason = f"step ({earlier}) compares them" if earlier else f"the {position_name(due)} letters come first"
            raise WrongStepError(LETTER, look.ordinal, reason)
        check_letters(look, words)
        self.pending = Pending(path, words, due, parent)

    def _sort(self, order: Order, path: Path) -> None:
        look, self.pending = self.pending, None
        if look is None:
            raise WrongStepError(SORT, order.text, "the step before does not compare letters")
        own_block = look.parent is not None and path == (*look.path, 1)
        if not own_block and not (look.may_continue() and path == next_path(look.path)):
            raise UnreadableStepError
        groups = check_order(order, look.words, look.position)
        self._orders.append((printed(path), {word: place for place, group in enumerate(groups) for word in group}))
        subpart = look.parent
        if subpart is None or own_block:
            subpart = Subpart(look.words, dict(look.parent.compared_in) if look.parent else {})
            self.subparts[path[:-1]] = subpart
        if own_block and look.parent is not None:
            look.parent.unsorted.remove(look.words)
            look.parent.sorted_in_blocks.append(look.words)
        subpart.compared_in[look.position] = printed(look.path)
        subpart.shown_in = printed(path)
        subpart.unsorted = [group for group in groups if len(set(group)) > 1]

    def _conclude(self, conclusion: Conclusion, path: Path) -> None:
        subpart = self.subparts.get(path[:-1])
        if subpart is None:
            raise WrongStepError(COMBINE, conclusion.text, "no step has put these words in order")
        if subpart.concluded_in:
            reason = f"step ({subpart.concluded_in}) has already put these words in order"
            raise WrongStepError(COMBINE, conclusion.text, reason)
        check_conclusion(conclusion, subpart.words, self._established)
        subpart.concluded_in = printed(path)

    def _established(self, first: str, second: str) -> tuple[str, bool] | None:
        """The step that puts two words in order, and whether the first one comes first."""
        for step_id, places in self._orders:
            if first in places and second in places and places[first] != places[second]:
                return step_id, places[first] < places[second]
        return None

    def _answer(self, text: str) -> None:
        match = _ANSWER.fullmatch(text)
        if match is None:
            raise UnreadableStepError
        everything = self.subparts.get(())
        if everything is None or not everything.concluded_in:
            raise WrongStepError(ANSWER, match[1], "the steps before have not put all words in order")
        if sorted(self.words) not in (match[2].split(), match[2].removesuffix(".").split()):
            raise WrongStepError(ANSWER, match[1], f"step ({everything.concluded_in}) gives another order")


def printed(path: Path) -> str:
    """A step's number as it is printed."""
    return ".".join(map(str, path))


def next_path(path: Path) -> Path:
    """The number after this one on the same level."""
    return (*path[:-1], path[-1] + 1)


def _successors(path: Path) -> Iterator[Path]:
    """The numbers that the step after `path` may have."""
    yield (*path, 1)
    for length in range(len(path), 0, -1):
        yield next_path(path[:length])


def _group(look: Look, parent: Subpart) -> list[str]:
    """The unsorted group that a step looks at."""
    wanted = sorted(look.words)
    for group in parent.unsorted:
        if sorted(group) == wanted:
            return group
    if any(sorted(group) == wanted for group in parent.sorted_in_blocks):
        raise WrongStepError(SUBPART, look.bracket, "it has already been sorted")
    reason = f"it is not one of the groups that step ({parent.shown_in}) leaves unsorted"
    raise WrongStepError(SUBPART, look.bracket, reason)
