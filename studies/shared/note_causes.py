"""Why notes were rejected, decided by explicit rules and without a model.

The first rule that holds names the cause: the filter's own reasons come first, then what a reader would object to. A
note to which no rule applies is about the right thing, but misleads.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from stepwise.methods.rationalyst.filtering import numbers, runs
from stepwise.records import Document, JudgedRationale
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER

RUN = 5
"""So many words in a row are no coincidence."""
CAUSES = {
    "states the answer": "the filter's reason `answer`: the gold answer is in the note",
    "states a new number": "the filter's reason `numbers`: a number of what follows that the text before does not have",
    "copies what follows": "the filter's reason `copied`: a run of words of what follows",
    "goes on at the end": "only the answer line follows, and the note asks for another step",
    "repeats the text": f"{RUN} words in a row of the text before it",
    "repeats an example": f"{RUN} words in a row of a note in the prompt's examples",
    "repeats a note": "the very words of an earlier note of the document",
    "about something else": "no content word of it is in what follows",
    "helps too little": "the gain is positive and below the source's threshold",
    "misleads": "about what follows, and makes it less likely",
}
_CONTENT = re.compile(r"[a-z]{4,}")
_WORDS_OF_NOTES = """also because been each find first from have know known must need needs next other same should some
such than that their them then there these they this those total what when where which will with would your"""
_COMMON = frozenset(_WORDS_OF_NOTES.split())


def content_words(text: str) -> set[str]:
    """Words of four or more letters, without those that any note may use and without a plural's s."""
    return {word.removesuffix("s") for word in _CONTENT.findall(text.lower()) if word not in _COMMON}


def share(note: str, text: str) -> float | None:
    """Share of a note's content words and numbers that occur in a text; None for a note without any."""
    in_note: set[str | float] = {*content_words(note), *numbers(note)}
    in_text: set[str | float] = {*content_words(text), *numbers(text)}
    return len(in_note & in_text) / len(in_note) if in_note else None


def cause(document: Document, judged: JudgedRationale, examples: Collection[str], earlier: Collection[str]) -> str:
    """The first of CAUSES that applies to a rejected note.

    Args:
        document: the document with the note.
        judged: the note.
        examples: the notes shown in the mining prompt.
        earlier: texts of the document's earlier notes.
    """
    note = judged.rationale
    before, following = document.text[: note.position], document.text[note.position : note.end]
    runs_of_note = runs(note.text, RUN)
    applies = {
        "states the answer": "answer" in judged.reasons,
        "states a new number": "numbers" in judged.reasons,
        "copies what follows": "copied" in judged.reasons,
        "goes on at the end": following.strip().startswith(ANSWER_TRIGGER.strip()),
        "repeats the text": bool(runs_of_note & runs(before, RUN)),
        "repeats an example": any(runs_of_note & runs(example, RUN) for example in examples),
        "repeats a note": note.text in earlier,
        "about something else": not content_words(note.text) & content_words(following),
        "helps too little": judged.gain > 0,
    }
    return next((name for name, true in applies.items() if true), "misleads")
