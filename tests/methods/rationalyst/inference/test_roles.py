"""What each role reads, and what is counted, over scripted backends."""

from __future__ import annotations

import threading

import pytest

from stepwise.generation.base import Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.rationalyst.inference import verifier
from stepwise.methods.rationalyst.inference.build import MeteredRoles
from stepwise.methods.rationalyst.inference.compare import compare, result_rows
from stepwise.methods.rationalyst.inference.metered_backend import MeteredBackend, Usage
from stepwise.methods.rationalyst.inference.roles import Roles, render_examples
from stepwise.methods.rationalyst.inference.state import Candidate, Choice, Note, PartialSolution
from stepwise.methods.rationalyst.rendering import Query
from stepwise.params import TaskParams
from stepwise.params.rationalyst import RationalystSupervisionParams
from stepwise.records import Problem, Solution
from stepwise.tasks.registry import get_task

TASK = get_task("word_problems_text", TaskParams(form="n_cot", train=4, dev=2, test=4), seed=1)
PARAMS = RationalystSupervisionParams(
    choosers=("greedy", "random", "self_consistency", "likelihood", "verifier", "explicit", "implicit"), steps=4
)
QUESTION = "Question:\nHow many?\nAnswer reasoning:\n"
PROBLEM = Problem(id="p", task="word_problems_text", split="test", question="How many?", answer="5")


class ScriptedNoteWriter:
    """Stands in for RATIONALYST: the same note for every text."""

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
        agent=MeteredBackend(ScriptedBackend(agent), lengths),
        note_writer=ScriptedNoteWriter(),  # type: ignore[arg-type]
        scorer=MeteredBackend(ScriptedBackend({}, score), lengths),
        verifier=MeteredBackend(ScriptedBackend(lambda *_: grades), lengths),
    )


def test_the_agent_reads_its_examples_and_the_others_only_question_and_steps():
    example = PROBLEM.model_copy(update={"reference": Solution(text="2 + 3 = 5\nTherefore, the answer is: 5")})
    scripted = roles()
    scripted.shots = lambda _: render_examples(TASK, [example])
    solution = PartialSolution(PROBLEM, ("1 + 1 = 2",))
    scripted.propose([solution], 2, sampled=True)
    examples = QUESTION + "2 + 3 = 5\nTherefore, the answer is: 5\n\n"
    assert scripted.agent.inner.prompts == [examples + QUESTION + "1 + 1 = 2\n"]  # type: ignore[attr-defined]
    scripted.notes([solution])
    assert scripted.note_writer.texts == [QUESTION + "1 + 1 = 2\n"]  # type: ignore[attr-defined]


def test_the_scorer_reads_the_note_in_the_filters_form():
    seen = []
    scripted = roles(lambda prefix, text: seen.append(prefix + "|" + text) or [-1.0])
    proposals = (Candidate("a"), Candidate("b"))
    scripted.likelihoods([Choice(PartialSolution(PROBLEM, ("s",)), proposals, "add")])
    assert seen == [QUESTION + "s [add]\n|a", QUESTION + "s [add]\n|b"]


def test_an_explicit_note_stands_before_the_agents_next_step():
    scripted = roles()
    scripted.propose([PartialSolution(PROBLEM, note="add")], 1, sampled=True)
    assert scripted.agent.inner.prompts == ["Question:\nHow many?\nAnswer reasoning: [add]\n"]  # type: ignore[attr-defined]


def test_servers_work_at_the_same_time():
    scripted = roles()
    scripted.concurrent = True
    meet = threading.Barrier(2, timeout=5)
    assert scripted.run_both(lambda: meet.wait() >= 0, lambda: meet.wait() >= 0) == (True, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("2", 2), ("Grade: 3.", 3), ("I say 0/3", 0), ("4", None), ("13", None), ("2.5", None), ("good", None)],
)
def test_a_grade_is_the_first_lone_number_of_the_scale(answer, expected):
    assert verifier.grade(answer) == expected


def test_choosers_are_compared_on_the_same_problems_with_their_costs():
    problems = [PROBLEM.model_copy(update={"id": f"p{i}"}) for i in range(4)]
    scripted = roles(lambda _, text: [-1.0 if "3" in text else -2.0])
    meters = {"agent": scripted.agent, "scorer": scripted.scorer, "verifier": scripted.verifier}
    results = compare(MeteredRoles(scripted, meters), TASK, problems, PARAMS, seed=1)  # type: ignore[arg-type]
    rows = {row["chooser"]: row for row in result_rows(results, seed=1)}
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


def test_a_repeated_request_is_counted_but_not_computed_again():
    inner = ScriptedBackend(lambda prompt, sample: prompt[-1] * (sample + 1), lambda _, text: [-1.0] * len(text))
    meter = MeteredBackend(inner, lengths)
    sampling = Sampling(n=2)
    first = meter.generate([("ab",), ("cd",)], sampling)
    assert meter.generate([("cd",), ("ef",)], sampling)[0] == first[1]
    assert inner.prompts == ["ab", "cd", "ef"]
    assert meter.usage == Usage(calls=4, read=8, written=4 * 3)
    meter.score(("ab",), ["xyz", "q"])
    assert meter.score(("ab",), ["q"]) == [(-1.0,)]
    assert meter.usage == Usage(calls=6, read=8 + 2 + 4 + 2 + 1, written=12)


def test_queries_stay_apart():
    assert Query("<", ">").prompt("a") == ("<", "a", ">")
