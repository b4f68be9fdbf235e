"""The base of benchmarks without a training file: the hand-written problems take its place."""

from __future__ import annotations

from collections.abc import Iterable

from stepwise.records import Problem, Split
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.published import Candidate


class BenchmarkOnly(ChoiceTask):
    """Train and dev come from the few problems in `shots/`; a request for more than there are gets all of them."""

    def training_rows(self) -> Iterable[Candidate]:
        """The hand-written problems."""
        return self.hand_written()

    def _drawn(self, problems: list[Problem], count: int, split: Split) -> list[Problem]:
        return super()._drawn(problems, count if split == "test" else min(count, len(problems)), split)
