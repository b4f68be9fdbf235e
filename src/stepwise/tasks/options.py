"""A task's own options, read from its parameters into a checked type."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from stepwise.params import ParamsError, Section, TaskParams

S = TypeVar("S", bound=Section)


def read_options(task: str, params: TaskParams, options: type[S]) -> S:
    """`params.options` as the task's own type. Raises ParamsError naming every unknown or bad option."""
    try:
        return options.model_validate(params.options)
    except ValidationError as error:
        known = ", ".join(sorted(options.model_fields)) or "none"
        faults = []
        for one in error.errors(include_url=False):
            where = ".".join(("task", task, "options", *(str(part) for part in one["loc"])))
            unknown = one["type"] == "extra_forbidden"
            faults.append(f"{where}: {'unknown option; known are ' + known if unknown else one['msg']}")
        raise ParamsError("; ".join(faults)) from error
