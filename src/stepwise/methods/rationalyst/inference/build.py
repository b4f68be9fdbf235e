"""The models of a run as backends: one copy of each folder in memory, or servers; every role has its own meter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise.generation.base import Backend
from stepwise.methods.rationalyst.inference import verifier
from stepwise.methods.rationalyst.inference.metered_backend import Metered, Usage
from stepwise.methods.rationalyst.inference.note_writer import Rationalyst
from stepwise.methods.rationalyst.inference.roles import Roles, solved
from stepwise.methods.rationalyst.rendering import query_of
from stepwise.models.loading import load_model, load_tokenizer
from stepwise.params import BackendParams, RationalystContest, RationalystSupervisionParams
from stepwise.records import Problem, Prompt
from stepwise.tasks.base import Task
from stepwise.tokens import encode_many

ROLES = ("agent", "rationalyst", "scorer", "verifier")


@dataclass
class Assembled:
    """The roles of a run and what has been asked of each."""

    roles: Roles
    meters: dict[str, Metered]

    def reset(self) -> None:
        """Start counting anew; what was made is kept."""
        for meter in self.meters.values():
            meter.usage = Usage()

    @property
    def usage(self) -> Usage:
        """Of all roles together."""
        return sum((meter.usage for meter in self.meters.values()), Usage())


def assemble(
    folders: dict[str, Path],
    run: RationalystContest,
    params: RationalystSupervisionParams,
    backend: BackendParams,
    *,
    task: Task,
    shown: Callable[[Problem], Sequence[Problem]],
    seed: int,
    work: Path | None,
) -> Assembled:
    """The roles over the models in `folders` (by role) or, with the openai backend, over the servers of each role.

    `shown` gives the agent's solved examples for a problem; `work` takes the journals.
    """
    made: dict[Path, tuple[Backend, Any]] = {}
    meters: dict[str, Metered] = {}
    tokenizers: dict[str, Any] = {}
    for role in ROLES:
        folder = folders[role]
        if backend.kind == "openai":
            made[folder] = _served(role, params, backend), load_tokenizer(folder)
        elif folder not in made:
            made[folder] = _local(folder, run, backend)
        inner, tokenizers[role] = made[folder]
        meters[role] = Metered(inner, _length(tokenizers[role]), work / role if work else None)
    roles = Roles(
        task=task,
        params=params,
        agent=meters["agent"],
        rationalyst=Rationalyst(
            meters["rationalyst"],
            tokenizers["rationalyst"],
            max_length=run.max_length,
            note_tokens=params.note_tokens,
        ),
        scorer=meters["scorer"],
        verifier=meters["verifier"],
        verifier_query=query_of(tokenizers["verifier"], verifier.INSTRUCTION),
        shots=lambda problem: solved(task, shown(problem)),
        seed=seed,
        at_the_same_time=backend.kind == "openai",
    )
    return Assembled(roles, meters)


def _local(folder: Path, run: RationalystContest, backend: BackendParams) -> tuple[Backend, Any]:
    from stepwise.generation.transformers_backend import TransformersBackend

    model, tokenizer = load_model(folder, run.dtype)
    return TransformersBackend(model, tokenizer, batch_tokens=backend.batch_tokens), tokenizer


def _served(role: str, params: RationalystSupervisionParams, backend: BackendParams) -> Backend:
    from stepwise.generation.openai_backend import OpenAIBackend

    return OpenAIBackend(
        getattr(params, f"{role}_servers"),
        concurrency=backend.concurrency,
        timeout=backend.timeout,
        variable=f"STEPWISE_{role.upper()}_SERVERS",
    )


def _length(tokenizer: Any) -> Any:
    def lengths(prompts: Sequence[Prompt]) -> list[int]:
        return [len(ids) for ids in encode_many(tokenizer, prompts)]

    return lengths
