"""Calculator marks become programs that compute the answer the rationale's way."""

from __future__ import annotations

import keyword

import pytest

from stepwise.tasks.formats.calculator_marks import marks, program_bodies, without_marks
from stepwise.tasks.formats.program_text import whole_program
from stepwise.tasks.sandbox.programs import run_programs

CLIPS = (
    "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n"
    "Natalia sold 48+24 = <<48+24=72>>72 clips altogether in April and May.\n"
)


def value(body: str) -> object:
    outcome = run_programs([whole_program("q", body)])[0]
    assert outcome.error is None, (body, outcome)
    return outcome.value


def test_earlier_results_become_variables_named_by_the_sentence():
    linked, plain = program_bodies(CLIPS, 72)
    assert linked == (
        "    natalia_sold_clips_may = 48 / 2\n"
        "    natalia_sold_clips_april = 48 + natalia_sold_clips_may\n"
        "    result = natalia_sold_clips_april\n"
        "    return result"
    )
    assert "48 + 24" in plain
    assert value(linked) == value(plain) == 72


def test_the_result_is_the_mark_with_the_answer():
    body = next(program_bodies("a <<2+3=5>>5 b\nc <<5*2=10>>10\ncheck <<10-5=5>>5 and <<1+1=2>>2", 10))
    assert value(body) == 10
    assert "1 + 1" not in body


@pytest.mark.parametrize(
    ("mark", "result"),
    [
        ("1,000*2=2,000", 2000),
        (".5*4=2", 2),
        ("20*.01=0.2", 0.2),
        ("-5+8=3", 3),
        ("3*-2=-6", -6),
        ("(1+2)*3=9", 9),
        ("007+1=8", 8),
        ("10/4=2.5", 2.5),
        ("2**3=8", 8),
        ("5=5", 5),
        ("(-5)-(-3)=-2", -2),
    ],
)
def test_expressions_of_all_shapes(mark, result):
    assert value(next(program_bodies(f"It is <<{mark}>>so.", result))) == pytest.approx(result)


def test_names_are_unique_identifiers_and_hide_nothing():
    lines = [
        f"{word} <<{i}+1={i + 1}>>"
        for i, word in enumerate(["class", "for", "sum", "result", "solution", "", "Élan", "same", "same"])
    ]
    body = next(program_bodies("\n".join(lines), 9))
    names = [line.split(" = ")[0].strip() for line in body.split("\n") if " = " in line][:-1]
    assert len(set(names)) == len(names) == 9
    for name in names:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name not in ("sum", "result", "solution", "math")
    assert value(body) == 9


def test_what_is_no_arithmetic_is_not_compiled():
    for odd in ("<<__import__('os')=1>>", "<<x+1=2>>", "<<5>>", "<<=5>>", "<<1+1=two>>", "<<1+\n1=2>>"):
        assert not marks(odd)
        assert list(program_bodies(odd, 2)) == []
    assert marks("no marks") == []


def test_readers_see_no_marks():
    assert without_marks(CLIPS).startswith("Natalia sold 48/2 = 24 clips in May.")
