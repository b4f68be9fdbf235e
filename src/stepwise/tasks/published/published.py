"""The base of tasks read from published files: dev drawn from train, validation, and the check of word problems."""

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
from stepwise.tasks.base import Loaded, read_options
from stepwise.tasks.formats import math_format

Candidate: TypeAlias = Problem | str
"""A row's problem, or the reason it is dropped."""


class NoOptions(Section):
    """For tasks without options of their own."""


class PublishedTask(ABC):
    """Word problems from a train and a test file. Dev is drawn from the train file."""

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
        self.stop = self.stop_strings()
        self.params = params
        self.seed = seed
        self._training: Loaded | None = None
        self.data = data or Path(os.environ.get("STEPWISE_DATA") or "data/raw")

    @abstractmethod
    def training_rows(self) -> Iterable[Candidate]:
        """Every row of the train file as a problem of split `train` with a reference. Raises DataError."""

    @abstractmethod
    def test_rows(self) -> Iterable[Candidate]:
        """Every row of the test file as a problem of split `test`. Raises DataError."""

    def stop_strings(self) -> tuple[str, ...]:
        """Strings that end a completion in this form."""
        return math_format.stop_strings(self.form)

    def load(self, split: Split) -> Loaded:
        """Problems of a split. Raises DataError for invalid files and ParamsError if there are fewer than requested."""
        if split == "test":
            loaded = self._validated(self.test_rows())
            loaded.problems = self._drawn(loaded.problems, self.params.test, "test")
            return loaded
        if self._training is None:
            self._training = self._validated(self.training_rows())
        whole = self._training
        problems = self._dev(whole.problems) if split == "dev" else self._train(whole.problems)
        return Loaded(problems, read=whole.read, dropped=dict(whole.dropped))

    def _dev(self, problems: list[Problem]) -> list[Problem]:
        held_out = self._drawn(problems, self.params.dev, "dev")
        return [problem.model_copy(update={"split": "dev"}) for problem in held_out]

    def _train(self, problems: list[Problem]) -> list[Problem]:
        held_out = {problem.id for problem in self._dev(problems)}
        return self._drawn([problem for problem in problems if problem.id not in held_out], self.params.train, "train")

    def _drawn(self, problems: list[Problem], count: int, split: Split) -> list[Problem]:
        """A random sample of `count` problems (0: all of them), drawn by the seed, in file order."""
        if count > len(problems):
            raise ParamsError(f"task.{self.name}.{split}: {count} problems requested, but the data has {len(problems)}")
        if count in (0, len(problems)):
            return problems
        rng = random.Random(f"{self.seed}/{self.name}/{split}")
        return [problems[index] for index in sorted(rng.sample(range(len(problems)), count))]

    def prompt(self, problem: Problem) -> Prompt:
        """The question; for programs, the header is the second piece."""
        return math_format.prompt(problem.question, self.form)

    def parse(self, text: str) -> Solution:
        """A completion as steps and the robust answer."""
        return math_format.parse(text, self.form)

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        """Verdicts on completions of one problem, in order."""
        return self.check_many([(problem, completion) for completion in completions])

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        return math_format.check_many(pairs, self.form)

    def sound(self, verdict: Verdict) -> bool:
        """Whether a reference with this verdict gives the gold answer, by both checks."""
        return verdict.correct and verdict.strict_correct

    def _validated(self, rows: Iterable[Candidate]) -> Loaded:
        """Problems whose reference, if any, passes the check; the rest counted by reason."""
        candidates = list(rows)
        problems = [candidate for candidate in candidates if isinstance(candidate, Problem)]
        dropped = Counter(reason for reason in candidates if isinstance(reason, str))
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
        """Ids of problems whose reference, checked like a completion, is not `sound`."""
        pairs = [(problem, problem.reference.text) for problem in problems if problem.reference is not None]
        verdicts = self.check_many(pairs) if pairs else []
        return {problem.id for (problem, _), verdict in zip(pairs, verdicts, strict=True) if not self.sound(verdict)}
