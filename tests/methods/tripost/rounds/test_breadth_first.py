"""Trajectories that are edited together come out as they do one by one, and their requests come in batches."""

from __future__ import annotations

import random
from collections.abc import Sequence

from stepwise.methods.tripost.editing import Edited, Rejected, Teacher, edit
from stepwise.methods.tripost.roles import (
    CORRECT,
    BatchImprover,
    BatchVerifier,
    Improver,
    ImproveRequest,
    Verifier,
    VerifyRequest,
)
from stepwise.methods.tripost.rounds.breadth_first import edit_many
from stepwise.methods.tripost.teacher.teachers import SCRIPTED
from stepwise.records import Feedback, Problem, Solution, Step, Trajectory
from tests.methods.tripost.sums import ScriptedImprover, SumVerifier, attempt, problem, solve, trajectory


class Batches:
    """Verifies as the sums' verifier does, and improves one line at a time; remembers the sizes of its batches."""

    def __init__(self) -> None:
        self.verified: list[int] = []
        self.improved: list[int] = []

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        return SumVerifier().verify(problem, solution)

    def verify_batch(self, requests: Sequence[VerifyRequest]) -> list[Feedback | None]:
        self.verified.append(len(requests))
        return [self.verify(request.problem, request.solution) for request in requests]

    def improve(
        self, problem: Problem, solution: Solution, feedback: Feedback, prefix: Sequence[Step]
    ) -> Solution | None:
        gold = solve([int(number) for number in problem.question.removesuffix(" =").split(" + ")])
        lines = [*gold.steps[: len(prefix) + 1], *solution.steps[len(prefix) + 1 :]]
        texts = [line.text.partition(") ")[2] for line in lines]
        return attempt(*texts)

    def improve_batch(self, requests: Sequence[ImproveRequest]) -> list[Solution | None]:
        self.improved.append(len(requests))
        return [self.improve(each.problem, each.solution, each.feedback, each.prefix) for each in requests]


def random_work(generator: random.Random, verifier: Verifier, improver: Improver) -> list[tuple[Trajectory, Teacher]]:
    work = []
    for _ in range(generator.randrange(1, 12)):
        numbers = [generator.randrange(1, 9) for _ in range(4)]
        gold = solve(numbers)
        parts: list[Solution | Feedback] = []
        for index in range(generator.randrange(1, 6)):
            lines = [step.text.partition(") ")[2] for step in gold.steps]
            for place in range(len(lines)):
                if generator.random() < 0.3:
                    lines[place] = generator.choice(["1 + 1 = 3.", "unreadable", "So the answer is 5."])
            wrong = attempt(*lines)
            parts.append(wrong if index % 2 == 0 else SumVerifier().verify(problem(*numbers), wrong) or CORRECT)
        answer = gold.answer
        teacher = Teacher(problem(*numbers), verifier, improver, lambda it, answer=answer: it.answer == answer, 3)  # type: ignore[misc]
        work.append((trajectory(*parts), teacher))
    return work


def test_together_is_the_same_as_alone() -> None:
    outcomes = set()
    for seed in range(200):
        batches = Batches()
        work = random_work(random.Random(seed), batches, batches)
        results = edit_many(work)
        assert results == [edit(written, teacher) for written, teacher in work]
        assert results[::-1] == edit_many(work[::-1])
        outcomes |= {each.outcome if isinstance(each, Edited) else each.reason for each in results}
    assert {"edited", "extended", "unchanged", "unjudged", "still_wrong"} <= outcomes
    assert edit_many([]) == []


def test_each_round_is_a_batch_of_all_trajectories_that_need_it() -> None:
    two_errors = attempt("1 + 2 = 4.", "3 + 3 = 7.", "So the answer is 6.")
    one_error = attempt("1 + 2 = 4.", "3 + 3 = 6.", "So the answer is 7.")
    right = solve([1, 2, 3])
    batches = Batches()
    teacher = Teacher(problem(1, 2, 3), batches, batches, lambda it: it.text == right.text)
    results = edit_many([(trajectory(each), teacher) for each in (two_errors, one_error, right, two_errors)])
    assert [each.outcome for each in results if isinstance(each, Edited)] == ["edited", "edited", "unchanged", "edited"]
    # a corrected first line leaves 3 attempts with an error, of which nothing is left after the second correction
    assert (batches.verified, batches.improved) == ([3, 3], [3, 3])


def test_each_trajectory_has_its_own_teacher() -> None:
    wrong = attempt("1 + 2 = 4.", "So the answer is 4.")
    first, second = SumVerifier(), Batches()
    never = Teacher(problem(1, 2), first, ScriptedImprover([None, None]), lambda _: False)
    always = Teacher(problem(1, 2), second, second, lambda _: True)
    results = edit_many([(trajectory(wrong), never), (trajectory(wrong), always), (trajectory(wrong), never)])
    assert results == [Rejected("no_update"), Edited(trajectory(wrong, CORRECT), "unchanged"), results[0]]
    assert (len(first.judged), second.verified) == (2, [])


def test_programs_take_no_batches() -> None:
    assert isinstance(Batches(), BatchVerifier)
    assert isinstance(Batches(), BatchImprover)
    for verifier, improver in SCRIPTED.values():
        assert not isinstance(verifier, BatchVerifier)
        assert not isinstance(improver, BatchImprover)
