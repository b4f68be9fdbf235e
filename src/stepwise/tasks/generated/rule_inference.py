"""How the conclusion of a synthetic reasoning question follows from its fact, in steps such as `tiny is small`.

The steps are those of REFINER's annotated problems (arXiv 2304.01904, section 4): knowledge that the question leaves
implicit, links between the fact and the rules that fire, and the conclusion.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.tasks.generated.rule_questions import Question, Rule, definite, sentence_case

NO_CONCLUSION = "The argument is invalid!!"
"""The only step if no rule fires."""
NOTHING = "Nothing"
"""The answer in that case."""


def knowledge(question: Question, rule: Rule) -> list[str]:
    """What the step from the fact to a rule takes for granted: synonyms, and the class of the subject."""
    words = [(question.attributes[attribute], attribute) for attribute in question.satisfied(rule)]
    synonyms = [f"{word} is {attribute}" for word, attribute in words if word != attribute]
    return synonyms + ([f"{question.subject} is {rule.subject}"] if rule.subject != question.subject else [])


def links(question: Question, rule: Rule) -> list[str]:
    """The attributes by which the fact satisfies a rule; one that a synonym has just stated is not repeated."""
    about_class = rule.subject != question.subject
    return [
        f"{question.subject} is {attribute}"
        for attribute in question.satisfied(rule)
        if about_class or question.attributes[attribute] == attribute
    ]


def conclusion(question: Question, rules: Sequence[Rule]) -> str:
    """The last step if these rules fire."""
    if not rules:
        return NO_CONCLUSION
    return f"{question.subject} is {' and '.join(rule.consequent for rule in rules)}"


def explanation(question: Question, rules: Sequence[Rule] | None = None) -> list[str]:
    """All steps, each once; for the rules that fire unless others are given."""
    rules = question.fired if rules is None else rules
    steps = [step for rule in rules for step in (*knowledge(question, rule), *links(question, rule))]
    return list(dict.fromkeys([*steps, conclusion(question, rules)]))


def answer(question: Question, rules: Sequence[Rule] | None = None) -> str:
    """The conclusion as a sentence without its dot, or NOTHING."""
    rules = question.fired if rules is None else rules
    if not rules:
        return NOTHING
    subject = sentence_case(definite(question.subject))
    return f"{subject} is {' and '.join(rule.consequent for rule in rules)}"
