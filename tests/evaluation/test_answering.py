import itertools
from collections import Counter

import pytest

from stepwise.evaluation import EvaluationError, accuracy, at_k, by_cell, cluster, compare, evaluate, spread, summarise
from stepwise.generation.base import Completion
from stepwise.params import EvaluateParams
from stepwise.records import Prediction, Problem, Verdict


def prediction(problem, correct, sample=0, answer="1", **more):
    verdict = Verdict(answer=answer, correct=correct, strict_correct=more.pop("strict", correct))
    return Prediction(problem_id=problem, sample=sample, text="", verdict=verdict, **more)


class Echo:
    """A backend that answers a problem with its own text and the sample's number and records its calls."""

    name = "echo"

    def __init__(self):
        self.calls = []

    def generate(self, prompts, sampling, *, journal=None):
        self.calls.append((len(prompts), sampling, journal))
        return [
            [Completion(f"{prompt[0]}:{i}", (1, 2, 3), (-0.5, -0.5, -1.0), "stop") for i in range(sampling.n)]
            for prompt in prompts
        ]


class Toy:
    """A task whose completion is right when it ends in an even number."""

    name, form, stop = "toy", "n_cot", ("\n\n",)

    def prompt(self, problem):
        return (problem.question,)

    def check_many(self, pairs):
        return [Verdict(answer=text, correct=int(text[-1]) % 2 == 0) for _, text in pairs]


def problems(count):
    return [
        Problem(id=f"p{i}", task="toy", split="test", question=f"q{i}", answer="", bin="unseen" if i % 2 else "seen")
        for i in range(count)
    ]


def test_evaluate_answers_greedily_and_samples_some(tmp_path):
    backend = Echo()
    params = EvaluateParams(samples=3, temperature=0.7, limit=6, sample_limit=2)
    greedy, samples = evaluate(Toy(), backend, problems(12), params, max_new_tokens=9, seed=5, journal=tmp_path)
    assert [prediction.problem_id for prediction in greedy] == ["p0", "p3", "p4", "p7", "p8", "p10"]
    assert [(prediction.problem_id, prediction.sample) for prediction in samples] == [
        ("p0", 0),
        ("p0", 1),
        ("p0", 2),
        ("p8", 0),
        ("p8", 1),
        ("p8", 2),
    ]
    assert [prediction.verdict.correct for prediction in samples] == [True, False, True] * 2
    assert (greedy[0].text, greedy[0].tokens, greedy[0].logprob, greedy[0].finish_reason) == ("q0:0", 3, -2.0, "stop")
    (_, first, first_journal), (_, second, second_journal) = backend.calls
    assert (first.temperature, first.n, first.stop, first.max_new_tokens) == (0.0, 1, ("\n\n",), 9)
    assert (second.temperature, second.n, second.seed) == (0.7, 3, 5)
    assert first_journal != second_journal
    assert {first_journal.parent, second_journal.parent} == {tmp_path}


def test_no_problems_is_an_error():
    with pytest.raises(EvaluationError, match="toy: there are no problems"):
        evaluate(Toy(), Echo(), [], EvaluateParams(), max_new_tokens=9, seed=0)


def test_spread_keeps_the_shares_of_the_bins():
    rows = sorted(problems(100), key=lambda problem: problem.bin)
    chosen = spread(rows, 10)
    assert len({problem.id for problem in chosen}) == 10
    assert sum(problem.bin == "seen" for problem in chosen) == 5
    assert spread(rows, 0) == spread(rows, 100) == spread(rows, 1000) == rows


