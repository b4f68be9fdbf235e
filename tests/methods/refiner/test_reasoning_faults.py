"""Feedback on reasoning steps: solutions judged by hand, and wrong ones of every kind for generated questions."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from stepwise.methods.refiner.domains.base import DomainError
from stepwise.methods.refiner.domains.reasoning import ReasoningDomain
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.feedback import NO_FAULT, Fault
from stepwise.params import TaskParams
from stepwise.records import Problem
from stepwise.tasks.formats.numbered_inference import read_steps, solution
from stepwise.tasks.generated.rule_inference import answer, explanation
from stepwise.tasks.generated.rule_questions import Question, Rule
from stepwise.tasks.synthetic_reasoning import SyntheticReasoning

DOMAIN = ReasoningDomain()
KINDS = tuple(DOMAIN.templates.sentences)


def problem(*rules, subject="Dan", words=("tiny", "cool"), **changes):
    question = Question(subject, tuple(Rule(*rule) for rule in rules), words)
    reference = solution(explanation(question), answer(question))
    fields = {"question": question.text, "answer": answer(question), "reference": reference, **changes}
    return Problem(id="p", task="synthetic_reasoning", split="train", **fields)


def generated(level, count=150):
    options = {"level": level}
    params = TaskParams(form="scripted", train=count, dev=1, test=1, options=options)
    return SyntheticReasoning(params, seed=11).load("train").problems


SMALL = ("person", ("purple", "small"), "or", "beautiful")
COLD = ("Dan", ("bad", "cold"), "and", "soft")
HOT = ("Dan", ("scary",), "", "hot")
BOTH = ("person", ("small", "cold"), "and", "sad")


def test_the_faults_of_a_solution_with_everything_wrong():
    text = "#0: tiny is big #1: cool is cold #2: Dan is hot | Dan is hot"
    assert DOMAIN.templates.render(DOMAIN.oracle(problem(SMALL, COLD, HOT), text)) == (
        "The implicit knowledge about Dan is missing. The link between the fact and the rules is missing. "
        "Step #0 does not follow. Step #1 is not needed. The conclusion in #2 is incorrect."
    )


@pytest.mark.parametrize(
    ("steps", "feedback"),
    [
        ("#0: tiny is small #1: Dan is person #2: Dan is small #3: Dan is beautiful", NO_FAULT),
        ("#0: Dan is person #1: tiny is small #2: Dan is small #3: Dan is beautiful", NO_FAULT),
        ("#0:  tiny is small #1:Dan is person #2: Dan is small #3: Dan is  beautiful", NO_FAULT),
        ("#0: Dan is person #1: Dan is small #2: Dan is beautiful", "The implicit knowledge about tiny is missing."),
        ("#0: tiny is small #1: Dan is small #2: Dan is beautiful", "The implicit knowledge about Dan is missing."),
        (
            "#0: tiny is small #1: Dan is person #2: Dan is beautiful",
            "The link between the fact and the rules is missing.",
        ),
        ("#0: tiny is small #1: Dan is person #2: Dan is big #3: Dan is beautiful", "Step #2 does not follow."),
        ("#0: tiny is small #1: Dan is plant #2: Dan is small #3: Dan is beautiful", "Step #1 does not follow."),
        ("#0: The argument is invalid!!", "The or operator makes #0 invalid."),
        (
            "#0: tiny is small #1: Dan is person #2: Dan is small #3: Dan is hot",
            "The conclusion in #3 is incorrect.",
        ),
        (
            "#0: tiny is small #1: Dan is person #2: Dan is small #3: cool is cold #4: Dan is beautiful and soft",
            "The and operator makes #4 invalid.",
        ),
        (
            "#0: tiny is small #1: Dan is person #2: Dan is small #3: Dan is beautiful and soft",
            "The and operator makes #3 invalid.",
        ),
        ("#0: tiny is small #1: Dan is person #2: Dan is small", "The conclusion is missing."),
        (
            "#0: tiny is small #1: cool is cold #2: Dan is person #3: Dan is small #4: Dan is beautiful",
            "Step #1 is not needed.",
        ),
        (
            "#0: tiny is small #1: Dan is person #2: Dan is small #3: tiny is small #4: Dan is beautiful",
            "Step #3 is not needed.",
        ),
        ("#0: tiny is small #2: Dan is person #3: Dan is small #4: Dan is beautiful", "The steps cannot be read."),
        ("#0: tiny is small #1: #2: Dan is small", "The steps cannot be read."),
        ("Dan is beautiful", "The steps cannot be read."),
        ("", "The steps cannot be read."),
    ],
)
def test_solutions_judged_by_hand(steps, feedback):
    dan = problem(SMALL, COLD, HOT)
    for text in (steps, f"{steps} | Dan is beautiful", f"{steps} | Nothing\nmore"):
        assert DOMAIN.templates.render(DOMAIN.oracle(dan, text)) == feedback
        assert DOMAIN.equivalent(dan, text) == (feedback == NO_FAULT)


@pytest.mark.parametrize(
    ("rules", "steps", "feedback"),
    [
        ([COLD], "#0: cool is cold #1: Dan is soft", "The and operator makes #1 invalid."),
        ([COLD], "#0: The argument is invalid!!", NO_FAULT),
        ([COLD], "#0: cool is cold #1: The argument is invalid!!", "Step #0 is not needed."),
        ([COLD, HOT], "#0: Dan is hot", "The conclusion in #0 is incorrect."),
        ([HOT, BOTH], "#0: The argument is invalid!!", "The conclusion in #0 is incorrect."),
        (
            [BOTH],
            "#0: tiny is small #1: cool is cold #2: Dan is person #3: Dan is cold #4: Dan is sad",
            "The link between the fact and the rules is missing.",
        ),
    ],
    ids=["and read as or", "nothing", "nothing needs no steps", "no rule at all", "denied", "half of the links"],
)
def test_other_questions_judged_by_hand(rules, steps, feedback):
    assert DOMAIN.templates.render(DOMAIN.oracle(problem(*rules), steps)) == feedback


def test_two_rules_where_the_conclusion_leaves_out_half():
    rules = [("Dan", ("small",), "", "hot"), ("Dan", ("cold", "red"), "or", "sad")]
    both, first, second = (
        "#0: tiny is small #1: cool is cold #2: Dan is " + end for end in ("sad and hot", "hot", "sad")
    )
    dan = problem(*rules)
    assert DOMAIN.oracle(dan, both) == ()
    assert (DOMAIN.equivalent(dan, both), DOMAIN.exact(dan, both)) == (True, False)
    assert DOMAIN.oracle(dan, first) == (Fault("operator", "#2", "or"),)
    assert DOMAIN.oracle(dan, second) == (Fault("conclusion", "#2"),)


def test_exact_steps_stand_after_those_they_rest_on():
    dan = problem(SMALL)
    assert DOMAIN.exact(dan, "#0: Dan is person #1: tiny is small #2: Dan is small #3: Dan is beautiful")
    for steps in (
        "#0: Dan is small #1: tiny is small #2: Dan is person #3: Dan is beautiful",
        "#0: tiny is small #1: Dan is person #2: Dan is beautiful #3: Dan is small",
    ):
        assert DOMAIN.equivalent(dan, steps)
        assert not DOMAIN.exact(dan, steps)


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_every_perturbation_has_exactly_its_fault(level):
    rng, drawn = random.Random(5), Counter()
    for item in generated(level):
        gold = [step.text for step in item.reference.steps]
        for kind in KINDS:
            text = DOMAIN.perturb(item, kind, rng)
            if text is None:
                continue
            drawn[kind] += 1
            faults = DOMAIN.oracle(item, text)
            assert [fault.kind for fault in faults] == [kind], (item.question, text, faults)
            assert DOMAIN.templates.parse(DOMAIN.templates.render(faults)) == set(faults)
            assert not DOMAIN.equivalent(item, text)
            assert not DOMAIN.exact(item, text)
            assert_place(faults[0], gold, [step.text for step in read_steps(text)])
    assert set(drawn) == set(KINDS) - ({"knowledge"} if level == "easy" else set())
    assert min(drawn.values()) >= 30


def assert_place(fault, gold, steps):
    """The fault stands where the perturbed steps first differ from the gold ones, and a conclusion's at the end."""
    if fault.kind in ("operator", "conclusion"):
        assert fault.step == f"#{len(steps) - 1}"
    elif fault.kind in ("invalid", "extra"):
        differs = [place for place, step in enumerate(steps) if gold[place : place + 1] != [step]]
        assert fault.step == f"#{differs[0]}"
    elif fault.kind == "knowledge":
        (left_out,) = set(gold) - set(steps)
        assert left_out.split()[0] == fault.hint


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_gold_steps_have_no_fault_in_any_order(level):
    rng = random.Random(6)
    for item in generated(level, 60):
        assert DOMAIN.oracle(item, item.reference.text) == ()
        assert DOMAIN.exact(item, item.reference.text)
        steps = [step.text for step in item.reference.steps]
        shuffled = solution(rng.sample(steps, len(steps)), item.answer).text
        assert DOMAIN.oracle(item, shuffled) == ()
        assert DOMAIN.equivalent(item, shuffled)


