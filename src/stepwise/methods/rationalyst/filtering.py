"""Which notes are kept: those that make what follows likelier without giving it away (arXiv 2410.01044).

The idea: a note r between a text x and its continuation y is a rationale if it helps to predict y. With y_i the tokens
of y, the same in both readings, and gamma the discount,

    gain = sum_i gamma^i (log p(y_i | x, r, y_<i) - log p(y_i | x, y_<i)),        kept iff gain >= tau of its source

The paper takes gamma 0.9 and tau 1.2 for GSM8K, 0.5 for ECQA, 0 for the web corpus.

Where the released code differs: its threshold is 0 everywhere; its span of y is off by the template's tokens, so that
real content starts at weight 0.9^5; and nothing keeps a note from simply stating what follows, which always has a gain.
Here such a note is rejected whatever its gain: one that has the gold answer, or a number or a long run of words of y
that the text before does not have. With `normalised` the gain is divided by the sum of its weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stepwise.errors import StepwiseError
from stepwise.params.rationalyst import RationalystFilterParams
from stepwise.records import Document, JudgedRationale, ScoredRationale

REASONS = ("gain", "answer", "numbers", "copied")
"""Why a note is rejected: too small a gain, or it holds the answer, a number or a run of words of what follows."""

_NUMBER = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+")
_WORD = re.compile(r"\w+")


class FilterError(StepwiseError, ValueError):
    """Scores that do not belong to the documents; the message names the note and the remedy."""


def gain(plain: Sequence[float], aided: Sequence[float], discount: float, *, normalised: bool = False) -> float:
    """Discounted log-probability with the note minus that without, in nats (a token, when normalised).

    Raises FilterError for lists of different lengths: they would not be scores of the same tokens.
    """
    if len(plain) != len(aided):
        raise FilterError(f"{len(plain)} scores without the note and {len(aided)} with it; score the notes anew")
    weights = [discount**i for i in range(len(plain))]
    total = sum(weight * (with_it - without) for weight, with_it, without in zip(weights, aided, plain, strict=True))
    return total / sum(weights) if normalised and weights else total


def judge(document: Document, scored: ScoredRationale, params: RationalystFilterParams) -> JudgedRationale:
    """One note with its gain, and whether it is kept or every reason why not."""
    found = gain(scored.plain, scored.aided, params.discount, normalised=params.normalised)
    note = scored.rationale
    before, following = document.text[: note.position], document.text[note.position : note.end]
    checks = {
        "gain": found < params.thresholds.get(document.source, params.threshold),
        "answer": document.answer is not None and states(note.text, document.answer),
        "numbers": bool(numbers(note.text) & (numbers(following) - numbers(before))),
        "copied": shares_run(note.text, following, params.copied_words, unless=before),
    }
    reasons = tuple(reason for reason in REASONS if checks[reason])
    return JudgedRationale(rationale=note, gain=found, keep=not reasons, reasons=reasons)


def judge_all(
    documents: Iterable[Document], scored: Iterable[ScoredRationale], params: RationalystFilterParams
) -> list[JudgedRationale]:
    """Every note judged, in order. Raises FilterError for a note of a document that is not there."""
    known = {one.id: one for one in documents}
    judged = []
    for one in scored:
        if one.rationale.document_id not in known:
            raise FilterError(f"there is a note of {one.rationale.document_id}, which is none of the documents")
        judged.append(judge(known[one.rationale.document_id], one, params))
    return judged


def summary(judged: Sequence[JudgedRationale]) -> dict[str, float]:
    """Flat metrics: how many notes, how many are kept, how often each reason rejects one, and the mean gains."""
    kept = [one for one in judged if one.keep]
    found = {"notes": float(len(judged)), "kept": float(len(kept))}
    found["kept_share"] = len(kept) / len(judged) if judged else 0.0
    found |= {f"rejected_{reason}": float(sum(reason in one.reasons for one in judged)) for reason in REASONS}
    found["gain_mean"] = sum(one.gain for one in judged) / len(judged) if judged else 0.0
    found["gain_kept_mean"] = sum(one.gain for one in kept) / len(kept) if kept else 0.0
    return found


def numbers(text: str) -> set[float]:
    """The numbers in a text, by value: `1,200.50` and `1200.5` are one."""
    return {float(match.replace(",", "")) for match in _NUMBER.findall(text)}


def states(note: str, answer: str) -> bool:
    """Whether a note holds the answer: a number by value, else its words in a row.

    A single letter is looked for as an answer's letter: a capital that no word in lower case follows.
    """
    if _NUMBER.fullmatch(answer.strip()):
        return bool(numbers(answer) & numbers(note))
    words = _WORD.findall(answer)
    if not words:
        return False
    pattern = r"\b" + r"\W+".join(map(re.escape, words)) + r"\b"
    single = len(words) == 1 and len(words[0]) == 1
    form = re.compile(pattern + r"(?!['’]|\s+[a-z])" if single else pattern, re.NOFLAG if single else re.IGNORECASE)
    return bool(form.search(note))


def shares_run(note: str, following: str, length: int, *, unless: str = "") -> bool:
    """Whether a note has `length` words in a row from what follows that are not in a row in the text `unless`."""
    return length > 0 and bool(runs(note, length) & runs(following, length) - runs(unless, length))


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """All runs of `length` words of a text, case left out."""
    words = _WORD.findall(text.lower())
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}
