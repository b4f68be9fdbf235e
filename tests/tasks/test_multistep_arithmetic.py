import re
from collections import Counter

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.generated.expressions import evaluate, parse
from stepwise.tasks.multistep_arithmetic import MultistepArithmetic, solve

RATIONALE = """\
(1) This equation can be written as "(A - B)", where A = (7 - -1 + -1 + -4) and B = (-7 + 7 * 3 * -9).
(2) Let's calculate A = (7 - -1 + -1 + -4) = (((7 - -1) + -1) + -4) = ((8 + -1) + -4) = (7 + -4) = 3.
(3) Let's calculate B = (-7 + 7 * 3 * -9) = (-7 + ((7 * 3) * -9)) = (-7 + (21 * -9)) = (-7 + -189) = -196.
(4) Then, the final equation is (A - B) = (3 - -196) = 199.
(Final response) So the answer is 199."""


def task(**options):
    return MultistepArithmetic(TaskParams(form="scripted", train=80, dev=20, test=120, options=options), seed=3)


def problem(answer="1234"):
    return Problem(id="p", task="multistep_arithmetic", split="test", question="((1 + 2)) =", answer=answer)


def test_a_rationale_worked_by_hand():
    solution = solve("((7 - -1 + -1 + -4) - (-7 + 7 * 3 * -9)) =")
    assert solution.text == RATIONALE
    assert solution.answer == "199"
    assert [step.id for step in solution.steps] == ["1", "2", "3", "4", "Final response"]


def test_three_groups_are_listed_with_commas_and_brackets_of_brackets_are_reduced():
    steps = solve("(((1 + 2 + 3) + (2 * 2 * 2)) * (1 - 1 - 1))").steps
    assert steps[0].text == (
        '(1) This equation can be written as "((A + B) * C)", '
        "where A = (1 + 2 + 3), B = (2 * 2 * 2) and C = (1 - 1 - 1)."
    )
    assert steps[4].text == "(5) Then, the final equation is ((A + B) * C) = ((6 + 8) * -1) = (14 * -1) = -14."


def test_identical_groups_get_letters_of_their_own():
    solution = solve("((2 + 3 * 1) * (2 + 3 * 1)) =")
    assert '"(A * B)", where A = (2 + 3 * 1) and B = (2 + 3 * 1).' in solution.text
    assert solution.text.count("Let's calculate A =") == solution.text.count("Let's calculate B =") == 1
    assert solution.answer == "25"


def test_every_equals_sign_of_generated_rationales_holds_and_the_final_step_repeats_the_last_value():
    for problem in task().load("test").problems:
        *steps, final = problem.reference.steps
        assert len(steps) == problem.reference.text.count("Let's calculate") + 2
        for step in steps[1:]:
            sides = [side for side in step.text.removesuffix(".").split(" = ") if not re.search("[A-Za-z]", side)]
            assert {evaluate(parse(side)) for side in sides} == {int(sides[-1])}
        assert steps[-1].text.endswith(f"= {problem.answer}.")
        assert final.text == f"(Final response) So the answer is {problem.answer}."
        assert int(problem.answer) == evaluate(parse(problem.question.removesuffix("=")))


def test_cells_are_the_papers():
    problems = task().load("test").problems
    assert Counter(p.difficulty for p in problems) == dict.fromkeys(
        ["l3-4d2", "l3-4d22", "l3-4d222", "l5-6d2", "l5-6d22", "l5-6d222"], 20
    )
    assert {p.difficulty for p in problems if p.bin == "seen"} == {"l3-4d2", "l3-4d22"}
    for problem in problems:
        groups = re.findall(r"\(([^()]*)\)", problem.question)
        assert len(groups) == 2 ** len(problem.meta["depth_levels"])
        assert {len(re.split(r" [-+*] ", group)) for group in groups} == {problem.meta["length"]}
        assert all(-9 <= int(number) <= 9 for group in groups for number in re.split(r" [-+*] ", group))


def test_options_set_cells_operands_and_operators():
    easy = task(
        train_lengths=[2],
        train_depths=[[2]],
        test_lengths=[2, 3],
        test_depths=[[2], [3]],
        max_operand=4,
        operators=["+"],
    )
    problems = easy.load("test").problems
    assert {p.difficulty: p.bin for p in problems} == {
        "l2d2": "seen",
        "l2d3": "unseen",
        "l3d2": "unseen",
        "l3d3": "unseen",
    }
    assert not re.search(r" [-*] |[5-9]", " ".join(p.question for p in problems))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_operand": 0}, "max_operand"),
        ({"train_lengths": [1]}, "train_lengths"),
        ({"train_depths": []}, "train_depths"),
        ({"operators": ["/"]}, "operators"),
        ({"test_depths": [[3, 3, 3]]}, "over 26 groups"),
    ],
)
def test_bad_options_are_named(options, complaint):
    with pytest.raises(ParamsError, match=complaint):
        task(**options)


@pytest.mark.parametrize("question", ["1 + 2 =", "((1 + 2) - (3 ** 2))", "((1 + 2) = (3))", "((A + 1) * (2 + 2))", ""])
def test_text_that_is_no_problem_is_refused(question):
    with pytest.raises(ValueError, match=r"brackets|expression|number"):
        solve(question)


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("(Final response) So the answer is 1234.", True, True),
        ("(Final response) So the answer is 1234.0.", True, True),
        ("(Final response) So the answer is 1234", False, True),
        ("(Final response) So the answer is: 1,234.", False, True),
        ("The Answer is 1200 + 34 = 1234.\nDone", False, True),
        ("(Final response) So the answer is -1234.", False, False),
        ("So the answer is 1234. So the answer is 1234.", False, True),
        ("So the answer is 1234.\nSo the answer is 7.", False, False),
        ("(5) = 1234.", False, False),
        ("(Final response) So the answer is " + "9" * 6000 + ".", False, False),
        ("1234", True, True),
        ("\n 1,234.\n", True, True),
        ("Answer: 1234", True, True),
        ("-1234", False, False),
        ("1200 + 34 = 1234", False, False),
        ("It was about 1234 steps", False, False),
        ("(1) 1234", False, False),
        ("1234\n1234", False, False),
        ("9" * 6000, False, False),
    ],
)
def test_strict_and_robust_reading(text, strict, robust):
    [verdict] = task().check(problem(), [text])
    assert (verdict.strict_correct, verdict.correct) == (strict, robust)


def test_a_negative_answer_needs_its_sign():
    verdicts = task().check(problem("-5"), ["So the answer is -5.", "So the answer is −5", "So the answer is 5."])
    assert [v.correct for v in verdicts] == [True, True, False]
    alone = task().check(problem("-5"), ["-5", "−5", "5"])
    assert [(v.strict_correct, v.correct) for v in alone] == [(True, True), (True, True), (False, False)]
