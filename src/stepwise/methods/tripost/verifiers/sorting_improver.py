"""Word sorting: an attempt continued correctly from its erroneous step, in place of a language model."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.methods.tripost.verifiers.sorting import Path, Sorting, Subpart, next_path, printed
from stepwise.methods.tripost.verifiers.sorting_lines import Look, Order, read_line
from stepwise.methods.tripost.verifiers.walk import completed
from stepwise.records import Feedback, Problem, Solution, Step
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.word_sorting import solve


class SortingImprover:
    """An Improver of word sorting. After the task solver's own steps it continues as the solver does."""

    def improve(
        self,
        problem: Problem,
        solution: Solution,  # noqa: ARG002 - the prefix says all
        feedback: Feedback,  # noqa: ARG002
        prefix: Sequence[Step],
    ) -> Solution | None:
        """The prefix and a verified continuation; None if the prefix is wrong or leaves words behind unsorted."""
        sorting = Sorting(problem.question)
        try:
            lines = SolverLines(sorting.words)
        except ValueError:
            return None
        improved = completed(sorting, prefix, lambda: lines.next_step(sorting))
        return improved and improved.model_copy(update={"answer": lines.answer})


class SolverLines:
    """The lines of the solver's rationale, by the words and the position that they are about."""

    def __init__(self, words: Sequence[str]):
        reference = solve(words)
        self.answer = reference.answer
        self._final = reference.steps[-1].text.removeprefix(f"({FINAL}) ")
        self._looks: dict[tuple[frozenset[str], int], str] = {}
        self._orders: dict[tuple[frozenset[str], int], str] = {}
        self._conclusions: dict[frozenset[str], str] = {}
        for step in reference.steps[:-1]:
            text = step.text.removeprefix(f"({step.id}) ")
            line = read_line(text)
            if isinstance(line, Look):
                about = frozenset(letter.word for letter in line.letters), line.position
                self._looks[about] = text
            elif isinstance(line, Order):
                self._orders[about] = text
            elif line.words is not None:
                self._conclusions[frozenset(line.words)] = text

    def next_step(self, sorting: Sorting) -> tuple[str, str]:
        """The number and text of the step that is due."""
        look = sorting.pending
        if look is not None:
            # The solver begins a block for every group of the whole list, even if the list is a single group.
            same_level = look.parent is None or (look.may_continue() and len(look.path) > 1)
            path = next_path(look.path) if same_level else (*look.path, 1)
            return printed(path), self._orders[frozenset(look.words), look.position]
        if not sorting.path:
            return "1", self._looks[frozenset(sorting.words), 0]
        block = _unfinished_block(sorting)
        if block is None:
            return FINAL, self._final
        path, subpart = block
        if subpart.unsorted:
            return printed(path), self._looks[frozenset(subpart.unsorted[0]), subpart.due]
        return printed(path), self._conclusions[frozenset(subpart.words)]


def _unfinished_block(sorting: Sorting) -> tuple[Path, Subpart] | None:
    """The innermost block around the last step without a conclusion, after the number of its next step."""
    for depth in range(len(sorting.path) - 1, -1, -1):
        subpart = sorting.subparts.get(sorting.path[:depth])
        if subpart is not None and not subpart.concluded_in:
            return next_path(sorting.path[: depth + 1]), subpart
    return None
