"""Wrong solutions of synthetic reasoning, each with exactly one fault of a known kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from stepwise.methods.refiner.domains.reasoning_faults import half_satisfied, misread, misread_rule
from stepwise.tasks.formats.numbered_inference import solution
from stepwise.tasks.generated.rule_inference import NO_CONCLUSION, NOTHING, conclusion, explanation, knowledge, links
from stepwise.tasks.generated.rule_lexicon import ATTRIBUTES, SUBJECTS, WORDS
from stepwise.tasks.generated.rule_questions import Question, definite, sentence_case

Steps = list[str]


def perturbed(question: Question, kind: str, rng: random.Random) -> str | None:
    """The text of a wrong solution whose only fault is of `kind`, or None if the question has none.

    Raises KeyError if there is no such kind.
    """
    if kind == "unreadable":
        return _unreadable(question, rng)
    steps = _EDITS[kind](question, rng)
    if not steps:
        return None
    end = explanation(question)[-1] if kind == "unfinished" else steps[-1]
    return solution(steps, _answer(question, end)).text


def _answer(question: Question, end: str) -> str:
    """The answer of a last step."""
    if end == NO_CONCLUSION:
        return NOTHING
    return f"{sentence_case(definite(question.subject))} is {end.partition(' is ')[2]}"


def _without_knowledge(question: Question, rng: random.Random) -> Steps:
    return _without([step for rule in question.fired for step in knowledge(question, rule)], question, rng)


def _without_link(question: Question, rng: random.Random) -> Steps:
    return _without([step for rule in question.fired for step in links(question, rule)], question, rng)


def _without(candidates: Sequence[str], question: Question, rng: random.Random) -> Steps:
    if not candidates:
        return []
    left_out = rng.choice(candidates)
    return [step for step in explanation(question) if step != left_out]


def _misread(question: Question, rng: random.Random) -> Steps:
    """An explanation that takes one operator for the other."""
    rules = half_satisfied(question)
    return explanation(question, misread(question, rng.choice(rules))) if rules else []


def _with_false_step(question: Question, rng: random.Random) -> Steps:
    """A step that is not true, in place of a gold one or in addition."""
    *body, end = explanation(question)
    place = rng.randint(0, len(body))
    if place == len(body) or rng.random() < 0.2:
        return [*body[:place], _false(question, f"{question.subject} is {question.words[0]}", rng), *body[place:], end]
    return [*body[:place], _false(question, body[place], rng), *body[place + 1 :], end]


def _false(question: Question, step: str, rng: random.Random) -> str:
    """A false step of the same sort: a wrong attribute of a word or of the subject, or a wrong class."""
    subject, _, predicate = step.partition(" is ")
    if predicate in SUBJECTS:
        return f"{subject} is {rng.choice([name for name in SUBJECTS if name != predicate])}"
    true = {ATTRIBUTES.get(subject), *question.attributes, *(rule.consequent for rule in question.fired)}
    return f"{subject} is {rng.choice([attribute for attribute in WORDS if attribute not in true])}"


def _with_other_conclusion(question: Question, rng: random.Random) -> Steps:
    """The conclusion of other rules, of one too few or too many, or none; never one that an operator explains."""
    *body, _ = explanation(question)
    fired = question.fired
    idle = [rule for rule in question.rules if rule not in fired and rule.consequent not in question.attributes]
    choices = [[rule] for rule in idle] + [[*fired, rule] for rule in idle if len(fired) == 1]
    if len(fired) == 2:
        choices += [[rule] for rule in fired]
    ends = [conclusion(question, sorted(rules, key=question.rules.index)) for rules in choices]
    attempts = [[*body, end] for end in ends] + ([[NO_CONCLUSION]] if fired else [])
    attempts = [steps for steps in attempts if misread_rule(question, steps[-1]) is None]
    return rng.choice(attempts) if attempts else []


def _without_conclusion(question: Question, rng: random.Random) -> Steps:  # noqa: ARG001 - there is only one
    return explanation(question)[:-1]


def _with_needless_step(question: Question, rng: random.Random) -> Steps:
    """A true step that the conclusion does not rest on, or one that was already made."""
    *body, end = explanation(question)
    true = [f"{question.subject} is {question.category}"]
    for attribute, word in question.attributes.items():
        true += [f"{question.subject} is {attribute}"] + ([f"{word} is {attribute}"] if word != attribute else [])
    step = rng.choice([*true, *body])
    place = rng.randint(body.index(step) + 1 if step in body else 0, len(body))
    return [*body[:place], step, *body[place:], end]


def _unreadable(question: Question, rng: random.Random) -> str:
    """A solution whose steps have lost a number, or are left out."""
    steps = explanation(question)
    whole = solution(steps, _answer(question, steps[-1]))
    lost = rng.randrange(max(len(steps) - 1, 1))
    return rng.choice([whole.text.replace(f"#{lost}: ", "", 1), str(whole.answer)])


_EDITS: dict[str, Callable[[Question, random.Random], Steps]] = {
    "knowledge": _without_knowledge,
    "link": _without_link,
    "operator": _misread,
    "invalid": _with_false_step,
    "conclusion": _with_other_conclusion,
    "unfinished": _without_conclusion,
    "extra": _with_needless_step,
}
