"""Generated arithmetic stories with solutions as sentences, Python programs or linear formulas.

Problems of the bin `seen` use the training templates and 1 to 3 steps; those of `unseen` have more steps, held-out
templates or distractors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from stepwise.params import ParamsError, Section, Share, TaskParams
from stepwise.records import Form, Problem, Prompt, Solution, Split, Verdict
from stepwise.tasks.base import Loaded, read_options
from stepwise.tasks.formats import formula_format, math_format
from stepwise.tasks.generated.stories import LARGEST, tell
from stepwise.tasks.generated.story_grammar import Story
from stepwise.tasks.generated.story_templates import HELD_OUT_TEXTS, MIXED, SEEN

Steps = Annotated[int, Field(ge=1, le=6)]

_DRAWS = 200
"""Draws of an already used story in a row after which the stories count as exhausted."""


class Options(Section):
    """Difficulty of the generated stories."""

    seen_steps: tuple[Steps, ...] = Field((1, 2, 3), min_length=1)
    """Operations of a training story; the stories take these values in turn."""
    unseen_steps: Steps = 4
    """Operations of the long stories in the test set."""
    unseen_share: Share = 0.5
    """Share of the test that is unlike training: a third each is long, uses held-out templates, or has distractors."""
    max_distractors: int = Field(2, ge=1, le=4)
    """Most irrelevant numbers in a story with distractors."""
    largest: int = Field(LARGEST, ge=50, le=LARGEST)
    """Largest quantity in a story. A model that writes sentences must do arithmetic on such numbers in its head."""


class WordProblems:
    """Stories such as `Ben has 12 apples. Anna gives Ben 5 apples. How many apples does Ben have now?`."""

    name = "word_problems"
    sizes: ClassVar[dict[Split, int]] = {"train": 400, "test": 500}
    """Sizes of train and test if the parameters say 0."""

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):  # noqa: ARG002 - generated, no data
        if params.form == "scripted":
            raise ParamsError(f"task.{self.name}.form: 'scripted' is not known here; take n_cot, p_cot or formula")
        self.form: Form = params.form
        self.stop = formula_format.STOP if self.form == "formula" else math_format.stop_strings(self.form)
        self.seed = seed
        self.options = read_options(self.name, params, Options)
        self.counts: dict[Split, int] = {
            "test": params.test or self.sizes["test"],
            "dev": params.dev,
            "train": params.train or self.sizes["train"],
        }

    def load(self, split: Split) -> Loaded:
        """Generate the split; the splits of a seed share no question. Raises ParamsError if stories run out."""
        taken: set[str] = set()
        problems: list[Problem] = []
        for part in self.counts:
            problems = list(self._generate(part, taken))
            if part == split:
                break
        return Loaded(problems=problems, read=len(problems))

    def prompt(self, problem: Problem) -> Prompt:
        """The question in the layout of the form; for programs this includes the header."""
        return story_prompt(problem.question, self.form)

    def parse(self, text: str) -> Solution:
        """A completion as steps and the robust answer; a formula has no answer without its question."""
        if self.form == "formula":
            return formula_format.solution(text)
        return math_format.parse(text, self.form)

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        """Verdicts on completions of one problem, in order."""
        return self.check_many([(problem, completion) for completion in completions])

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        if self.form == "formula":
            return formula_format.check_many(pairs)
        return math_format.check_many(pairs, self.form)

    def _generate(self, split: Split, taken: set[str]) -> Iterator[Problem]:
        rng = random.Random(f"{self.seed}/{self.name}/{split}")
        for index, kind in enumerate(self._kinds(split)):
            story = self._new_story(kind, rng, taken)
            yield Problem(
                id=f"{self.name}-{split}-{index:05d}",
                task=self.name,
                split=split,
                question=story.question,
                answer=str(story.answer),
                reference=story_reference(story, self.form),
                bin="unseen" if kind in _UNSEEN else "seen",
                difficulty=kind if kind in _UNSEEN[1:] else _steps(story.operations),
                meta={"steps": story.operations, "numbers": list(story.numbers), "unused": list(story.unused)},
            )

    def _kinds(self, split: Split) -> list[str]:
        """The kind of each problem of a split: its number of steps if seen, or what is new about it."""
        count = self.counts[split]
        unseen = round(count * self.options.unseen_share) if split == "test" else 0
        seen = [str(self.options.seen_steps[i % len(self.options.seen_steps)]) for i in range(count - unseen)]
        return seen + [_UNSEEN[i % len(_UNSEEN)] for i in range(unseen)]

    def _new_story(self, kind: str, rng: random.Random, taken: set[str]) -> Story:
        for _ in range(_DRAWS):
            story = self._story(kind, rng)
            if story.question not in taken:
                taken.add(story.question)
                return story
        raise ParamsError(f"task.{self.name}: no new story for {kind!r} after {len(taken)} of them; ask for fewer")

    def _story(self, kind: str, rng: random.Random) -> Story:
        seen, largest = self.options.seen_steps, self.options.largest
        match kind:
            case "long":
                return tell(rng, SEEN, self.options.unseen_steps, largest=largest)
            case "distractor":
                return tell(rng, SEEN, rng.choice(seen), rng.randint(1, self.options.max_distractors), largest=largest)
            case "new template":
                while True:
                    story = tell(rng, MIXED, rng.choice(seen), largest=largest)
                    if story.templates & HELD_OUT_TEXTS:
                        return story
            case _:
                return tell(rng, SEEN, int(kind), largest=largest)


class WordProblemsText(WordProblems):
    """Other stories of the same kind under another name, so that a run can use sentences and programs side by side."""

    name = "word_problems_text"


class WordProblemsFormula(WordProblems):
    """Other stories of the same kind, to be answered with linear formulas."""

    name = "word_problems_formula"


_UNSEEN = ("long", "new template", "distractor")


def story_prompt(question: str, form: Form) -> Prompt:
    """The prompt of a story in a given form."""
    return formula_format.prompt(question) if form == "formula" else math_format.prompt(question, form)


def story_reference(story: Story, form: Form) -> Solution:
    """The reference solution of a story in a given form; a program is its body, indented by four spaces."""
    answer = str(story.answer)
    if form == "formula":
        return formula_format.solution(story.formula, answer)
    lines = [f"    {line}" for line in story.program] if form == "p_cot" else story.sentences
    return math_format.reference("\n".join(lines), answer, form)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
