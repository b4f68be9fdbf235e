"""What all parameter groups share: frozen, checked types in which an unknown key is an error."""

from __future__ import annotations

from typing import Annotated

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
