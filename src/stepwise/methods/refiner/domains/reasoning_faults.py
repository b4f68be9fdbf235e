"""The faults of reasoning steps, by comparison with the gold ones as sets.

A wrong conclusion that would be right if one rule's `and` were an `or`, or the other way round, is blamed on that
operator; the steps that belong to such a reading are then neither missing nor superfluous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepwise.methods.refiner.feedback import Fault
from stepwise.tasks.generated.rule_inference import NO_CONCLUSION, conclusion, explanation, knowledge
from stepwise.tasks.generated.rule_lexicon import ATTRIBUTES, CLASSES, SUBJECTS
from stepwise.tasks.generated.rule_questions import Question, Rule


def statement(step: str) -> str:
    """A step with its attributes in alphabetical order: `Dan is hot and sad` for `Dan is sad and hot`."""
    subject, verb, rest = step.partition(" is ")
    return subject + verb + " and ".join(sorted(rest.split(" and ")))


def same_statements(gold: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether both say the same, each statement as often."""
    return sorted(map(statement, gold)) == sorted(map(statement, steps))


def half_satisfied(question: Question) -> list[Rule]:
    """The rules whose operator decides whether they fire: the fact has one of their two attributes."""
    return [
        rule
        for rule in question.rules
        if rule.operator and len(question.satisfied(rule)) == 1 and rule.consequent not in question.attributes
    ]


def misread(question: Question, rule: Rule) -> list[Rule]:
    """The rules that seem to fire for a reader who takes `and` for `or`, or `or` for `and`, in a half-satisfied one."""
    return [other for other in question.rules if (other in question.fired) != (other == rule)]


def misread_rule(question: Question, end: str) -> Rule | None:
    """The rule whose operator explains a wrong conclusion; None if there is none."""
    for rule in half_satisfied(question):
        if statement(conclusion(question, misread(question, rule))) == statement(end):
            return rule
    return None


def holds(question: Question, step: str) -> bool:
    """Whether a step is true: of the words, of the subject's class, of the fact, or by a rule that fires."""
    subject, _, predicate = step.partition(" is ")
    if subject == question.subject:
        known = {*question.attributes, *question.words, *(rule.consequent for rule in question.fired)}
        if known.issuperset(predicate.split(" and ")):
            return True
    true_of_words = subject != predicate and ATTRIBUTES.get(subject) == predicate
    true_of_nothing = step == NO_CONCLUSION and not question.fired
    return true_of_words or true_of_nothing or CLASSES.get(subject) == predicate


@dataclass(frozen=True)
class _Ending:
    """How the last step of an attempt is to be taken."""

    place: int | None
    """Index of the conclusion, right or wrong; None if there is none."""
    fault: Fault | None
    required: tuple[str, ...]
    """Steps that have to stand before it."""
    allowed: tuple[str, ...]
    """Steps that may."""


def faults_of(question: Question, steps: Sequence[str]) -> tuple[Fault, ...]:
    """What is wrong with at least one step: what is missing in the order of the gold steps, then the steps in order."""
    steps = [statement(step) for step in steps]
    ending = _ending(question, steps)
    correct: set[str] = set()
    wrong: list[str] = []
    faults: list[Fault] = []
    for place, step in enumerate(steps):
        if place == ending.place:
            faults += [ending.fault] if ending.fault else []
        elif step in ending.allowed and step not in correct:
            correct.add(step)
        elif step in correct or holds(question, step):
            faults.append(Fault("extra", f"#{place}"))
        else:
            faults.append(Fault("invalid", f"#{place}"))
            wrong.append(step)
    missing = _without_attempted(question, [step for step in ending.required if step not in correct], wrong)
    faults = [*(_missing(question, step) for step in missing), *faults]
    if ending.place is None:
        faults.append(Fault("unfinished"))
    return tuple(dict.fromkeys(faults))


def _ending(question: Question, steps: Sequence[str]) -> _Ending:
    *body, end = map(statement, explanation(question))
    gold = tuple(body)
    if end in steps:
        return _Ending(steps.index(end), None, gold, gold)
    last, place = steps[-1], len(steps) - 1
    if (rule := misread_rule(question, last)) is not None:
        other = tuple(map(statement, explanation(question, misread(question, rule))))[:-1]
        required = tuple(step for step in gold if step in other)
        return _Ending(place, Fault("operator", f"#{place}", rule.operator), required, gold + other)
    if last == NO_CONCLUSION:
        return _Ending(place, Fault("conclusion", f"#{place}"), (), gold)
    if _sort(question, last) in ("synonym", "class") or _repeats_fact(question, last):
        return _Ending(None, None, gold, gold)
    return _Ending(place, Fault("conclusion", f"#{place}"), gold, gold)


def _repeats_fact(question: Question, step: str) -> bool:
    subject, _, predicate = step.partition(" is ")
    return subject == question.subject and {*question.attributes, *question.words}.issuperset(predicate.split(" and "))


def _missing(question: Question, step: str) -> Fault:
    """The fault of a gold step that is not there; the hint is what the missing knowledge is about."""
    if any(step in knowledge(question, rule) for rule in question.rules):
        return Fault("knowledge", hint=step.partition(" is ")[0])
    return Fault("link")


def _without_attempted(question: Question, missing: list[str], wrong: Sequence[str]) -> list[str]:
    """The missing steps without those that a wrong step of the same sort stands for, each for no more than one."""
    for step in wrong:
        alike = (gold for gold in missing if _sort(question, gold) == _sort(question, step) and _about(gold, step))
        if (attempted := next(alike, None)) is not None:
            missing = [gold for gold in missing if gold != attempted]
    return missing


def _about(first: str, second: str) -> bool:
    return first.partition(" is ")[0] == second.partition(" is ")[0]


def _sort(question: Question, step: str) -> str:
    """What a step is meant as, true or not: `synonym`, `class` or `attribute` (of the subject), or neither."""
    subject, _, predicate = step.partition(" is ")
    if subject in ATTRIBUTES:
        return "synonym"
    if predicate in SUBJECTS:
        return "class"
    return "attribute" if subject == question.subject and predicate in ATTRIBUTES else ""
