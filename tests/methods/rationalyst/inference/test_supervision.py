"""The loop over models that are told what to say: who is asked, how often, and what is taken."""

from __future__ import annotations

from math import inf

import pytest

from stepwise.methods.rationalyst.inference.choosers import method
from stepwise.methods.rationalyst.inference.state import Attempt, Candidate, Choice, Note
from stepwise.methods.rationalyst.inference.supervision import Method, Rating, majority, mean_logprob, supervise
from stepwise.params import RationalystSupervisionParams
from stepwise.records import Problem

PARAMS = RationalystSupervisionParams(candidates=3)


def problem(name: str) -> Problem:
    return Problem(id=name, task="t", split="test", question=f"{name}: the answer is not here", answer="1")


class Told:
    """Models by a table: proposals by (problem, number of steps), log-probabilities and grades by text."""

    def __init__(self, steps, scores=None, grades=None) -> None:
        self.steps, self.scores, self.marks = steps, scores or {}, grades or {}
        self.passes: list[str] = []
        self.scored: list[str] = []
        self.read: list[str] = []

    def propose(self, attempts, count, *, sampled):
        self.passes.append("propose" if sampled else "greedy")
        self.read += [one.note for one in attempts]
        return [self.steps[one.problem.id, len(one.steps)][:count] for one in attempts]

    def notes(self, attempts):
        self.passes.append("notes")
        return [
            Note("; ".join(one.steps) or "begin", (-float(len(one.steps[-1])) if one.steps else 0.0,))
            for one in attempts
        ]

    def likelihoods(self, choices):
        self.passes.append("score")
        self.scored += [f"{choice.note}|{text}" for choice in choices for text in choice.texts]
        return [[self.scores[text] for text in choice.texts] for choice in choices]

    def grades(self, choices):
        self.passes.append("grade")
        return [[self.marks.get(text) for text in choice.texts] for choice in choices]

    def at_once(self, first, second):
        self.passes.append("at once:")
        return first(), second()


def say(*texts: str) -> list[Candidate]:
    return [Candidate(text, tokens=len(text)) for text in texts]


def run(models: Told, chooser: str, names=("p",), steps: int = 5) -> list[Attempt]:
    of = method(chooser, PARAMS, seed=1)
    return supervise([problem(name) for name in names], of, models, lambda text: "answer is" in text, steps=steps)


def test_the_likeliest_step_after_the_note_is_taken_in_two_round_trips():
    models = Told(
        {("p", 0): say("a", "b", "b"), ("p", 1): say("the answer is 2", "c", "d")},
        scores={"a": (-2.0,), "b": (-1.0,), "the answer is 2": (-0.5, -0.5), "c": (-1.0,), "d": (-3.0,)},
    )
    (found,) = run(models, "implicit")
    assert found.steps == ("b", "the answer is 2")
    assert found.done
    assert models.passes == ["at once:", "propose", "notes", "score"] * 2
    assert models.scored[:2] == ["begin|a", "begin|b"]


def test_all_problems_share_the_passes_and_a_finished_one_is_asked_no_more():
    models = Told(
        {("p", 0): say("answer is 1", "x"), ("q", 0): say("x", "y"), ("q", 1): say("answer is 3")},
        scores={"answer is 1": (-1.0,), "x": (-2.0,), "y": (-3.0,)},
    )
    first, second = run(models, "likelihood", ("p", "q"))
    assert (first.steps, second.steps) == (("answer is 1",), ("x", "answer is 3"))
    assert models.passes == ["propose", "score", "propose"]


def test_one_candidate_needs_no_scorer_and_the_limit_ends_without_an_answer():
    models = Told({("p", 0): say("x", "x", "x"), ("p", 1): say("x", "x", "x")})
    (found,) = run(models, "implicit", steps=2)
    assert not found.done
    assert found.steps == ("x", "x")
    assert "score" not in models.passes


def test_an_empty_step_and_an_ended_agent_end_the_attempt():
    assert Attempt(problem("p"), ("a",)).taken(Candidate("")).done
    assert Attempt(problem("p"), ("a",)).taken(Candidate("")).steps == ("a",)
    assert Attempt(problem("p")).taken(Candidate("a", ended=True)).done


def test_equal_ratings_go_to_the_first():
    choices = Method(lambda _, choices: [[Rating(1.0), Rating(1.0)] for _ in choices], 2)
    (found,) = supervise([problem("p")], choices, Told({("p", 0): say("b", "a")}), lambda _: True, steps=1)
    assert found.steps == ("b",)


def test_greedy_reads_one_step():
    models = Told({("p", 0): say("answer is 1", "z")})
    assert run(models, "greedy")[0].steps == ("answer is 1",)
    assert models.passes == ["greedy"]


def test_chance_depends_on_problem_and_step_alone_and_counts_repetitions():
    names = [f"p{i}" for i in range(300)]
    models = Told({(name, 0): say("answer is a", "answer is b", "answer is b") for name in names})
    together = [one.steps for one in run(models, "random", names)]
    alone = [run(models, "random", (name,))[0].steps for name in names]
    assert together == alone
    assert 0.57 < together.count(("answer is b",)) / 300 < 0.76


def test_a_grade_that_cannot_be_read_is_below_every_grade():
    steps = {("p", 0): say("u", "v", "answer is w")}
    assert run(Told(steps, grades={"v": 0}), "verifier", steps=1)[0].steps == ("v",)
    assert run(Told(steps, grades={"v": 1, "answer is w": 3}), "verifier")[0].steps == ("answer is w",)
    assert run(Told(steps), "verifier", steps=1)[0].steps == ("u",)


def test_explicit_supervision_puts_the_surest_note_before_the_agents_next_step():
    models = Told({("p", 0): say("long", "so"), ("p", 1): say("answer is 2")})
    (found,) = run(models, "explicit")
    assert models.read == ["begin", "so"]
    assert found.steps == ("so", "answer is 2")


@pytest.mark.parametrize(
    ("logprobs", "discount", "expected"),
    [((-1.0, -3.0), 1.0, -2.0), ((-1.0, -3.0), 0.5, -5 / 3), ((-2.0,) * 40, 0.9, -2.0), ((), 1.0, -inf)],
)
def test_a_mean_is_not_moved_by_length(logprobs, discount, expected):
    assert mean_logprob(logprobs, discount) == pytest.approx(expected)


def test_the_majority_ignores_silence_and_takes_the_first_of_equals():
    assert majority([None, 2, 1, 1, 2]) == 1
    assert majority([None, 1, 2, 2]) == 2
    assert majority([None, None]) == 0


def test_candidates_are_the_proposals_without_repetitions():
    choice = Choice(Attempt(problem("p")), (Candidate("a", tokens=1), Candidate("b"), Candidate("a", tokens=9)))
    assert choice.texts == ("a", "b")
    assert choice.candidates == (Candidate("a", tokens=1), Candidate("b"))
