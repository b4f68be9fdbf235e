r"""Answers to MATH: the published normal form, the answer a solution states, and an equality check that cannot hang."""

from __future__ import annotations

import time

import pytest

from stepwise.tasks.answers import latex_equality
from stepwise.tasks.answers.latex_equality import equal_latex
from stepwise.tasks.answers.math_answers import same_answer, stated_answer
from stepwise.tasks.answers.math_strip import last_boxed, strip


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("0.5", "\\frac{1}{2}"),
        ("1/2", "\\frac{1}{2}"),
        ("\\frac12", "\\frac{1}{2}"),
        ("\\dfrac{1}{2}", "\\frac{1}{2}"),
        ("\\frac1{72}", "\\frac{1}{72}"),
        ("\\frac{a}{b}", "\\frac{a}{b}"),
        ("a/b", "a/b"),
        ("-3/4", "\\frac{-3}{4}"),
        (".75", "0.75"),
        ("\\sqrt3", "\\sqrt{3}"),
        ("2\\sqrt{3}", "2\\sqrt{3}"),
        ("x = 5", "5"),
        ("abc = 5", "abc=5"),
        ("\\left( 3, -1 \\right)", "(3,-1)"),
        ("90^\\circ", "90"),
        ("\\$18.90", "18.90"),
        ("50\\%", "50"),
        ("12 \\text{ cm}", "12"),
        ("12\\text{cm}", "12\\text{cm}"),
        ("10,\\!000", "10,000"),
    ],
)
def test_the_normal_form_is_hendrycks(answer, normal):
    assert strip(answer) == normal


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("$\\boxed{\\frac{1}{2}}$ or $\\boxed{3}$.", "3"),
        ("so $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("so $\\boxed 9$.", "9"),
        ("so $\\boxed{}$", ""),
        ("so $\\boxed{3", None),
        ("nothing", None),
    ],
)
def test_the_last_box(text, content):
    assert last_boxed(text) == content


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("First $\\boxed{1}$.\nThen $\\boxed{(3, -1)}$.", "(3, -1)"),
        ("x is 2\nTherefore, the answer is: \\boxed{2}", "2"),
        ("We add.\nThe answer is $x = 5$.", "x = 5"),
        ("We add.\nThe final answer is **42**.", "42"),
        ("We add.\nAnswer: 3/4", "3/4"),
        ("We get $a = 1$ and then $b = 2$.", "b = 2"),
        ("\\frac{1}{2}", "\\frac{1}{2}"),
        ("I have no idea what this could be at all", None),
        ("", None),
    ],
)
def test_what_a_solution_states(text, answer):
    assert stated_answer(text) == answer


SAME = {
    "\\frac{1}{2}": ("0.5", "1/2", "\\frac12", "\\dfrac{1}{2}", "\\frac{2}{4}"),
    "\\frac{-33}{2}": ("-16.5", "-\\frac{33}{2}", "-33/2", "-16\\frac{1}{2}"),
    "(3,-1)": ("(3, -1)", "\\left(3,-1\\right)", "(3.0,-1)", "(\\frac{6}{2}, -1)"),
    "[0,3)": ("[0, 3)", "\\left[0,3\\right)"),
    "42409": ("42,409", "42{,}409", "$42409$", "42409.0"),
    "2,3,4": ("4, 3, 2", "2, 3, 4", "\\{2,3,4\\}"),
    "\\sqrt{2}+1": ("1+\\sqrt{2}", "\\sqrt2 + 1"),
    "-29x^5(7x^6-2)": ("58x^5-203x^{11}", "-29x^5 (7x^6 - 2)"),
    "50": ("50\\%", "50^\\circ", "50 degrees", "\\$50", "50\\text{ cm}", "x = 50"),
    "5\\text{ cm}": ("5", "5 cm", "5\\ \\text{cm}", "5.0 cm"),
    "\\text{Evelyn}": ("Evelyn", "\\mbox{evelyn}", "\\text{(Evelyn)}"),
    "\\pi k": ("k\\pi", "k \\cdot \\pi"),
    "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}": ("\\begin{pmatrix}1\\\\2\\end{pmatrix}",),
}
DIFFERENT = {
    "\\frac{1}{2}": ("2", "0.05", "-\\frac{1}{2}", "0.49"),
    "\\frac{1}{3}": ("0.33", "3"),
    "(3,-1)": ("(-1,3)", "3", "(3,1)"),
    "[0,3)": ("[0,3]", "(0,3)"),
    "42409": ("42.409", "4240", "42408"),
    "2,3,4": ("2,3", "2,3,5"),
    "\\sqrt{2}+1": ("\\sqrt{2}-1", "2.4"),
    "50": ("0.5", "5", "", "x"),
    "5\\text{ cm}": ("5 m", "5 \\text{ meters}", "50 cm"),
    "\\text{Evelyn}": ("Briana", "5", "\\text{Evelyn and Briana}"),
    "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}": ("\\begin{pmatrix} 2 \\\\ 1 \\end{pmatrix}",),
}


@pytest.mark.parametrize(("gold", "answer"), [(gold, answer) for gold, answers in SAME.items() for answer in answers])
def test_the_same_answer_in_other_words(gold, answer):
    assert same_answer(gold, answer)


@pytest.mark.parametrize(
    ("gold", "answer"), [(gold, answer) for gold, answers in DIFFERENT.items() for answer in answers]
)
def test_another_answer(gold, answer):
    assert not same_answer(gold, answer)


def test_no_answer_can_hang_or_harm_the_comparison():
    start = time.monotonic()
    tower = "9^{9^{9^{9^{9}}}}"
    assert not equal_latex("2", tower)
    assert not equal_latex("2", "(" * 100 + "1" + ")" * 99)
    assert not equal_latex("2", "\\sum_{n=1}^{10^{12}} n!")
    assert not equal_latex("2", "__import__('os')")
    assert not equal_latex("2", "1" * 301)
    assert equal_latex("2", "\\frac{4}{2}")
    assert time.monotonic() - start < 60


def test_a_lost_worker_is_replaced():
    assert equal_latex("7", "\\frac{14}{2}")
    latex_equality._WORKER.process.kill()
    latex_equality._WORKER.process.wait()
    assert equal_latex("7", "\\frac{21}{3}")
