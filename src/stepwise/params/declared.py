"""Only the parameters that a stage declares can be read, so that dvc.yaml cannot miss one."""

from __future__ import annotations

from stepwise.errors import StepwiseError
from stepwise.params import Params, ParamsError


class UndeclaredError(StepwiseError, KeyError):
    """A stage reads a parameter that it does not declare; the message names it."""

    def __str__(self) -> str:
        """The message without a KeyError's quotes."""
        return str(self.args[0])


class Declared:
    """Params that raise an error when a key is read that was not declared."""

    def __init__(self, params: Params, keys: tuple[str, ...]) -> None:
        """`params`, of which `keys` can be read: whole sections (`seed`) or entries (`task.word_problems`)."""
        self._params, self.keys = params, keys

    def __getattr__(self, name: str) -> object:
        """A whole section, or a mapping with its declared entries only."""
        if name in self.keys:
            return getattr(self._params, name)
        entries = [key.split(".", 1)[1] for key in self.keys if key.startswith(f"{name}.")]
        if not entries:
            raise UndeclaredError(f"this stage reads the parameter {name} without declaring it")
        mapping = getattr(self._params, name)
        missing = [entry for entry in entries if entry not in mapping]
        if missing:
            raise ParamsError(f"params.yaml has no {name}.{missing[0]}; it has {', '.join(sorted(mapping))}")
        return {entry: mapping[entry] for entry in entries}

    def values(self) -> dict[str, object]:
        """The declared values as plain JSON, by declared key."""
        plain = self._params.model_dump(mode="json")
        declared: dict[str, object] = {}
        for key in self.keys:
            value = plain
            for part in key.split("."):
                if part not in value:
                    raise ParamsError(f"params.yaml has no {key}")
                value = value[part]
            declared[key] = value
        return declared
