"""The supervision loop over scripted models: which model is called, how often, and which step is chosen."""

from __future__ import annotations

from math import inf

import pytest

from stepwise.methods.rationalyst.inference.choosers import strategy
from stepwise.methods.rationalyst.inference.state import Candidate, Choice, Note, PartialSolution
from stepwise.methods.rationalyst.inference.supervision import Rating, Strategy, majority, mean_logprob, supervise
from stepwise.params.rationalyst import RationalystSupervisionParams
from stepwise.records import Problem

PARAMS = RationalystSupervisionParams(candidates=3)


def problem(name: str) -> Problem:
    return Problem(id=name, task="t", split="test", question=f"{name}: the answer is not here", answer="1")


class ScriptedModels:
    """Models from a table: proposals by (problem, number of steps), log-probabilities and grades by text."""

    def __init__(self, steps, scores=None, grades=None) -> None:
        self.steps, self.scores, self.marks = steps, scores or {}, grades or {}
        self.passes: list[str] = []
        self.scored: list[str] = []
        self.read: list[str] = []

    def propose(self, solutions, count, *, sampled):
        self.passes.append("propose" if sampled else "greedy")
        self.read += [solution.note for solution in solutions]
        return [self.steps[solution.problem.id, len(solution.steps)][:count] for solution in solutions]

    def notes(self, solutions):
        self.passes.append("notes")
        return [
            Note("; ".join(solution.steps) or "begin", (-float(len(solution.steps[-1])) if solution.steps else 0.0,))
            for solution in solutions
        ]

    def likelihoods(self, choices):
        self.passes.append("score")
        self.scored += [f"{choice.note}|{text}" for choice in choices for text in choice.texts]
        return [[self.scores[text] for text in choice.texts] for choice in choices]

    def grades(self, choices):
        self.passes.append("grade")
        return [[self.marks.get(text) for text in choice.texts] for choice in choices]

    def run_both(self, first, second):
        self.passes.append("both:")
        return first(), second()


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(text, tokens=len(text)) for text in texts]


def run(models: ScriptedModels, chooser: str, names=("p",), steps: int = 5) -> list[PartialSolution]:
    chosen = strategy(chooser, PARAMS, seed=1)
    return supervise([problem(name) for name in names], chosen, models, lambda text: "answer is" in text, steps=steps)


def test_the_likeliest_step_after_the_note_is_taken_in_two_round_trips():
    models = ScriptedModels(
        {("p", 0): candidates("a", "b", "b"), ("p", 1): candidates("the answer is 2", "c", "d")},
        scores={"a": (-2.0,), "b": (-1.0,), "the answer is 2": (-0.5, -0.5), "c": (-1.0,), "d": (-3.0,)},
    )
    (solution,) = run(models, "implicit")
    assert solution.steps == ("b", "the answer is 2")
    assert solution.done
    assert models.passes == ["both:", "propose", "notes", "score"] * 2
    assert models.scored[:2] == ["begin|a", "begin|b"]


def test_all_problems_share_the_passes_and_a_finished_one_takes_no_further_part():
    models = ScriptedModels(
        {("p", 0): candidates("answer is 1", "x"), ("q", 0): candidates("x", "y"), ("q", 1): candidates("answer is 3")},
        scores={"answer is 1": (-1.0,), "x": (-2.0,), "y": (-3.0,)},
    )
    first, second = run(models, "likelihood", ("p", "q"))
    assert (first.steps, second.steps) == (("answer is 1",), ("x", "answer is 3"))
    assert models.passes == ["propose", "score", "propose"]


def test_one_candidate_needs_no_scorer_and_the_limit_ends_without_an_answer():
    models = ScriptedModels({("p", 0): candidates("x", "x", "x"), ("p", 1): candidates("x", "x", "x")})
    (solution,) = run(models, "implicit", steps=2)
    assert not solution.done
    assert solution.steps == ("x", "x")
    assert "score" not in models.passes


def test_an_empty_step_and_an_end_token_end_the_solution():
    assert PartialSolution(problem("p"), ("a",)).extended(Candidate("")).done
    assert PartialSolution(problem("p"), ("a",)).extended(Candidate("")).steps == ("a",)
    assert PartialSolution(problem("p")).extended(Candidate("a", ended=True)).done


def test_a_tie_goes_to_the_first():
    indifferent = Strategy(lambda _, choices: [[Rating(1.0), Rating(1.0)] for _ in choices], 2)
    (solution,) = supervise(
        [problem("p")], indifferent, ScriptedModels({("p", 0): candidates("b", "a")}), lambda _: True, steps=1
    )
    assert solution.steps == ("b",)


def test_greedy_reads_one_step():
    models = ScriptedModels({("p", 0): candidates("answer is 1", "z")})
    assert run(models, "greedy")[0].steps == ("answer is 1",)
    assert models.passes == ["greedy"]


def test_a_random_choice_depends_on_problem_and_step_only_and_counts_duplicates():
    names = [f"p{i}" for i in range(300)]
    models = ScriptedModels({(name, 0): candidates("answer is a", "answer is b", "answer is b") for name in names})
    together = [solution.steps for solution in run(models, "random", names)]
    alone = [run(models, "random", (name,))[0].steps for name in names]
    assert together == alone
    assert 0.57 < together.count(("answer is b",)) / 300 < 0.76


def test_a_grade_that_cannot_be_read_is_below_every_grade():
    steps = {("p", 0): candidates("u", "v", "answer is w")}
    assert run(ScriptedModels(steps, grades={"v": 0}), "verifier", steps=1)[0].steps == ("v",)
    assert run(ScriptedModels(steps, grades={"v": 1, "answer is w": 3}), "verifier")[0].steps == ("answer is w",)
    assert run(ScriptedModels(steps), "verifier", steps=1)[0].steps == ("u",)


def test_explicit_supervision_puts_the_surest_note_before_the_agents_next_step():
    models = ScriptedModels({("p", 0): candidates("long", "so"), ("p", 1): candidates("answer is 2")})
    (solution,) = run(models, "explicit")
    assert models.read == ["begin", "so"]
    assert solution.steps == ("so", "answer is 2")


@pytest.mark.parametrize(
    ("logprobs", "discount", "expected"),
    [((-1.0, -3.0), 1.0, -2.0), ((-1.0, -3.0), 0.5, -5 / 3), ((-2.0,) * 40, 0.9, -2.0), ((), 1.0, -inf)],
)
def test_a_mean_does_not_depend_on_length(logprobs, discount, expected):
    assert mean_logprob(logprobs, discount) == pytest.approx(expected)


def test_the_majority_ignores_missing_answers_and_breaks_ties_by_order():
    assert majority([None, 2, 1, 1, 2]) == 1
    assert majority([None, 1, 2, 2]) == 2
    assert majority([None, None]) == 0


def test_candidates_are_the_proposals_without_duplicates():
    choice = Choice(PartialSolution(problem("p")), (Candidate("a", tokens=1), Candidate("b"), Candidate("a", tokens=9)))
    assert choice.texts == ("a", "b")
    assert choice.candidates == (Candidate("a", tokens=1), Candidate("b"))
