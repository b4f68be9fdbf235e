"""Solutions as lines of a sentence each, with formulas kept whole."""

from __future__ import annotations

import pytest

from stepwise.tasks.formats.lines import sentences


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("One. Two is 2.5 long. Three!", ["One.", "Two is 2.5 long.", "Three!"]),
        ("We have $x=2.$ Then $y=3$.  So it is.", ["We have $x=2.$", "Then $y=3$.", "So it is."]),
        ("It is $x$. $y$ follows.", ["It is $x$.", "$y$ follows."]),
        ("Thus\n\\[a = 1.\\]\nSo b.", ["Thus \\[a = 1.\\]", "So b."]),
        (
            "We get \\begin{align*}\na &= 1. \\\\\nB &= 2\n\\end{align*} done.",
            ["We get \\begin{align*} a &= 1. \\\\ B &= 2 \\end{align*} done."],
        ),
        ("[asy] draw(A. B); [/asy] Look. No.", ["[asy] draw(A. B); [/asy] Look.", "No."]),
        ("Some, e.g. Ann, came, i.e. Bob. End", ["Some, e.g. Ann, came, i.e. Bob.", "End"]),
        ("First\n\nSecond", ["First", "Second"]),
        ("A price of $5 is low. Yes.", ["A price of $5 is low.", "Yes."]),
        ("", []),
    ],
)
def test_sentences(text, lines):
    assert sentences(text) == lines
