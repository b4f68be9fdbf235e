"""The toy as others see it."""

from __future__ import annotations

from stepwise.methods.base import AddCommand, Method
from stepwise.methods.wordcount import commands
from stepwise.params import Params
from stepwise.params.consistency import check_tasks
from stepwise.report import Chapter, Sources
from stepwise.report.chapters.wordcount import collect


class WordCount(Method):
    """Counts the words of questions."""

    chapter_params = ("wordcount_tasks",)

    def check(self, params: Params) -> None:
        """Its tasks must be among the run's."""
        check_tasks(params, "wordcount_tasks", params.wordcount_tasks)

    def add_commands(self, add: AddCommand) -> None:
        """`count`."""
        commands.add_count(add)

    def chapter(self, params: Params, sources: Sources) -> Chapter:
        """A row for each task."""
        return collect(sources.metrics / "wordcount", params.wordcount_tasks)
