"""REFINER's domain of norms: contradictions and semantic misalignments (arXiv 2304.01904, section 4.3).

The kind of a story's published norms is known. Any other norm is judged by its words: one about something else than
the gold norm is misaligned, one about the same but with the other stance is a contradiction. For published norms that
gives the known kind in 97.5 % of cases on dev and 97.6 % on test; sampled norms vary more in their words.
"""

from __future__ import annotations

import random
import re

from stepwise.methods.refiner.domains.base import DomainError
from stepwise.methods.refiner.feedback import RIGHT, Fault, Templates
from stepwise.records import Problem
from stepwise.tasks.formats import norm_format
from stepwise.tasks.formats.norm_format import canonical
from stepwise.tasks.formats.norm_wording import overlap, stance
from stepwise.tasks.moral_stories import story_of
from stepwise.tasks.published.story_rows import StoryRow

ALIGNED = 0.6
"""Least overlap of two norms about the same. On dev, 0.6 to 0.8 agree equally well with the known kinds, 0.5 less."""
TEMPLATES = Templates(
    {
        "contradiction": "The norm says the opposite of what is right here.",
        "misalignment": "The norm should be about {hint}.",
        "unreadable": "There is no norm.",
    }
)


class MoralStoriesDomain:
    """Norms, compared with the gold norm and the published ones of the same story. Implements Domain."""

    templates = TEMPLATES

    def oracle(self, problem: Problem, text: str) -> tuple[Fault, ...]:
        """The fault of a solution's norm, if any; its action is not judged. Raises DomainError, see `listed`.

        The hint of a misalignment is what the gold norm judges, after `not` if the two stances differ: then the
        solution's own judgement would be right of it, as in the released data.
        """
        story, norm = _story(problem), norm_format.norm_of(text)
        kind = _kind(story, norm)
        if kind == RIGHT:
            return ()
        return (Fault(kind, hint=_hint(story, norm) if kind == "misalignment" else ""),)

    def perturb(self, problem: Problem, kind: str, rng: random.Random) -> str | None:
        """A published norm of a kind, with the story's immoral action; None if there is none.

        The gold action would tell a generator what to write. A critic could tell the two actions apart instead of the
        norms, so it reads the norm alone (`judged`); the released one reads the gold action with every norm.
        """
        norms = [text for text, other in self.listed(problem) if other == kind]
        return norm_format.line(rng.choice(norms), _story(problem).immoral_action) if norms else None

    def exact(self, problem: Problem, text: str) -> bool:
        """Whether the norm is the gold one up to spelling."""
        return canonical(norm_format.norm_of(text)) == canonical(_story(problem).norm)

    def equivalent(self, problem: Problem, text: str) -> bool:
        """Whether the norm is the gold one or a paraphrase, or is about the same and takes the same stance."""
        return _kind(_story(problem), norm_format.norm_of(text)) == RIGHT

    def judged(self, text: str) -> str:
        """The norm."""
        return norm_format.norm_of(text)

    def listed(self, problem: Problem) -> tuple[tuple[str, str], ...]:
        """Every published norm of a story with its kind, RIGHT for the gold norm and its paraphrases.

        Raises DomainError if the problem is no story.
        """
        story = _story(problem)
        return (
            *((norm, RIGHT) for norm in (story.norm, *story.other_norms)),
            *((norm, "contradiction") for norm in story.other_anti_norms),
            *((norm, "misalignment") for norm in story.fake_norms),
        )


def worded_kind(story: StoryRow, norm: str) -> str:
    """The kind of a norm by its words alone."""
    if overlap(norm, story.norm) < ALIGNED:
        return "misalignment"
    return RIGHT if stance(norm) == story.stance else "contradiction"


def _story(problem: Problem) -> StoryRow:
    if "fake_norms" not in problem.meta:
        raise DomainError(f"problem {problem.id} has no norms to compare with; load it with the task moral_stories")
    return story_of(problem)


def _kind(story: StoryRow, norm: str) -> str:
    """The kind of a norm: the published one or, for a norm that is none of the published ones, by its words."""
    if not re.search(r"\w", norm):
        return "unreadable"
    key = canonical(norm)
    for kind, norms in (
        (RIGHT, (story.norm, *story.other_norms)),
        ("contradiction", story.other_anti_norms),
        ("misalignment", story.fake_norms),
    ):
        if key in map(canonical, norms):
            return kind
    return worded_kind(story, norm)


def _hint(story: StoryRow, norm: str) -> str:
    action = " ".join(re.sub(r"[.!?]", "", story.norm_action or story.norm).split())
    action = action[:1].lower() + action[1:]
    known = dict(zip(map(canonical, story.fake_norms), story.fake_norm_sentiments, strict=True))
    if known.get(canonical(norm), stance(norm)) * (story.norm_sentiment or stance(story.norm)) > 0:
        return action
    return action.removeprefix("not ") if action.startswith("not ") else f"not {action}"
