"""A generator and a critic, played by scripts: what each is asked, when they stop, and which attempt is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from stepwise.generation.base import Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.interaction import Speaker, interact
from stepwise.methods.refiner.dialogue import (
    CRITIC,
    GENERATOR,
    Attempt,
    Conversation,
    Examples,
    Refinement,
    best,
    oracle,
)
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.feedback import NO_FAULT
from stepwise.methods.refiner.texts import FEEDBACK_STOP
from stepwise.params import TaskParams
from stepwise.records import Problem
from stepwise.tasks.formats import formula_format
from stepwise.tasks.registry import get_task

TASK = get_task("word_problems_formula", TaskParams(form="formula", max_new_tokens=48), seed=1)
DOMAIN = domain_of("word_problems_formula")
QUESTION = "Ben has 12 apples. Anna gives Ben 5 apples. How many apples does Ben have now?"
GOLD, WRONG, WORSE = "add(n0,n1)", "subtract(n0,n1)", "multiply(n1,n1)"
OPERATOR, NUMBER = "The operator in #0 is incorrect.", "The first number in #0 is incorrect."
PROBLEM = Problem(
    id="p1", task="word_problems_formula", split="test", question=QUESTION, answer="17",
    reference=formula_format.solution(GOLD, "17"),
)  # fmt: skip
ASK = "".join(TASK.prompt(PROBLEM))


def revise(attempt: str, feedback: str) -> str:
    return f"{ASK}{attempt}\nFeedback: {feedback}\nFormula:\n"


def criticise(attempt: str) -> str:
    return f"{ASK}{attempt}\nFeedback:\n"


def converse(
    generator: Mapping[str, str], critic: Mapping[str, str] | None = None, **changes: object
) -> tuple[Conversation, ScriptedBackend, ScriptedBackend]:
    writer, reader = ScriptedBackend(generator), ScriptedBackend(critic or {})
    settings = {
        "task": TASK,
        "updates": 3,
        "attempt_tokens": 48,
        "feedback_tokens": 50,
        "judged": DOMAIN.judged,
    } | changes
    speakers = {
        GENERATOR: Speaker(writer, Sampling(stop=TASK.stop)),
        CRITIC: Speaker(reader, Sampling(stop=FEEDBACK_STOP)),
    }
    (talk,) = interact([PROBLEM], Refinement(**settings), speakers)  # type: ignore[arg-type]
    return talk, writer, reader


def test_the_generator_revises_until_the_critic_finds_nothing_wrong() -> None:
    talk, writer, reader = converse(
        {ASK: WORSE, revise(WORSE, NUMBER): WRONG, revise(WRONG, OPERATOR): GOLD},
        {criticise(WORSE): NUMBER, criticise(WRONG): OPERATOR, criticise(GOLD): NO_FAULT},
    )
    assert [(attempt.text, attempt.feedback) for attempt in talk.attempts] == [
        (WORSE, NUMBER), (WRONG, OPERATOR), (GOLD, NO_FAULT),
    ]  # fmt: skip
    assert writer.prompts == [ASK, revise(WORSE, NUMBER), revise(WRONG, OPERATOR)]
    assert reader.prompts == [criticise(WORSE), criticise(WRONG), criticise(GOLD)]
    assert talk.transcript == (
        f"{WORSE}\nFeedback: {NUMBER}\n{WRONG}\nFeedback: {OPERATOR}\n{GOLD}\nFeedback: {NO_FAULT}"
    )


def test_the_critic_reads_only_what_it_judges() -> None:
    talk, _, _ = converse(
        {ASK: f"{GOLD} | 17"}, {criticise(GOLD): NO_FAULT}, judged=lambda text: text.partition(" | ")[0]
    )
    assert talk.attempts == (Attempt(f"{GOLD} | 17", NO_FAULT),)


def test_every_token_counts() -> None:
    """A scripted backend's tokens are characters."""
    talk, _, _ = converse({ASK: GOLD}, {criticise(GOLD): NO_FAULT})
    assert talk.tokens == len(GOLD) + len(NO_FAULT)


def test_a_content_critic_ends_it_whether_or_not_it_is_right() -> None:
    talk, writer, _ = converse({ASK: WRONG}, {criticise(WRONG): f"{NO_FAULT}\nThe operator"})
    assert talk.attempts == (Attempt(WRONG, NO_FAULT),)
    assert writer.calls == 1


@pytest.mark.parametrize("updates", [0, 1, 2])
def test_there_are_never_more_revisions_than_allowed_and_nobody_judges_the_last(updates: int) -> None:
    chain = ["divide(n0,n1)", WORSE, WRONG, GOLD]
    talk, writer, reader = converse(
        {ASK: chain[0], **{revise(old, OPERATOR): new for old, new in pairwise(chain)}},
        {criticise(text): OPERATOR for text in chain},
        updates=updates,
    )
    assert [attempt.text for attempt in talk.attempts] == chain[: updates + 1]
    assert talk.attempts[-1].feedback is None
    assert (writer.calls, reader.calls) == (updates + 1, updates)


