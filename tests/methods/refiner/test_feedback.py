"""The text of feedback: worked sentences, reading back what was written, and text that is no feedback."""

from __future__ import annotations

import itertools

import pytest

from stepwise.methods.refiner.feedback import NO_FAULT, Fault, FeedbackError, Templates, feedback_class

TEMPLATES = Templates(
    {
        "operator": "The operator in {step} is incorrect.",
        "number": "The {slot} number in {step} is incorrect.",
        "missing": "An operator is missing.",
        "link": "The fact {hint} is missing.",
    }
)
FAULTS = [
    Fault("operator", step="#0"),
    Fault("number", step="#12", slot="second"),
    Fault("missing"),
    Fault("link", hint="tiny is small"),
]


def test_a_worked_example():
    text = TEMPLATES.render([Fault("operator", step="#0"), Fault("number", step="#1", slot="first")])
    assert text == "The operator in #0 is incorrect. The first number in #1 is incorrect."


@pytest.mark.parametrize("count", range(5))
def test_what_is_written_is_read_back_in_any_order(count):
    for faults in itertools.permutations(FAULTS, count):
        assert TEMPLATES.parse(TEMPLATES.render(faults)) == frozenset(faults)


@pytest.mark.parametrize("text", ["", "No", "nonsense", "The operator in #0 is incorrect. And so on.", f"{NO_FAULT} x"])
def test_text_that_is_no_feedback_reads_as_none(text):
    assert TEMPLATES.parse(text) is None


@pytest.mark.parametrize("fault", [Fault("typo"), Fault("operator"), Fault("missing", step="#1")])
def test_a_fault_that_no_sentence_expresses_is_refused(fault):
    with pytest.raises(FeedbackError):
        TEMPLATES.render([fault])


def test_the_class_of_feedback_leaves_out_positions_and_hints():
    feedback = [(), (FAULTS[0], Fault("operator", step="#1")), {FAULTS[3], FAULTS[2]}, None]
    assert [feedback_class(faults) for faults in feedback] == ["right", "operator", "link and missing", "unread"]
