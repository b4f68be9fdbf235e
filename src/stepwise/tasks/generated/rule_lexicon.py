"""The words of synthetic reasoning: attributes with their synonyms, and subjects by class.

The same words in the same order as in HELM's scenario `synthetic_reasoning_natural` (Apache-2.0), because the published
problems depend on both.
"""

from __future__ import annotations

_GROUPS = """
young | soft | sad | scary | cold chill cool | hot warm | smart clever wise intelligent | clean tidy
small little tiny | big enormous giant huge | good kind nice | beautiful pretty | red crimson | blue cobalt
green viridian | purple violet | boring dull | old ancient antique | strong powerful muscular | weak frail fragile
fast quick | slow sluggish | bad evil wicked mean | happy elated glad cheerful | round circular spherical
"""

_MEMBERS = """
person: Alice Bob Carol Dan Erin Frank
animal: dog cat rabbit mouse tiger lion bear squirrel cow panda hedgehog elephant giraffe hippo
plant: poppy dandelion tree rose sunflower
"""

WORDS: dict[str, tuple[str, ...]] = {
    group.split()[0]: tuple(group.split()) for line in _GROUPS.strip().splitlines() for group in line.split("|")
}
"""Attributes, each with the words that a fact may use for it; the first of them is the attribute itself."""

ATTRIBUTES: dict[str, str] = {word: attribute for attribute, words in WORDS.items() for word in words}
"""The attribute that a word stands for."""

SUBJECTS: dict[str, tuple[str, ...]] = {
    name: tuple(members.split()) for name, members in (line.split(": ") for line in _MEMBERS.strip().splitlines())
}
"""Classes, each with its members."""

CLASSES: dict[str, str] = {subject: name for name, subjects in SUBJECTS.items() for subject in subjects}
"""The class of a subject."""
