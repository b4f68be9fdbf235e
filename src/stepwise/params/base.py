"""What all parameter groups share: frozen, checked types in which an unknown key is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from stepwise.errors import StepwiseError

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ParamsError(StepwiseError, ValueError):
    """Parameters that cannot be used; the message names the file, the key and what is wrong."""


class Section(BaseModel):
    """Base of all parameter groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_yaml(path: Path) -> Any:
    """What a YAML file holds."""
    return parse_yaml(path.read_text(encoding="utf-8"))


def parse_yaml(text: str) -> Any:
    """What a YAML document holds. The C parser, where there is one, takes a fifth of the time."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
