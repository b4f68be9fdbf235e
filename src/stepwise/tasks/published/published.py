"""What tasks read from published files share: dev taken out of train, validation, and the check of word problems."""

from __future__ import annotations

import os
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, TypeAlias

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Form, Problem, Prompt, Solution, Split, Verdict
from stepwise.tasks.base import Loaded
from stepwise.tasks.formats import math_format
from stepwise.tasks.options import read_options

Candidate: TypeAlias = Problem | str
"""A row's problem, or the reason for which it is dropped."""


class NoOptions(Section):
    """Most of these tasks have no options of their own."""


class PublishedTask(ABC):
    """Word problems from a train and a test file. Dev is drawn from train; test is only for `test`."""

    name: ClassVar[str]
    forms: ClassVar[tuple[Form, ...]] = ("n_cot", "p_cot")
    options_type: ClassVar[type[Section]] = NoOptions

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        if params.form not in self.forms:
            raise ParamsError(
                f"task.{self.name}.form: {params.form!r} is not known here; take {' or '.join(self.forms)}"
            )
        self.options = read_options(self.name, params, self.options_type)
        self.form: Form = params.form
        self.stop = math_format.stop_strings(params.form)
        self.params = params
        self.seed = seed
        self._training: Loaded | None = None
        self.data = data or Path(os.environ.get("STEPWISE_DATA") or "data/raw")

    @abstractmethod
    def training_rows(self) -> Iterable[Candidate]:
        """Every row of the train file, with a reference, split `train`. Raises DataError."""

    @abstractmethod
    def test_rows(self) -> Iterable[Candidate]:
        """Every row of the test file, split `test`. Raises DataError."""

    def load(self, split: Split) -> Loaded:
        """Problems of a split. Raises DataError for bad files and ParamsError if more is asked for than there is."""
        if split == "test":
            loaded = self._sorted_out(self.test_rows())
            loaded.problems = self._drawn(loaded.problems, self.params.test, "test")
            return loaded
        if self._training is None:
            self._training = self._sorted_out(self.training_rows())
        whole = self._training
        problems = self._dev(whole.problems) if split == "dev" else self._train(whole.problems)
        return Loaded(problems, read=whole.read, dropped=dict(whole.dropped))

    def _dev(self, problems: list[Problem]) -> list[Problem]:
        held_out = self._drawn(problems, self.params.dev, "dev")
        return [problem.model_copy(update={"split": "dev"}) for problem in held_out]

    def _train(self, problems: list[Problem]) -> list[Problem]:
        held_out = {problem.id for problem in self._dev(problems)}
        return self._drawn([one for one in problems if one.id not in held_out], self.params.train, "train")

    def _drawn(self, problems: list[Problem], count: int, split: Split) -> list[Problem]:
        """So many of the problems (all for 0), drawn by the seed, in the file's order."""
        if count > len(problems):
            raise ParamsError(f"task.{self.name}.{split}: {count} problems are asked for, the data has {len(problems)}")
        if count in (0, len(problems)):
            return problems
        rng = random.Random(f"{self.seed}/{self.name}/{split}")
        return [problems[index] for index in sorted(rng.sample(range(len(problems)), count))]

    def prompt(self, problem: Problem) -> Prompt:
        """The question; for programs, the header is given as second piece."""
        return math_format.prompt(problem.question, self.form)

    def parse(self, text: str) -> Solution:
        """A completion as steps and the robust answer."""
        return math_format.parse(text, self.form)

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        """Verdicts of completions of one problem, in order."""
        return self.check_many([(problem, completion) for completion in completions])

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts of (problem, completion) pairs, in order."""
        return math_format.check_many(pairs, self.form)

    def sound(self, verdict: Verdict) -> bool:
        """Whether a reference with this verdict gives the gold answer: both checks say so."""
        return verdict.correct and verdict.strict_correct

    def _sorted_out(self, rows: Iterable[Candidate]) -> Loaded:
        """Problems whose reference, if they have one, checks; the rest counted by reason."""
        candidates = list(rows)
        problems = [one for one in candidates if isinstance(one, Problem)]
        dropped = Counter(one for one in candidates if isinstance(one, str))
        wrong = self._wrong_references(problems)
        if wrong:
            dropped["reference does not give the answer"] = len(wrong)
        seen: set[str] = set()
        kept = []
        for problem in problems:
            if problem.id in seen:
                dropped["id occurs twice"] += 1
            elif problem.id not in wrong:
                kept.append(problem)
            seen.add(problem.id)
        return Loaded(kept, read=len(candidates), dropped=dict(dropped))

    def _wrong_references(self, problems: Sequence[Problem]) -> set[str]:
        """Ids of problems whose reference, checked like a completion, is not sound."""
        pairs = [(problem, problem.reference.text) for problem in problems if problem.reference is not None]
        verdicts = self.check_many(pairs) if pairs else []
        return {problem.id for (problem, _), verdict in zip(pairs, verdicts, strict=True) if not self.sound(verdict)}
