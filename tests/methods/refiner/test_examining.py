"""The numbers of an evaluation, on four conversations worked by hand."""

from __future__ import annotations

import pytest

from stepwise.evaluation import EvaluationError
from stepwise.methods.refiner.dialogue import Attempt, Conversation
from stepwise.methods.refiner.examining import critic_rates, feedback_accuracy, judge
from stepwise.methods.refiner.feedback import NO_FAULT
from tests.methods.refiner.test_dialogue import DOMAIN, GOLD, NUMBER, OPERATOR, PROBLEM, TASK, WORSE, WRONG

SWAPPED = "add(n1,n0)"


def talk(number: int, *attempts: tuple[str, str | None]) -> Conversation:
    problem = PROBLEM.model_copy(update={"id": f"p{number}"})
    return Conversation(problem, tuple(Attempt(text, feedback) for text, feedback in attempts), tokens=10 * number)


SAVED = talk(1, (WRONG, OPERATOR), (SWAPPED, NO_FAULT))
"""The critic is right twice."""
SPOILED = talk(2, (GOLD, NUMBER), (WORSE, None))
"""The critic finds fault with a right attempt."""
MISSED = talk(3, (WRONG, NO_FAULT))
"""The critic finds no fault with a wrong attempt."""
LEFT = talk(4, ("add(n0,", "Hm."), (WRONG, None))
"""Neither the attempt nor the feedback can be read."""
TALKS = [SAVED, SPOILED, MISSED, LEFT]


def test_z_and_y_of_the_answers() -> None:
    result = judge(TASK, DOMAIN, TALKS, by_model=True)
    assert [answer.verdict.correct for answer in result.predictions] == [True, False, False, False]
    assert [answer.verdict.correct for answer in result.exact] == [True, False, False, False]
    assert [answer.tokens for answer in result.predictions] == [10, 20, 30, 40]
    expected = {
        "accuracy": 0.25, "z_exact": 0.25, "z_equivalent": 0.25,
        "contribution": 0.25, "harm": 0.25, "frequency": 0.75, "turns": 1.75, "stalled": 0.0,
        "z_contribution": 0.25, "z_harm": 0.25, "z_right_stays_right": 0.0, "z_wrong_becomes_right": 1 / 3,
        "fault_operator": 0.75,
    }  # fmt: skip
    assert {name: result.numbers[name] for name in expected} == pytest.approx(expected)
    assert result.numbers["z_exact_low"] < 0.25 < result.numbers["z_exact_high"]


def test_the_critic_is_judged_by_its_set_of_faults_on_every_attempt_it_comments_on() -> None:
    """Of five feedbacks two are right; of three wrong attempts one is missed, of two right ones one is criticised."""
    numbers = feedback_accuracy(DOMAIN, TALKS)
    expected = {
        "feedbacks": 5.0, "feedback_accuracy": 0.4, "missed": 1 / 3, "false_alarm": 0.5, "unreadable_feedback": 0.2,
    }  # fmt: skip
    assert {name: numbers[name] for name in expected} == pytest.approx(expected)
    assert "feedback_accuracy" not in judge(TASK, DOMAIN, TALKS).numbers, "an oracle is not compared with itself"
    assert feedback_accuracy(DOMAIN, [talk(1, (GOLD, None))]) == {}


def test_a_critic_s_rates_by_kind() -> None:
    """Of four feedbacks one names an operator and a number, one two numbers, one nothing, and one cannot be read."""
    second = "The second number in #0 is incorrect."
    rates = critic_rates(DOMAIN.templates, [f"{OPERATOR} {NUMBER}", f"{NUMBER} {second}", NO_FAULT, "Hm."])
    assert rates == {
        "critic_fault_operator": 0.25, "critic_fault_number": 0.5, "critic_fault_missing": 0.0,
        "critic_fault_extra": 0.0, "critic_fault_unreadable": 0.0, "critic_unread": 0.25,
    }  # fmt: skip


def test_the_order_of_sentences_does_not_matter() -> None:
    faults = DOMAIN.oracle(PROBLEM, WORSE)
    sentences = [DOMAIN.templates.render([fault]) for fault in faults]
    assert len(sentences) > 1
    numbers = feedback_accuracy(DOMAIN, [talk(1, (WORSE, " ".join(reversed(sentences))))])
    assert numbers["feedback_accuracy"] == 1.0


def test_the_best_attempt_is_what_counts_if_it_is_chosen() -> None:
    undone = talk(1, (GOLD, NO_FAULT), (WRONG, OPERATOR))
    last, chosen = (judge(TASK, DOMAIN, [undone], pick_best=pick) for pick in (False, True))
    assert (last.numbers["accuracy"], last.numbers["harm"]) == (0.0, 1.0)
    assert (chosen.numbers["accuracy"], chosen.numbers["harm"], chosen.numbers["z_harm"]) == (1.0, 0.0, 0.0)
    assert chosen.predictions[0].text == GOLD


def test_bleu_is_that_of_all_answers_together() -> None:
    """`add ( n0 , n1 )` and `subtract ( n0 , n1 )` have 6 tokens each: 6, 5, 4 and 3 n-grams, of which all but the
    first of the second formula are the gold's."""
    result = judge(TASK, DOMAIN, [talk(1, (GOLD, None)), talk(2, (WRONG, None))])
    by_hand = (11 / 12 * 9 / 10 * 7 / 8 * 5 / 6) ** 0.25
    assert result.numbers["bleu"] == pytest.approx(by_hand)


def test_without_the_gold_only_y_is_judged() -> None:
    unknown = Conversation(PROBLEM.model_copy(update={"reference": None}), (Attempt(GOLD),))
    result = judge(TASK, DOMAIN, [unknown])
    assert result.exact == []
    assert "z_exact" not in result.numbers
    assert result.numbers["accuracy"] == 1.0


def test_no_conversation_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        judge(TASK, DOMAIN, [])
