"""Feedback as a list of faults, and its text: templates that are filled in to write feedback and matched to read it.

A fault is the paper's tuple of an error type, an optional position and an optional hint (section 3.1). The text is a
pure function of the faults and can be read back, so a critic is judged on the set of faults it names and not on the
order of its sentences.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from stepwise.errors import StepwiseError

NO_FAULT = "No hint."
"""Feedback on a solution without a fault; it ends the conversation."""
RIGHT = "right"
"""Kind of a solution without a fault, and class of feedback that finds none."""
UNREAD = "unread"
"""Class of text that is no feedback."""
_FIELDS = ("step", "slot", "hint")


class FeedbackError(StepwiseError, ValueError):
    """A fault that no template can express."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with a solution."""

    kind: str
    """Name of the error type, a key of the domain's templates."""
    step: str = ""
    """The step's printed number, such as `#1`; empty if the fault belongs to no step."""
    slot: str = ""
    """The part of the step, such as `first`; empty if the whole step is meant."""
    hint: str = ""
    """What the text adds to help, such as the missing fact; empty if it only says what is wrong."""


class Templates:
    """The sentences of a task's faults: `{"operator": "The operator in {step} is incorrect."}`."""

    def __init__(self, sentences: Mapping[str, str]):
        """Take one sentence for each kind of fault, with any of the fields {step}, {slot} and {hint}, each once."""
        self.sentences = dict(sentences)
        self._patterns = {kind: re.compile(_pattern(sentence)) for kind, sentence in self.sentences.items()}

    def render(self, faults: Iterable[Fault]) -> str:
        """The text of a list of faults, one sentence for each, in order; NO_FAULT if there are none.

        Raises FeedbackError if a fault has an unknown kind, or a field that its sentence does not show.
        """
        return " ".join(map(self._sentence, faults)) or NO_FAULT

    def parse(self, text: str) -> frozenset[Fault] | None:
        """The faults that a text names: empty for NO_FAULT, None if any part of the text is no sentence of this task.

        Never raises on model text.
        """
        rest, faults = text.strip(), set()
        if rest == NO_FAULT:
            return frozenset()
        while rest:
            for kind, pattern in self._patterns.items():
                if match := pattern.match(rest):
                    faults.add(Fault(kind, **match.groupdict()))
                    rest = rest[match.end() :].lstrip()
                    break
            else:
                return None
        return frozenset(faults) or None

    def _sentence(self, fault: Fault) -> str:
        if fault.kind not in self.sentences:
            raise FeedbackError(f"there is no sentence for {fault.kind!r}; known are {', '.join(self.sentences)}")
        sentence = self.sentences[fault.kind]
        for name in _FIELDS:
            value = getattr(fault, name)
            if bool(value) != (f"{{{name}}}" in sentence):
                raise FeedbackError(f"{fault} does not fit the sentence {sentence!r}")
            sentence = sentence.replace(f"{{{name}}}", value)
        return sentence


def feedback_class(faults: Collection[Fault] | None) -> str:
    """The kinds of fault that a feedback names, RIGHT if it names none, UNREAD for None.

    Position and hint are left out. A hint can be words of the gold solution, which a critic cannot know.
    """
    if faults is None:
        return UNREAD
    return " and ".join(sorted({fault.kind for fault in faults})) or RIGHT


def _pattern(sentence: str) -> str:
    pattern = re.escape(sentence)
    for name, form in (("step", r"#\d+"), ("slot", r"\w+"), ("hint", r"[^.!?]+?")):
        pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{form})")
    return pattern
