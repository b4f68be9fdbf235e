"""Moral Stories (Emelin et al. 2021) as REFINER uses them: from a story to its norm and the moral action.

The training stories of REFINER are not published. Train and dev are drawn from its 1,000 dev stories, test is its
1,000 test stories. The norm is z and the moral action y.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from stepwise.params import TaskParams
from stepwise.records import Form, Problem, Prompt, Solution, Split, Verdict
from stepwise.tasks.formats import norm_format
from stepwise.tasks.formats.norm_format import canonical
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate, PublishedTask
from stepwise.tasks.published.story_rows import StoryRow, mended, read_story_rows


class MoralStories(PublishedTask):
    """Write a norm and the action that it asks for, given a situation, an intention and an immoral action.

    All problems have references, those of test too: feedback is judged against the gold norm.
    """

    name: ClassVar[str] = "moral_stories"
    forms: ClassVar[tuple[Form, ...]] = ("n_cot",)

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self.stop = norm_format.STOP

    def training_rows(self) -> Iterable[Candidate]:
        """REFINER's dev stories."""
        return self._stories("dev", "train")

    def test_rows(self) -> Iterable[Candidate]:
        """REFINER's test stories."""
        return self._stories("test", "test")

    def prompt(self, problem: Problem) -> Prompt:
        """The parts of the story and the lead-in, a line each, in one piece."""
        return norm_format.prompt(problem.question)

    def parse(self, text: str) -> Solution:
        """A completion with the norm as its step and the moral action as its answer."""
        return norm_format.solution(text)

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Agreement with the gold, since whether an action is moral cannot be checked exactly.

        Strict: norm and action are the gold's, word for word. Robust: the norm is the gold's or one of its published
        paraphrases, in any spelling (norm_format.canonical); the action, which can be right in many ways, is left out.
        Both figures are lower bounds of what people would accept.
        """
        return [_verdict(problem, text) for problem, text in pairs]

    def _stories(self, part: str, split: Split) -> Iterable[Candidate]:
        path = rows.find(self.data, (f"refiner/moral_stories_critic_{part}_prep", f"moral_stories/critic_{part}_prep"))
        for row in read_story_rows(path):
            yield _problem(mended(row)[0], split)


def _problem(row: StoryRow, split: Split) -> Candidate:
    text = norm_format.line(row.norm, row.moral_action)
    reference = norm_format.solution(text)
    if norm_format.norm_of(text) != row.norm or reference.answer != row.moral_action:
        return "norm or action cannot be told apart"
    return Problem(
        id=row.id,
        task=MoralStories.name,
        split=split,
        question=norm_format.question(row.situation, row.intention, row.immoral_action),
        answer=row.moral_action,
        reference=reference,
        meta=row.model_dump(),
    )


def story_of(problem: Problem) -> StoryRow:
    """The row that a problem was made of, with the norms that are right and wrong for its story."""
    return StoryRow.model_validate(problem.meta)


def _verdict(problem: Problem, text: str) -> Verdict:
    story, norm = story_of(problem), norm_format.norm_of(text)
    return Verdict(
        strict_answer=norm or None,
        strict_correct=text.strip() == norm_format.line(story.norm, story.moral_action),
        answer=canonical(norm) or None,
        correct=canonical(norm) in map(canonical, (story.norm, *story.other_norms)),
    )
