"""What generator and critic read, by hand."""

from __future__ import annotations

from stepwise.methods.refiner.texts import critic_prompt, revision_prompt, training_text
from stepwise.records import Span


def test_a_revision_reads_the_attempt_and_the_feedback_and_ends_as_the_prompt_does() -> None:
    prompt = ("Question:\nBen has 3 apples.\n", "Formula:\n")
    assert revision_prompt(prompt, " add(n0,n1)\n", "The operator in #0 is incorrect.") == (
        *prompt,
        "add(n0,n1)\nFeedback: The operator in #0 is incorrect.\nFormula:\n",
    )


def test_the_last_line_may_be_unfinished_or_the_only_one() -> None:
    assert revision_prompt(("Q: 1\nA:",), "2", "No.")[-1] == "2\nFeedback: No.\nA:"
    assert revision_prompt(("A:\n",), "2", "No.")[-1] == "2\nFeedback: No.\nA:\n"
    assert revision_prompt(("A:",), "2", "No.")[-1] == "2\nFeedback: No.\nA:"


def test_the_critic_reads_the_attempt() -> None:
    assert critic_prompt(("Q: 1\nA:\n",), "2 \n") == ("Q: 1\nA:\n", "2\nFeedback:\n")


def test_only_the_target_is_learned() -> None:
    text = training_text("p", ("a", "b"), "c", 0.5)
    assert text.spans == (Span(text="a", weight=0.0), Span(text="b", weight=0.0), Span(text="c", weight=0.5))