def test_no_text_breaks_the_oracle_and_only_equivalent_text_has_no_fault():
    rng = random.Random(7)
    items = generated("hard", 60)
    pool = [step.text for item in items for step in item.reference.steps] + ["#1:", "|", "is", "Dan is", " and ", ""]
    for item in items:
        own = [step.text for step in item.reference.steps]
        for _ in range(20):
            steps = [rng.choice(own if rng.random() < 0.7 else pool) for _ in range(rng.randint(0, 5))]
            text = solution(steps, item.answer).text
            text = text[rng.choice((0, 0, 0, 1, 4)) :]
            faults = DOMAIN.oracle(item, text)
            assert (faults == ()) == DOMAIN.equivalent(item, text)
            assert DOMAIN.templates.parse(DOMAIN.templates.render(faults)) == set(faults)
            assert len(set(faults)) == len(faults)


def test_perturbations_depend_on_the_seed_alone():
    item = generated("hard", 1)[0]
    texts = [[DOMAIN.perturb(item, "invalid", random.Random(seed)) for seed in range(20)] for _ in range(2)]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 5


def test_a_problem_without_a_sound_reference_is_refused():
    with pytest.raises(DomainError, match="no reference"):
        DOMAIN.oracle(problem(SMALL, reference=None), "")
    with pytest.raises(DomainError, match="no question"):
        DOMAIN.oracle(problem(SMALL, question="Is Dan small?"), "")
    with pytest.raises(DomainError, match="should have the steps tiny is small; Dan is person"):
        DOMAIN.oracle(problem(SMALL, reference=solution(["Dan is red"], "Dan is red")), "")


def test_the_task_has_this_domain():
    assert isinstance(domain_of("synthetic_reasoning"), ReasoningDomain)
