import itertools
import random

import pytest

from stepwise.evaluation import at_k
from stepwise.methods.reft import voting
from stepwise.methods.reft.voting import Ballot, VotingError, ballots, curves, rerank_at_k, weighted_at_k
from stepwise.records import Prediction, SampleScore, Verdict
from stepwise.statistics import bootstrap, maj_at_k

HAND = Ballot(classes=(0, 1, 1, None), correct=(True, False, False, False), scores=(0.6, 0.7, 0.1, 0.9))
"""One right sample in the middle of the order of scores; the best-scored one has no answer."""


def predictions(problem, answers):
    return [
        Prediction(problem_id=problem, sample=i, text="", verdict=Verdict(answer=answer, correct=right))
        for i, (answer, right) in enumerate(answers)
    ]


def scored(samples, scores):
    return [
        SampleScore(problem_id=sample.problem_id, sample=sample.sample, score=score)
        for sample, score in zip(samples, scores, strict=True)
    ]


def by_enumeration(ballot, k, winner):
    """The mean over all subsets of what `winner` makes of one."""
    subsets = list(itertools.combinations(range(len(ballot.classes)), k))
    return sum(winner([i for i in subset if ballot.classes[i] is not None]) for subset in subsets) / len(subsets)


def best_scored(ballot):
    return lambda answered: bool(answered) and ballot.correct[max(answered, key=lambda i: (ballot.scores[i], -i))]


def test_rerank_by_hand():
    # Order of the answered: 1 (0.7, wrong), 0 (0.6, right), 2. Sample 0 wins where 1 is missing.
    assert rerank_at_k(HAND, 1) == 1 / 4
    assert rerank_at_k(HAND, 2) == 2 / 6  # with 2, with the unanswered one
    assert rerank_at_k(HAND, 3) == 1 / 4  # 0, 2, unanswered
    assert rerank_at_k(HAND, 4) == 0


def test_weighted_vote_by_hand():
    # 0 has 0.6; class 1 has 0.7, 0.1 or 0.8 with both.
    assert weighted_at_k(HAND, 1) == 1 / 4
    assert weighted_at_k(HAND, 2) == 2 / 6  # {0, 2} and {0, None}
    assert weighted_at_k(HAND, 3) == 1 / 4  # {0, 2, None}
    assert weighted_at_k(HAND, 4) == 0


def test_two_weak_votes_outweigh_a_strong_one():
    ballot = Ballot(classes=(0, 1, 1), correct=(False, True, True), scores=(0.6, 0.35, 0.35))
    assert rerank_at_k(ballot, 3) == 0
    assert weighted_at_k(ballot, 3) == 1


def test_equal_sums_are_split():
    ballot = Ballot(classes=(0, 1), correct=(True, False), scores=(0.3, 0.3))
    assert weighted_at_k(ballot, 2) == 0.5
    assert rerank_at_k(ballot, 2) == 1.0, "of equal scores the first"


def test_nothing_answered_is_wrong():
    ballot = Ballot(classes=(None, None), correct=(False, False), scores=(0.9, 0.8))
    assert rerank_at_k(ballot, 2) == weighted_at_k(ballot, 1) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_rerank_is_the_mean_over_all_subsets(seed):
    rng = random.Random(seed)
    n = rng.randint(1, 7)
    classes = tuple(rng.choice([0, 1, 2, None]) for _ in range(n))
    right = rng.randrange(3)
    ballot = Ballot(
        classes, tuple(number == right for number in classes), tuple(rng.choice([0.1, 0.5, 0.9]) for _ in range(n))
    )
    for k in range(1, n + 1):
        assert rerank_at_k(ballot, k) == pytest.approx(by_enumeration(ballot, k, best_scored(ballot)))


@pytest.mark.parametrize("seed", range(10))
def test_equal_weights_are_a_majority_vote(seed):
    rng = random.Random(seed)
    classes = tuple(rng.choice([0, 1, 2, None]) for _ in range(8))
    ballot = Ballot(classes, tuple(number == 0 for number in classes), (0.1,) * 8)
    for k in range(1, 9):
        assert weighted_at_k(ballot, k) == pytest.approx(maj_at_k(ballot.classes, ballot.correct, k))


def test_drawn_subsets_come_near_the_exact_value():
    rng = random.Random(1)
    classes = tuple(rng.choice([0, 1, None]) for _ in range(30))
    ballot = Ballot(classes, tuple(number == 0 for number in classes), (0.5,) * 30)
    drawn = weighted_at_k(ballot, 5, seed=3)  # C(30, 5) = 142506
    assert drawn == pytest.approx(maj_at_k(ballot.classes, ballot.correct, 5), abs=0.04)
    assert drawn == weighted_at_k(ballot, 5, seed=3) != weighted_at_k(ballot, 5, seed=4)


def test_votes_join_numbers_within_tolerance():
    samples = predictions("p", [("0.33333", True), ("0.333333", True), ("2", False), ("3", False)])
    (ballot,) = ballots(samples)
    assert ballot.classes[0] == ballot.classes[1] != ballot.classes[2]
    assert {point.kind: point.value for point in curves([ballot]) if point.k == 4} == {"maj": 1.0, "pass": 1.0}


def test_a_perfect_reranker_reaches_the_bound_and_curves_agree_with_evaluation():
    rng = random.Random(0)
    kinds = [("1", True), ("2", False), (None, False)]
    samples = [
        prediction for p in range(6) for prediction in predictions(f"p{p}", [rng.choice(kinds) for _ in range(6)])
    ]
    scores = scored(samples, [0.9 if sample.verdict.correct else 0.1 for sample in samples])
    points = {(point.kind, point.k): point for point in curves(ballots(samples, scores))}
    assert sorted({k for _, k in points}) == [1, 2, 4, 6]
    for k in (1, 2, 4, 6):
        assert points["rerank", k].value == pytest.approx(points["pass", k].value)
    known = at_k(samples, [1, 2, 4, 6])
    for name, value in known.items():
        kind, _, k = name.partition("@")
        assert points[kind, int(k)].value == pytest.approx(value)
    assert all(point.low <= point.value <= point.high for point in points.values())


def test_the_interval_is_over_problems():
    mean = bootstrap([0.0, 1.0] * 50)
    assert mean.value == 0.5
    # Standard error 0.05, so about 0.5 +- 0.098.
    assert mean.low == pytest.approx(0.402, abs=0.02)
    assert mean.high == pytest.approx(0.598, abs=0.02)
    assert bootstrap([1.0, 1.0]) == bootstrap([1.0]), "what does not vary has no width"
    with pytest.raises(ValueError, match="no values"):
        bootstrap([])


def test_flat_metrics_and_table():
    points = curves(ballots(predictions("p", [("1", True), ("2", False)])))
    assert voting.flat(points)["maj@1"] == 0.5
    assert voting.flat(points)["pass@2_low"] == 1.0
    assert voting.table(points).splitlines()[0].split() == ["k", "maj@k", "pass@k"]


def test_samples_that_cannot_be_voted_on_are_one_clear_error():
    samples = predictions("p", [("1", True), ("2", False)])
    with pytest.raises(VotingError, match="no samples"):
        ballots([])
    with pytest.raises(VotingError, match=r"sample 1 of p has no score \(1 of 2"):
        ballots(samples, scored(samples[:1], [0.5]))
