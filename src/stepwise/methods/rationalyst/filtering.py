"""Which notes are kept: those that make what follows likelier without giving it away (arXiv 2410.01044).

The idea: a note r between a text x and its continuation y is a rationale if it helps to predict y. With y_i the tokens
of y, the same in both readings, and gamma the discount,

    gain = sum_i gamma^i (log p(y_i | x, r, y_<i) - log p(y_i | x, y_<i)),        kept iff gain >= tau of its source

The paper uses gamma 0.9, and tau 1.2 for GSM8K, 0.5 for ECQA and 0 for the web corpus.

Where the released code differs: its threshold is 0 everywhere; its span of y is off by the template's tokens, so that
real content starts at weight 0.9^5; and nothing rejects a note that simply states what follows, which always has a
gain. Here a note is rejected, whatever its gain, if it contains the gold answer, or a number or a long run of words
from y that is not in the text before. With `normalised` the gain is divided by the sum of its weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stepwise.errors import StepwiseError
from stepwise.ngrams import ngrams
from stepwise.params.rationalyst import RationalystFilterParams
from stepwise.records import Document, JudgedRationale, ScoredRationale

REASONS = ("gain", "answer", "numbers", "copied")
"""Why a note is rejected: its gain is too small, or it contains the answer, a number or a run of words that follows."""

_NUMBER = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+")
_WORD = re.compile(r"\w+")


class FilterError(StepwiseError, ValueError):
    """Scores that do not belong to the documents; the message names the note and the remedy."""


def gain(plain: Sequence[float], aided: Sequence[float], discount: float, *, normalised: bool = False) -> float:
    """Discounted log-probability with the note minus that without, in nats (per token if normalised).

    Raises FilterError for lists of different lengths: they cannot be scores of the same tokens.
    """
    if len(plain) != len(aided):
        raise FilterError(f"{len(plain)} scores without the note and {len(aided)} with it; score the notes again")
    weights = [discount**i for i in range(len(plain))]
    total = sum(weight * (after - before) for weight, after, before in zip(weights, aided, plain, strict=True))
    return total / sum(weights) if normalised and weights else total


def judge(document: Document, scored: ScoredRationale, params: RationalystFilterParams) -> JudgedRationale:
    """A note with its gain, and whether it is kept or every reason why it is not."""
    note_gain = gain(scored.plain, scored.aided, params.discount, normalised=params.normalised)
    note = scored.rationale
    before, following = document.text[: note.position], document.text[note.position : note.end]
    failed = {
        "gain": note_gain < params.thresholds.get(document.source, params.threshold),
        "answer": document.answer is not None and contains_answer(note.text, document.answer),
        "numbers": bool(numbers(note.text) & (numbers(following) - numbers(before))),
        "copied": shares_run(note.text, following, params.copied_words, unless=before),
    }
    reasons = tuple(reason for reason in REASONS if failed[reason])
    return JudgedRationale(rationale=note, gain=note_gain, keep=not reasons, reasons=reasons)


def judge_all(
    documents: Iterable[Document], scored: Iterable[ScoredRationale], params: RationalystFilterParams
) -> list[JudgedRationale]:
    """Every note judged, in order. Raises FilterError for a note whose document is missing."""
    by_id = {document.id: document for document in documents}
    judged = []
    for note in scored:
        document = by_id.get(note.rationale.document_id)
        if document is None:
            raise FilterError(f"a note refers to {note.rationale.document_id}, which is not among the documents")
        judged.append(judge(document, note, params))
    return judged


def summary(judged: Sequence[JudgedRationale]) -> dict[str, float]:
    """Flat metrics: number of notes, number and share kept, rejections by reason, and mean gains."""
    kept = [note for note in judged if note.keep]
    metrics = {"notes": float(len(judged)), "kept": float(len(kept))}
    metrics["kept_share"] = len(kept) / len(judged) if judged else 0.0
    metrics |= {f"rejected_{reason}": float(sum(reason in note.reasons for note in judged)) for reason in REASONS}
    metrics["gain_mean"] = sum(note.gain for note in judged) / len(judged) if judged else 0.0
    metrics["gain_kept_mean"] = sum(note.gain for note in kept) / len(kept) if kept else 0.0
    return metrics


def numbers(text: str) -> set[float]:
    """The numbers in a text, by value: `1,200.50` equals `1200.5`."""
    return {float(match.replace(",", "")) for match in _NUMBER.findall(text)}


def contains_answer(note: str, answer: str) -> bool:
    """Whether a note contains the answer: a number by value, anything else as its words in a row.

    A single letter counts only where it reads as the label of a choice: no word in lower case may follow it.
    """
    if _NUMBER.fullmatch(answer.strip()):
        return bool(numbers(answer) & numbers(note))
    words = _WORD.findall(answer)
    if not words:
        return False
    pattern = r"\b" + r"\W+".join(map(re.escape, words)) + r"\b"
    label = len(words) == 1 and len(words[0]) == 1
    regex = re.compile(pattern + r"(?!['’]|\s+[a-z])" if label else pattern, re.NOFLAG if label else re.IGNORECASE)
    return bool(regex.search(note))


def shares_run(note: str, following: str, length: int, *, unless: str = "") -> bool:
    """Whether a note shares `length` words in a row with what follows, other than runs that the text `unless` has."""
    return length > 0 and bool(runs(note, length) & runs(following, length) - runs(unless, length))


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """All runs of `length` words of a text, in lower case."""
    return set(ngrams(_WORD.findall(text.lower()), length))