@pytest.mark.parametrize("period", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("limit", [30, 60, 80])
def test_spread_keeps_the_shares_of_difficulties_that_alternate(period, limit):
    """240 problems whose lengths take turns; every fourth of them would all have the same length."""
    chosen = Counter(row % period for row in spread(range(240), limit))
    assert all(abs(chosen[length] - limit / period) <= 0.5 * limit / period for length in range(period))


def test_spread_chooses_in_order_and_nothing_twice():
    for count, limit in itertools.product((1, 7, 100, 241), (1, 3, 60, 99)):
        chosen = spread(range(count), limit)
        assert len(chosen) == min(count, limit)
        assert chosen == sorted(set(chosen))


def test_summary_by_hand():
    greedy = [
        prediction("a", True, tokens=4),
        prediction("b", True, strict=False, tokens=6, finish_reason="stop"),
        prediction("c", False, bin="unseen", tokens=10, finish_reason="length"),
        prediction("d", False, strict=True, bin="unseen"),
    ]
    metrics = summarise(greedy)
    assert metrics["problems"] == 4
    assert metrics["accuracy"] == accuracy(greedy) == 0.5
    # z^2 / (n + z^2) = 3.8415 / 7.8415: half width 1.96 / 1.96036 * sqrt(1/16 + 3.8415/64)
    assert metrics["accuracy_low"] == pytest.approx(0.1500, abs=1e-4)
    assert metrics["accuracy_high"] == pytest.approx(0.8500, abs=1e-4)
    assert (metrics["accuracy_seen"], metrics["accuracy_unseen"]) == (1.0, 0.0)
    assert (metrics["problems_seen"], metrics["problems_unseen"]) == (2, 2)
    assert (metrics["strict_accuracy"], metrics["disagreement"]) == (0.5, 0.5)
    assert metrics["tokens"] == 5
    assert (metrics["finish_eos"], metrics["finish_stop"], metrics["finish_length"]) == (0.5, 0.25, 0.25)
    assert all(isinstance(value, float) for value in metrics.values())


def test_at_k_is_the_mean_over_problems():
    samples = [
        prediction("a", True, 0, "7"),
        prediction("a", True, 1, "7.00001"),
        prediction("a", False, 2, "3"),
        prediction("a", False, 3, None),
        *[prediction("b", False, i, "0") for i in range(4)],
    ]
    metrics = at_k(samples, [1, 2, 4, 8])
    assert metrics == pytest.approx(
        {"maj@1": 0.25, "pass@1": 0.25, "maj@2": 4 / 6 / 2, "pass@2": 5 / 6 / 2, "maj@4": 0.5, "pass@4": 0.5}
    )
    assert at_k([], [1]) == {}


def test_cluster_joins_equal_numbers_only():
    names = cluster(["2", "2.0", "1,000", "1000.00001", None, "abc", "Abc", "2", "2.1", "nan", "-2"])
    assert names[0] == names[1] == names[7]
    assert names[2] == names[3]
    assert names[4] is None
    assert len({names[i] for i in (0, 2, 5, 6, 8, 9, 10)}) == 7


def test_cluster_does_not_chain():
    steps = [str(1 + i * 0.00009) for i in range(10)]
    names = cluster(steps)
    assert names[0] == names[1]
    assert names[0] != names[9]


def test_cells_by_bin_and_difficulty():
    greedy = [
        prediction("a", True, difficulty="1 step"),
        prediction("b", False, difficulty="2 steps"),
        prediction("c", False, bin="unseen"),
    ]
    rows = {(row["bin"], row["difficulty"]): row for row in by_cell(greedy)}
    assert list(rows) == [("seen", "seen"), ("seen", "1 step"), ("seen", "2 steps"), ("unseen", "unseen")]
    assert rows["seen", "seen"]["accuracy"] == 0.5
    assert rows["seen", "1 step"]["problems"] == 1
    assert rows["unseen", "unseen"]["accuracy_low"] == 0.0


def test_cells_are_in_the_order_of_their_numbers():
    greedy = [prediction(name, True, difficulty=name) for name in ("11-15", "2-3", "8-10", "16+")]
    assert [row["difficulty"] for row in by_cell(greedy)] == ["seen", "2-3", "8-10", "11-15", "16+"]


def test_compare_pairs_by_problem_whatever_the_order():
    first = [prediction(name, False) for name in "abcdefgh"]
    second = [prediction(name, True) for name in "hgfedcba"]
    result = compare(first, second)
    assert (result.difference, result.only_second, result.p_value) == (1.0, 8, 2 / 256)
    assert result.better
    assert not compare(second, first).better


def test_compare_refuses_other_problems_and_samples():
    first = [prediction(name, True) for name in "abc"]
    with pytest.raises(EvaluationError, match="share 2 problems of 3 and 2"):
        compare(first, first[:2])
    with pytest.raises(EvaluationError, match="greedy predictions"):
        compare(first, [*first, first[0]])
    with pytest.raises(EvaluationError, match="no predictions"):
        compare([], first)
