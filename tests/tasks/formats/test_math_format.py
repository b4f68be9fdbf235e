"""Word problems in ReFT's formats: prompts, references and the two checks."""

from __future__ import annotations

import pytest

from stepwise.records import Problem
from stepwise.tasks.formats import math_format
from stepwise.tasks.formats.program_text import program_body, program_header, strict_program, whole_program
from stepwise.tasks.sandbox.programs import run_programs

QUESTION = "Iesha has 344 books. 136 are about school. How many are not?"
BODY = "    books = 344\n    school = 136\n    result = books - school\n    return result"


def problem(answer: str = "208", question: str = QUESTION) -> Problem:
    return Problem(id="p", task="t", split="train", question=question, answer=answer)


def verdict(text: str, form: str, answer: str = "208"):
    return math_format.check_many([(problem(answer), text)], form)[0]


def test_prompts_are_the_papers():
    assert math_format.prompt(f" {QUESTION}\n", "n_cot") == (f"Question:\n{QUESTION}\nAnswer reasoning:\n",)
    lead_in, header = math_format.prompt(QUESTION, "p_cot")
    assert lead_in == f"Question:\n{QUESTION}\nAnswer reasoning:\n"
    assert header == f'def solution():\n    """{QUESTION}"""\n'


def test_a_program_without_header_joins_the_header_to_the_original():
    original = program_header(QUESTION) + BODY
    assert program_body(original) == BODY
    assert whole_program(QUESTION, BODY) == original


@pytest.mark.parametrize(
    "question", ['He said "stop"', 'a """ b', "back\\slash\\", 'end\\"', '"', "two\nlines", "\\N{x} \\u12"]
)
def test_no_question_breaks_out_of_the_docstring(question):
    assert run_programs([whole_program(question, BODY)])[0].value == 208


def test_docstrings_over_several_lines_are_part_of_the_header():
    assert program_body('def solution():\n    """One\n    two."""\n    return 1\n') == "    return 1"
    assert program_body("def solution():\n    return 1") == "    return 1"


def test_references_check_and_repeat_no_answer():
    spoken = math_format.reference("344 - 136 = 208\n\nTherefore, the answer is <208>.", "208", "n_cot")
    assert spoken.text == "344 - 136 = 208\nTherefore, the answer is: 208"
    assert [step.text for step in spoken.steps] == ["344 - 136 = 208"]
    written = math_format.reference(BODY, "208", "p_cot")
    assert written.text == BODY
    assert len(written.steps) == 4
    for form, solution in (("n_cot", spoken), ("p_cot", written)):
        result = verdict(solution.text, form)
        assert result.correct
        assert result.strict_correct
        assert math_format.parse(solution.text, form).answer == "208"


def test_strict_and_robust_reading_of_sentences_differ_as_documented():
    result = verdict("So.\nTherefore, the answer is: $1,000", "n_cot", "1000")
    assert (result.strict_correct, result.strict_answer) == (False, None)
    assert (result.correct, result.answer) == (True, "1000")
    small = verdict("So.\nTherefore, the answer is: 0.03", "n_cot", "0.036")
    assert (small.strict_correct, small.correct) == (True, False)


def test_programs_are_checked_and_say_how_they_were_run():
    assert verdict(BODY, "p_cot").isolation == "evaluator"
    assert verdict(BODY, "p_cot").correct
    assert not verdict("    return 209", "p_cot").correct
    assert verdict("    return '$208'", "p_cot").correct
    assert not verdict("    return '$208'", "p_cot").strict_correct
    for wrong in ("", "    return 1 / 0", "return 208", "    return None", "    retrun 208", "    return float('nan')"):
        result = verdict(wrong, "p_cot")
        assert not result.correct
        assert result.answer is None


def test_text_after_the_function_does_not_count():
    for tail in (
        "\n\nQuestion: what?\n",
        "\ndef solution():\n    return 208\n",
        "\nsolution = lambda: 208\n",
        "\nprint(208)",
    ):
        assert not verdict("    return 1" + tail, "p_cot").correct
        assert verdict(BODY + tail, "p_cot").correct


def test_a_repeated_trigger_does_not_restart_the_completion():
    again = "    return 1\n\nAnswer reasoning:\ndef solution():\n    return 208"
    assert not verdict(again, "p_cot").correct
    assert not verdict(again, "p_cot").strict_correct


def test_the_strict_program_ends_at_the_first_blank_line():
    text = "    a = 208\n\n    return a"
    assert strict_program("q", text).endswith("    a = 208")
    result = verdict(text, "p_cot")
    assert result.correct
    assert not result.strict_correct


def test_a_truth_value_is_a_number_only_to_the_papers_code():
    result = verdict("    return 2 > 1", "p_cot", "1")
    assert result.strict_correct
    assert not result.correct


@pytest.mark.parametrize("text", ["", "\n", "x" * 50_000, "\ud800", "\0", "    return " + "(" * 3000])
@pytest.mark.parametrize("form", ["n_cot", "p_cot"])
def test_no_text_makes_reading_fail(text, form):
    math_format.parse(text, form)
    assert not verdict(text, form).correct


def test_many_pairs_keep_their_order():
    pairs = [(problem(str(i)), f"    return {i if i % 2 else i + 5}") for i in range(40)]
    assert [v.correct for v in math_format.check_many(pairs, "p_cot")] == [bool(i % 2) for i in range(40)]
    assert math_format.check_many([], "p_cot") == math_format.check_many([], "n_cot") == []


def test_other_forms_are_refused():
    with pytest.raises(ValueError, match="n_cot, p_cot"):
        math_format.stop_strings("scripted")
    with pytest.raises(ValueError, match="load the task again"):
        verdict("1", "n_cot", "many")
