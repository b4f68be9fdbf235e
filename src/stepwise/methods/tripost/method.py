"""TriPosT as others see it: its tasks and rounds, and how its models answer."""

from __future__ import annotations

from stepwise.methods.base import Method
from stepwise.params import Params, ParamsError
from stepwise.params.consistency import check_tasks

START = "warm_up"
"""The model that the first round starts from."""


class Tripost(Method):
    """A model learns from its own mistakes after others have corrected them (arXiv 2310.13522)."""

    def check(self, params: Params) -> None:
        """Its tasks must be warmed up on, and every round needs the model that it starts from."""
        check_tasks(params, "tripost_tasks", params.tripost_tasks)
        for task in params.tripost_tasks:
            if task not in params.warm_up_tasks:
                raise ParamsError(
                    f"tripost_tasks names {task}, which no model is warmed up on; add it to warm_up_tasks"
                )
        earlier = [START]
        for index, this in enumerate(params.tripost_rounds, 1):
            key = f"tripost_rounds.{index - 1}"
            if this.start not in earlier:
                raise ParamsError(f"{key}.start is {this.start}, which is not {' or '.join(earlier)}")
            if this.number != index:
                raise ParamsError(
                    f"{key}.number is {this.number}; rounds are numbered from 1 in order, so it is {index}"
                )
            earlier.append(this.name)
