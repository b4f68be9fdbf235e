"""Questions of synthetic reasoning: a few rules about attributes, a fact, and what follows from them in one step.

`If a poppy is big or fast, then the poppy is weak. ... Fact: The poppy is huge and old.` The draws are those of HELM's
scenario `synthetic_reasoning_natural`, in the same order: with the same seed come the same problems.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from stepwise.tasks.generated.rule_lexicon import ATTRIBUTES, CLASSES, SUBJECTS, WORDS

Level = Literal["easy", "medium", "hard"]
"""easy: rules about the subject itself; medium: or about its class; hard: and facts use synonyms."""

RULES = 5
"""Rules per question."""
_KEEP = 0.1
"""Probability that a fact from which nothing follows is kept."""

_RULE = re.compile(r"If (?:an? )?(\w+) is (\w+)(?: (and|or) (\w+))?, then (?:the )?(\w+) is (\w+)\.")
_QUESTION = re.compile(
    r"(?P<rules>If .*\.) Fact: (?:The )?(?P<subject>\w+) is (?P<first>\w+) and (?P<second>\w+)\.\n.*"
)


class QuestionError(ValueError):
    """Text that is no question of this task."""


@dataclass(frozen=True)
class Rule:
    """If the subject has the attributes, or one of them, then it has the consequent as well."""

    subject: str
    """The question's subject, or its class."""
    condition: tuple[str, ...]
    """One or two attributes."""
    operator: str
    """How two attributes are joined, `and` or `or`; empty if there is only one."""
    consequent: str

    @property
    def text(self) -> str:
        """The rule as a sentence."""
        condition = f" {self.operator} ".join(self.condition)
        return f"If {_indefinite(self.subject)} is {condition}, then {definite(self.subject)} is {self.consequent}."


@dataclass(frozen=True)
class Question:
    """Rules, and a fact about a subject."""

    subject: str
    rules: tuple[Rule, ...]
    words: tuple[str, str]
    """The fact's attributes in its own words."""

    @property
    def category(self) -> str:
        """The subject's class."""
        return CLASSES[self.subject]

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The fact's attributes, each with the word that the fact uses for it."""
        return {ATTRIBUTES[word]: word for word in self.words}

    def satisfied(self, rule: Rule) -> tuple[str, ...]:
        """The attributes of a rule's condition that the fact states."""
        return tuple(attribute for attribute in rule.condition if attribute in self.attributes)

    def fires(self, rule: Rule) -> bool:
        """Whether a rule's condition holds and its consequent is news."""
        if rule.consequent in self.attributes:
            return False
        satisfied = self.satisfied(rule)
        return len(satisfied) == len(rule.condition) if rule.operator == "and" else bool(satisfied)

    @cached_property
    def fired(self) -> tuple[Rule, ...]:
        """The rules that fire, in order; there are at most two."""
        return tuple(rule for rule in self.rules if self.fires(rule))

    @property
    def fact(self) -> str:
        """The fact as a sentence."""
        return f"{sentence_case(definite(self.subject))} is {' and '.join(self.words)}."

    @property
    def request(self) -> str:
        """The line that asks for the conclusion."""
        return f"The following can be determined about {definite(self.subject)}:"

    @property
    def text(self) -> str:
        """The rules and the fact on one line, and the request on the next."""
        return f"{' '.join(rule.text for rule in self.rules)} Fact: {self.fact}\n{self.request}"


def draw_question(level: Level, generator: random.Random) -> Question:
    """The next question of a generator."""
    category = generator.choice(list(SUBJECTS))
    subject = generator.choice(SUBJECTS[category])
    rules = _draw_rules(category, subject, level, generator)
    while True:
        attributes = generator.sample(list(WORDS), 2)
        synonyms = [generator.choice(WORDS[attribute]) for attribute in attributes]  # drawn on every level
        first, second = synonyms if level == "hard" else attributes
        question = Question(subject, rules, (first, second))
        if question.fired or generator.random() <= _KEEP:
            return question


def _draw_rules(category: str, subject: str, level: Level, generator: random.Random) -> tuple[Rule, ...]:
    attributes = list(WORDS)
    generator.shuffle(attributes)
    rules: list[Rule] = []
    while len(rules) < RULES:
        about = subject if level == "easy" else generator.choice([category, subject])
        size = generator.randint(2, 3)
        *condition, consequent = attributes[:size]
        attributes = attributes[size:]
        operator = generator.choice(["and", "or"])  # drawn for a single attribute, too
        rules.append(Rule(about, tuple(condition), operator if len(condition) == 2 else "", consequent))
    return tuple(rules)


def read_question(text: str) -> Question:
    """The question of a text. Raises QuestionError if there is anything in it that no question of this task has."""
    match = _QUESTION.fullmatch(text)
    rules = _RULE.findall(match["rules"]) if match else []
    if match is None or match["subject"] not in CLASSES or {match["first"], match["second"]} - set(ATTRIBUTES):
        raise QuestionError(f"{text!r} does not end with a fact about one of the known subjects")
    question = Question(
        subject=match["subject"],
        rules=tuple(
            Rule(subject, (first, second) if second else (first,), operator, consequent)
            for subject, first, operator, second, _, consequent in rules
        ),
        words=(match["first"], match["second"]),
    )
    if question.text != text:
        raise QuestionError(f"{text!r} is not a question of this task; {question.text!r} would be")
    return question


def definite(subject: str) -> str:
    """`the poppy`, `Dan`: names and the word `person` go without an article."""
    return subject if "person" in (subject, CLASSES.get(subject)) else f"the {subject}"


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _indefinite(subject: str) -> str:
    if "person" in (subject, CLASSES.get(subject)):
        return subject
    return f"{'an' if subject[0] in 'aeiou' else 'a'} {subject}"
