"""Rows of Moral Stories (Emelin et al. 2021) with right and wrong norms for each story, and the mending of their texts.

The norms that are not the story's own were made by rules (REFINER's released preparation): paraphrases of the norm with
another judgement or a synonym, contradictions from the anti norm of Kiehne et al. (2022) or an antonym, and unrelated
norms from a verb phrase of the story. A thesaurus without word senses supplied most synonyms and antonyms (`homeless`:
`stateless`), so only those of the rules' own short list, and antonyms by prefix (`honest`: `dishonest`), are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from pydantic import BaseModel

from stepwise.tasks.formats.norm_format import canonical
from stepwise.tasks.formats.norm_wording import stance
from stepwise.tasks.published import rows

SYNONYMS = {
    "good": ("right", "proper"),
    "more": ("a lot of",),
    "bad": ("wrong", "improper"),
    "important": ("crucial", "necessary"),
    "polite": ("kind", "nice"),
    "mean": ("evil", "rude"),
}
ANTONYMS = {
    "good": ("bad", "wrong"),
    "more": ("less",),
    "bad": ("good", "proper"),
    "important": ("unimportant", "unnecessary"),
    "polite": ("impolite", "rude"),
    "mean": ("kind", "nice"),
}
_NEGATING = ("un", "in", "im", "il", "ir", "dis", "ab")
_JUDGEMENT = re.compile(
    r"(?:it's (?:good|right|usual|proper|important|bad|unusual|wrong|rude) to|you should|you shouldn't) "
)
"""Openings that the rules exchange, in canonical spelling."""


class StoryRow(BaseModel):
    """A story with its norm, and other norms that are right, contradict it or miss it."""

    id: str
    situation: str
    intention: str
    moral_action: str
    immoral_action: str
    norm: str
    norm_sentiment: float = 0
    """Below 0 if the norm blames its action, above 0 if it approves; 0 if unknown."""
    norm_action: str | None = None
    """What the norm judges, such as `helping others`."""
    anti_norm: str | None = None
    other_norms: list[str] = []
    other_anti_norms: list[str] = []
    fake_norms: list[str] = []
    fake_norm_sentiments: list[float] = []

    @property
    def stance(self) -> int:
        """1 if the norm is for what it is about, -1 if against, by its sentiment where that is known.

        Words of blame are too varied to be all known; see norm_wording.stance, which this compares with.
        """
        if not self.norm_sentiment or not self.norm_action:
            return stance(self.norm)
        return stance(self.norm_action) * (1 if self.norm_sentiment > 0 else -1)


def read_story_rows(path: Path) -> list[StoryRow]:
    """The rows as published. Raises DataError, see rows.read_rows."""
    return rows.read_models(path, StoryRow)


def mended(row: StoryRow) -> tuple[StoryRow, Counter[str]]:
    """The row with clean texts and without norms of doubtful label, and how often each defect occurred.

    No norm is left in two of the lists or twice in one: the norm itself comes first, then paraphrases, contradictions
    (the anti norm among them) and unrelated norms.
    """
    defects: Counter[str] = Counter()
    row = row.model_copy(update=_plain_texts(row, defects))
    norm, anti = _sentence(row.norm), row.anti_norm or ""
    defects["norm without a capital or a full stop"] += norm != row.norm
    capitals = {word.lower(): word for text in (norm, anti) for word in text.split()[1:] if word != word.lower()}

    right = [other for other in row.other_norms if _exchanged(norm, other, SYNONYMS)]
    wrong = [other for other in row.other_anti_norms if _exchanged(anti, other, {}) or _opposite(norm, other)]
    defects["doubtful synonym"] += len(row.other_norms) - len(right)
    defects["doubtful antonym"] += len(row.other_anti_norms) - len(wrong)
    denied = [other for other in ([anti, *wrong] if anti else wrong) if not _double_negation(row, other)]
    defects["double negation"] += bool(anti) + len(wrong) - len(denied)

    taken = {canonical(norm)}
    others = _new(right, taken, defects)
    contradictions = _new(denied, taken, defects)
    fakes = _new(row.fake_norms, taken, defects)
    sentiments = dict(zip(row.fake_norms, row.fake_norm_sentiments, strict=True))
    return row.model_copy(
        update={
            "norm": norm,
            "anti_norm": _sentence(anti) if anti else None,
            "other_norms": [_sentence(_recased(other, capitals)) for other in others],
            "other_anti_norms": [_sentence(_recased(other, capitals)) for other in contradictions],
            "fake_norms": list(map(_sentence, fakes)),
            "fake_norm_sentiments": [sentiments[fake] for fake in fakes],
        }
    ), +defects


def _plain_texts(row: StoryRow, defects: Counter[str]) -> dict[str, str]:
    """The texts of a row without the quoting of CSV files and without repeated blanks."""
    texts = {}
    for name in ("situation", "intention", "moral_action", "immoral_action", "norm", "norm_action", "anti_norm"):
        if (text := getattr(row, name)) is None:
            continue
        if len(text) > 1 and text[0] == text[-1] == '"' and '""' in text:
            defects["quoted as in a CSV file"] += 1
            text = text[1:-1].replace('""', '"')
        texts[name] = " ".join(text.split())
        defects["repeated blanks"] += texts[name] != text
    return texts


def _new(norms: Iterable[str], taken: set[str], defects: Counter[str]) -> list[str]:
    """The norms that are not yet taken, in order; they are taken from now on."""
    fresh = []
    for norm in norms:
        key = canonical(norm)
        defects["norm occurs twice"] += key in taken
        if key not in taken:
            taken.add(key)
            fresh.append(norm)
    return fresh


def _sentence(norm: str) -> str:
    """The norm with a capital at its start and a full stop at its end; a norm without them would betray its list."""
    norm = " ".join(norm.split())
    return norm[:1].upper() + norm[1:] + ("" if norm.endswith((".", "!", "?", '."')) else ".")


def _recased(norm: str, capitals: dict[str, str]) -> str:
    """The norm with the capitals of names, which the rules lost."""
    return " ".join(capitals.get(word, word) for word in norm.split())


def _exchanged(norm: str, other: str, synonyms: Mapping[str, Sequence[str]]) -> bool:
    """Whether `other` is the norm with another opening, or with some words exchanged for these synonyms."""
    before, after = canonical(norm), canonical(other)
    openings = _JUDGEMENT.match(before), _JUDGEMENT.match(after)
    if openings[0] and openings[1] and before[openings[0].end() :] == after[openings[1].end() :]:
        return True
    return all(new in synonyms.get(old, ()) for old, new in _changes(before, after))


def _opposite(norm: str, other: str) -> bool:
    """Whether `other` is the norm with one word exchanged for a clear antonym."""
    changes = _changes(canonical(norm), canonical(other))
    return len(changes) == 1 and all(
        new in ANTONYMS.get(old, ()) or any(old == start + new or new == start + old for start in _NEGATING)
        for old, new in changes
    )


def _double_negation(row: StoryRow, other: str) -> bool:
    """Whether a contradiction is none, since it blames the opposite: `It's wrong not to help` for `You should help`."""
    more = canonical(other).split().count("not") > canonical(row.norm).split().count("not")
    return more and stance(other) == row.stance


def _changes(before: str, after: str) -> list[tuple[str, str]]:
    """The differing stretches of words of two texts, in pairs."""
    old, new = before.split(), after.split()
    edits = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(" ".join(old[a:b]), " ".join(new[c:d])) for tag, a, b, c, d in edits if tag != "equal"]
