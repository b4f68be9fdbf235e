"""Which option a text names, as a human reader would see it."""

from __future__ import annotations

import pytest

from stepwise.tasks.answers.named_option import named_option

PLACES = ("bank", "library", "department store", "mall", "new york")


@pytest.mark.parametrize(
    "text",
    [
        "Therefore, the answer is: B",
        "The answer is (B).",
        "The answer is **B**.",
        "the answer is b",
        "Answer: B) library",
        "answer: [B]",
        "answer: ['B']",
        "The answer is B, because people read there. A bank has money.",
        "The correct option is B.",
        "The answer is option B",
        "So the answer is the library.",
        "The answer is Library, where books are.",
        "The answer is: library",
        "The final answer is $\\boxed{B}$.",
        "Hence \\boxed{\\text{(B)}}",
        "I choose B.",
        "People read there.\n(B)",
        "People read there.\nB.",
        "People read there.\nB) library",
        "People read there.\nlibrary",
        "The answer is A. No, wait: the answer is B.",
        "The answer is B. The answer is obvious to all.",
        "<b>The answer is B</b>",
    ],
)
def test_the_second_option_is_named(text):
    assert named_option(text, PLACES) == "B"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer is A or B",
        "The answer is B and C.",
        "The answer is A, B",
        "The answer is (B) mall",
        "The answer is B: bank",
        "The answer is F",
        "The answer is unclear",
        "A revolving door is convenient",
        "The answer is a place",
        "The answer is not the library",
        "I like the library best of all places",
        "Because B has books, I think",
    ],
)
def test_nothing_or_too_much_is_named(text):
    assert named_option(text, PLACES) is None


@pytest.mark.parametrize(
    ("text", "choices", "letter"),
    [
        ("The answer is -5", ("5", "-5", "15"), "B"),
        ("The answer is B) -5", ("5", "-5", "15"), "B"),
        ("The answer is A) -5", ("5", "-5", "15"), None),
        ("The answer is 5 cm.", ("5 m", "5 cm"), "B"),
        ("The answer is 5 km.", ("5 m", "5 cm"), None),
        ("The answer is .5", ("5", ".5"), "B"),
        ("The answer is salt, sugar and milk.", ("salt", "salt, sugar and milk"), "B"),
        ("The answer is salt, of course", ("salt", "salt, sugar and milk"), "A"),
        ("The answer is A", ("AB", "O", "A"), "A"),
        ("The answer is SAME", ("the same", "Same"), None),
        ("The answer is Rr.", ("RR", "rr", "Rr"), "C"),
        ("The answer is C) rr", ("RR", "rr", "Rr"), None),
        ("The answer is A) dead", ("dead", "alive", "dead"), "A"),
        ("The answer is dead", ("dead", "alive", "dead"), None),
        ("The answer is (B).", ("c", "a", "b"), "B"),
        ("The answer is B) - 5", ("5", "- 5", "-5 "), "B"),
        ("The answer is I, II", ("I only", "I, II"), "B"),
        ("The answer is I", tuple("abcdefghi"), "I"),
        ("The statement is false.", ("True", "False", "Unknown"), "B"),
        ("The answer is A dog", ("a cat", "a dog"), "B"),
        ("The answer is (J)", (), "J"),
    ],
)
def test_words_and_letters_agree_or_there_is_no_answer(text, choices, letter):
    assert named_option(text, choices) == letter