def test_a_choice_among_attempts_needs_feedback_on_the_last_too() -> None:
    talk, _, reader = converse(
        {ASK: WRONG, revise(WRONG, OPERATOR): WORSE},
        {criticise(WRONG): OPERATOR, criticise(WORSE): f"{OPERATOR} {NUMBER}"},
        updates=1,
        comment_on_last=True,
    )
    assert reader.calls == 2
    assert best(talk, DOMAIN.templates).text == WRONG


def test_without_revisions_there_is_nothing_to_choose_from() -> None:
    _, _, reader = converse({ASK: WRONG}, updates=0, comment_on_last=True)
    assert reader.calls == 0


def test_a_repeated_attempt_ends_it_only_once_its_feedback_is_repeated() -> None:
    """Feedback may change where the attempt does not: a noisy oracle says something else every time."""
    remarks = iter([NUMBER, OPERATOR, OPERATOR, NO_FAULT])
    talk, writer, _ = converse(
        {ASK: WRONG, revise(WRONG, NUMBER): WRONG, revise(WRONG, OPERATOR): WRONG},
        updates=9,
        comment=lambda problem, text, number: next(remarks),
    )
    assert [attempt.feedback for attempt in talk.attempts] == [NUMBER, OPERATOR, OPERATOR]
    assert talk.stalled
    assert writer.calls == 3


def test_the_oracle_reads_the_gold_and_asks_nobody() -> None:
    talk, writer, reader = converse({ASK: WRONG, revise(WRONG, OPERATOR): "add(n1,n0)"}, comment=oracle(DOMAIN))
    assert [attempt.feedback for attempt in talk.attempts] == [OPERATOR, NO_FAULT]
    assert (writer.calls, reader.calls) == (2, 0)


def test_a_noisy_oracle_is_wrong_as_often_as_it_should_be_and_repeatable() -> None:
    problems = [PROBLEM.model_copy(update={"id": f"p{number}"}) for number in range(400)]
    comment = oracle(DOMAIN, noise=0.25, seed=3)
    remarks = [comment(problem, WRONG, 1) for problem in problems]
    assert remarks == [oracle(DOMAIN, noise=0.25, seed=3)(problem, WRONG, 1) for problem in problems]
    assert remarks != [comment(problem, WRONG, 2) for problem in problems]
    wrong = sum(remark != OPERATOR for remark in remarks) / len(remarks)
    assert wrong == pytest.approx(0.25, abs=0.07)
    assert all(DOMAIN.templates.parse(remark) for remark in remarks)


def attempts(*pairs: tuple[str, str | None]) -> Conversation:
    return Conversation(PROBLEM, tuple(Attempt(text, feedback) for text, feedback in pairs))


@pytest.mark.parametrize(
    ("talk", "answer"),
    [
        (attempts(("a", OPERATOR), ("b", f"{OPERATOR} {NUMBER}")), "a"),
        (attempts(("a", OPERATOR), ("b", NUMBER)), "b"),
        (attempts(("a", "Hm, no."), ("b", f"{OPERATOR} {NUMBER}"), ("c", None)), "b"),
        (attempts(("a", None)), "a"),
        (attempts(("a", OPERATOR), ("b", NO_FAULT)), "b"),
    ],
)
def test_the_best_attempt_has_the_fewest_faults_and_is_the_latest_of_these(talk: Conversation, answer: str) -> None:
    assert best(talk, DOMAIN.templates).text == answer


def test_solved_examples_stand_before_the_generators_prompts_only() -> None:
    shots = Examples(("Solved.\n\n",), ("Put right.\n\n",))
    talk, _, reader = converse(
        {f"Solved.\n\n{ASK}": WRONG, f"Put right.\n\n{revise(WRONG, OPERATOR)}": GOLD},
        {criticise(WRONG): OPERATOR, criticise(GOLD): NO_FAULT},
        examples=shots,
    )
    assert talk.attempts[-1].text == GOLD
    assert reader.prompts[0] == criticise(WRONG)


def test_conversations_end_each_at_its_own_pace_and_share_passes(tmp_path: Path) -> None:
    other = PROBLEM.model_copy(update={"id": "p2", "question": QUESTION.replace("12", "9")})
    ask = "".join(TASK.prompt(other))
    writer = ScriptedBackend({ASK: GOLD, ask: WRONG, f"{ask}{WRONG}\nFeedback: {OPERATOR}\nFormula:\n": GOLD})
    dialogue = Refinement(
        task=TASK, updates=1, attempt_tokens=48, feedback_tokens=50, judged=DOMAIN.judged, comment=oracle(DOMAIN)
    )
    talks = interact([PROBLEM, other], dialogue, {GENERATOR: Speaker(writer, Sampling())}, journal=tmp_path)
    assert [len(talk.attempts) for talk in talks] == [1, 2]
    assert writer.calls == 2


def test_a_record_has_the_turns_with_their_feedback() -> None:
    record = attempts((WRONG, OPERATOR), (GOLD, None)).to_record(TASK)
    assert [turn.solution.text for turn in record.turns] == [WRONG, GOLD]
    assert [turn.feedback and turn.feedback.text for turn in record.turns] == [OPERATOR, None]
