"""What each role reads, and what is counted, over backends that say what they are told."""

from __future__ import annotations

import threading

import pytest

from stepwise.generation.base import Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.rationalyst.inference import verifier
from stepwise.methods.rationalyst.inference.build import Assembled
from stepwise.methods.rationalyst.inference.compare import compare, tabulate
from stepwise.methods.rationalyst.inference.metered_backend import Metered, Usage
from stepwise.methods.rationalyst.inference.roles import Roles, solved
from stepwise.methods.rationalyst.inference.state import Attempt, Candidate, Choice, Note
from stepwise.methods.rationalyst.rendering import Query
from stepwise.params import RationalystSupervisionParams, TaskParams
from stepwise.records import Problem, Solution
from stepwise.tasks.registry import get_task

TASK = get_task("word_problems_text", TaskParams(form="n_cot", train=4, dev=2, test=4), seed=1)
PARAMS = RationalystSupervisionParams(
    choosers=("greedy", "random", "self_consistency", "likelihood", "verifier", "explicit", "implicit"), steps=4
)
ASKED = "Question:\nHow many?\nAnswer reasoning:\n"
PROBLEM = Problem(id="p", task="word_problems_text", split="test", question="How many?", answer="5")


class Writer:
    """Stands for RATIONALYST."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, texts):
        self.texts += texts
        return [Note("add", (-0.5,)) for _ in texts]


def lengths(prompts):
    return [len("".join(prompt)) for prompt in prompts]


def agent(prompt: str, sample: int) -> str:
    if "2 + 3 = 5\n" in prompt or "[add]" in prompt:
        return "Therefore, the answer is: 5"
    return ("1 + 1 = 2\nand so on", "2 + 3 = 5\nand so on")[sample % 2]


def roles(score=None, grades: str = "no grade") -> Roles:
    return Roles(
        task=TASK,
        params=PARAMS,
        agent=Metered(ScriptedBackend(agent), lengths),
        rationalyst=Writer(),  # type: ignore[arg-type]
        scorer=Metered(ScriptedBackend({}, score), lengths),
        verifier=Metered(ScriptedBackend(lambda *_: grades), lengths),
    )


def test_the_agent_reads_its_examples_and_the_others_only_question_and_steps():
    shown = PROBLEM.model_copy(update={"reference": Solution(text="2 + 3 = 5\nTherefore, the answer is: 5")})
    asked = roles()
    asked.shots = lambda _: solved(TASK, [shown])
    attempt = Attempt(PROBLEM, ("1 + 1 = 2",))
    asked.propose([attempt], 2, sampled=True)
    examples = ASKED + "2 + 3 = 5\nTherefore, the answer is: 5\n\n"
    assert asked.agent.inner.asked == [examples + ASKED + "1 + 1 = 2\n"]  # type: ignore[attr-defined]
    asked.notes([attempt])
    assert asked.rationalyst.texts == [ASKED + "1 + 1 = 2\n"]  # type: ignore[attr-defined]


def test_the_scorer_reads_the_note_in_the_filters_form():
    seen = []
    asked = roles(lambda prefix, text: seen.append(prefix + "|" + text) or [-1.0])
    proposals = (Candidate("a"), Candidate("b"))
    asked.likelihoods([Choice(Attempt(PROBLEM, ("s",)), proposals, "add")])
    assert seen == [ASKED + "s [add]\n|a", ASKED + "s [add]\n|b"]


def test_an_explicit_note_stands_before_the_agents_next_step():
    asked = roles()
    asked.propose([Attempt(PROBLEM, note="add")], 1, sampled=True)
    assert asked.agent.inner.asked == ["Question:\nHow many?\nAnswer reasoning: [add]\n"]  # type: ignore[attr-defined]


def test_servers_are_asked_at_the_same_time():
    asked = roles()
    asked.at_the_same_time = True
    meet = threading.Barrier(2, timeout=5)
    assert asked.at_once(lambda: meet.wait() >= 0, lambda: meet.wait() >= 0) == (True, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("2", 2), ("Grade: 3.", 3), ("I say 0/3", 0), ("4", None), ("13", None), ("2.5", None), ("good", None)],
)
def test_a_grade_is_the_first_lone_number_of_the_scale(answer, expected):
    assert verifier.grade(answer) == expected


def test_the_ways_are_compared_on_the_same_problems_with_their_costs():
    problems = [PROBLEM.model_copy(update={"id": f"p{i}"}) for i in range(4)]
    asked = roles(lambda _, text: [-1.0 if "3" in text else -2.0])
    meters = {"agent": asked.agent, "scorer": asked.scorer, "verifier": asked.verifier}
    outcomes = compare(Assembled(asked, meters), TASK, problems, PARAMS, seed=1)  # type: ignore[arg-type]
    rows = {row["chooser"]: row for row in tabulate(outcomes, seed=1)}
    assert list(rows) == list(PARAMS.choosers)
    assert rows["likelihood"]["accuracy"] == 1.0
    assert rows["greedy"]["accuracy"] == 0.0
    assert rows["greedy"]["stuck"] == 1.0
    assert rows["likelihood"]["over_greedy"] == 1.0
    assert rows["likelihood"]["stuck"] == 0.0
    assert rows["likelihood"]["calls"] == 3.0  # two steps proposed, one choice scored
    assert rows["verifier"]["ungraded"] == 1.0
    assert "ungraded" not in rows["likelihood"]
    assert rows["explicit"]["accuracy"] == 1.0


def test_what_was_asked_before_is_counted_but_not_made_again():
    inner = ScriptedBackend(lambda prompt, sample: prompt[-1] * (sample + 1), lambda _, text: [-1.0] * len(text))
    meter = Metered(inner, lengths)
    sampling = Sampling(n=2)
    first = meter.generate([("ab",), ("cd",)], sampling)
    assert meter.generate([("cd",), ("ef",)], sampling)[0] == first[1]
    assert inner.asked == ["ab", "cd", "ef"]
    assert meter.usage == Usage(calls=4, read=8, written=4 * 3)
    meter.score(("ab",), ["xyz", "q"])
    assert meter.score(("ab",), ["q"]) == [(-1.0,)]
    assert meter.usage == Usage(calls=6, read=8 + 2 + 4 + 2 + 1, written=12)


def test_queries_stay_apart():
    assert Query("<", ">").prompt("a") == ("<", "a", ">")
