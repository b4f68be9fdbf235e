"""What a norm is about and whether it is for or against it, as far as its words tell. No model, no word senses."""

from __future__ import annotations

import re

from stepwise.tasks.formats.norm_format import canonical


def _lexicon(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEGATIVE = _lexicon(
    """
    not never no cannot avoid avoiding refrain
    abnormal alarming annoying arrogant awful awkward bad childish cocky conceited controlling creepy crude cruel
    dangerous deplorable despicable discouraged dishonest disgusting disloyal disrespectful dramatic embarrassing evil
    excessive execrable frowned greedy gross harmful heartless horrible hurtful illegal immature immoral impolite
    improper inappropriate inconsiderate insensitive irresponsible juvenile lazy less mean nasty naughty pathetic rude
    selfish shallow shameful strange stupid terrible unacceptable unethical unexpected unfair unhealthy unimportant
    unkind unnecessary unsafe unusual unwise weird worse worst wrong
    """
)
_JUDGING = _lexicon(
    """
    acceptable best better considered crucial expected fine good important kind necessary nice normal ok okay polite
    proper right usual should shouldn't people person someone somebody anyone others other
    """
)
"""Words of judgement and of no one in particular: they say nothing about what is judged."""
_FUNCTION = _lexicon(
    """
    a an the to of in on at for with from by as and or if when that this it it's is are be being been was were do does
    doing you your yours you're one's their them they he she his her him i my me we our us who what have has having had
    can could would will may might so too very always make makes making go goes going
    """
)
_ENDINGS = ("'s", "ingly", "ing", "ied", "ies", "ed", "es", "s", "ly", "e", "y")
_SHORTEST_STEM = 3


def stance(text: str) -> int:
    """1 if a norm is for what it is about, -1 if against: each negation and each word of blame turns it round."""
    return -1 if sum(map(_turns, _words(text))) % 2 else 1


def subject(text: str) -> frozenset[str]:
    """The stems of the words that say what a norm is about; empty if it has none but words of judgement."""
    ignored = _NEGATIVE | _JUDGING | _FUNCTION
    return frozenset(_stem(word) for word in _words(text) if word not in ignored and not _turns(word))


def overlap(first: str, second: str) -> float:
    """F1 of the words that two norms are about: 1 for the same ones, 0 for none in common."""
    stems, others = subject(first), subject(second)
    shared = len(stems & others)
    return 2 * shared / (len(stems) + len(others)) if shared else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9][a-z0-9']*", canonical(text))


def _turns(word: str) -> bool:
    return word in _NEGATIVE or word.endswith("n't")


def _stem(word: str) -> str:
    """A word without its ending, so that `helps`, `helping` and `help` are the same."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] else word
