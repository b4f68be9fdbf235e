"""What benchmarks without a training file share: the hand-written problems stand in for one."""

from __future__ import annotations

from collections.abc import Iterable

from stepwise.records import Problem, Split
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.published import Candidate


class BenchmarkOnly(ChoiceTask):
    """Train and dev are the few problems of `shots/`; where more are asked for, all of them are given."""

    def training_rows(self) -> Iterable[Candidate]:
        """The hand-written problems."""
        return self.hand_written()

    def _drawn(self, problems: list[Problem], count: int, split: Split) -> list[Problem]:
        return super()._drawn(problems, count if split == "test" else min(count, len(problems)), split)
