"""ReFT as others see it: its tasks, and the command that votes over stored samples."""

from __future__ import annotations

from stepwise.methods.base import AddCommand, Method
from stepwise.methods.reft import commands
from stepwise.params import Params
from stepwise.params.consistency import check_warmed_up


class Reft(Method):
    """Reinforcement on checked answers (arXiv 2401.08967)."""

    def check(self, params: Params) -> None:
        """Its tasks must be warmed up on."""
        check_warmed_up(params, "reft_tasks", params.reft_tasks)

    def add_commands(self, add: AddCommand) -> None:
        """`vote`."""
        commands.add_vote(add)
