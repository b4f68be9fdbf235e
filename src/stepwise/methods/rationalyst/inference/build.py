"""The models of a comparison as backends: each folder is loaded once, or served; every role has its own meter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise.generation.base import Backend
from stepwise.methods.rationalyst.inference import verifier
from stepwise.methods.rationalyst.inference.metered_backend import MeteredBackend, PromptLengths, Usage
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.methods.rationalyst.inference.roles import Roles, render_examples
from stepwise.methods.rationalyst.rendering import query_of
from stepwise.models.loading import load_model, load_tokenizer
from stepwise.params import BackendParams
from stepwise.params.rationalyst import RationalystSetup, RationalystSupervisionParams
from stepwise.records import Problem, Prompt
from stepwise.tasks.base import Task
from stepwise.tokens import encode_many

ROLES = ("agent", "rationalyst", "scorer", "verifier")


@dataclass
class MeteredRoles:
    """The roles of a comparison and a meter for each."""

    roles: Roles
    meters: dict[str, MeteredBackend]

    def reset(self) -> None:
        """Set the meters to zero; cached results are kept."""
        for meter in self.meters.values():
            meter.usage = Usage()

    @property
    def usage(self) -> Usage:
        """The sum over all roles."""
        return sum((meter.usage for meter in self.meters.values()), Usage())


@dataclass(frozen=True)
class RoleContext:
    """What the roles need besides the models."""

    task: Task
    shots: Callable[[Problem], Sequence[Problem]]
    """The agent's solved examples for a problem."""
    seed: int
    work: Path | None = None
    """Folder for the journals."""


def build_roles(
    folders: dict[str, Path],
    setup: RationalystSetup,
    params: RationalystSupervisionParams,
    backend: BackendParams,
    context: RoleContext,
) -> MeteredRoles:
    """The roles over the models in `folders` (by role) or, with the openai backend, over the servers of each role."""
    loaded: dict[Path, tuple[Backend, Any]] = {}
    meters: dict[str, MeteredBackend] = {}
    tokenizers: dict[str, Any] = {}
    for role in ROLES:
        folder = folders[role]
        if backend.kind == "openai":
            loaded[folder] = _served(role, params, backend), load_tokenizer(folder)
        elif folder not in loaded:
            loaded[folder] = _local(folder, setup, backend)
        inner, tokenizers[role] = loaded[folder]
        journals = context.work / role if context.work else None
        meters[role] = MeteredBackend(inner, _prompt_lengths(tokenizers[role]), journals)
    roles = Roles(
        task=context.task,
        params=params,
        agent=meters["agent"],
        note_writer=NoteWriter(
            meters["rationalyst"],
            tokenizers["rationalyst"],
            max_length=setup.max_length,
            note_tokens=params.note_tokens,
        ),
        scorer=meters["scorer"],
        verifier=meters["verifier"],
        verifier_query=query_of(tokenizers["verifier"], verifier.INSTRUCTION),
        shots=lambda problem: render_examples(context.task, context.shots(problem)),
        seed=context.seed,
        concurrent=backend.kind == "openai",
    )
    return MeteredRoles(roles, meters)


def _local(folder: Path, setup: RationalystSetup, backend: BackendParams) -> tuple[Backend, Any]:
    from stepwise.generation.transformers_backend import TransformersBackend

    model, tokenizer = load_model(folder, setup.dtype)
    return TransformersBackend(model, tokenizer, batch_tokens=backend.batch_tokens), tokenizer


def _served(role: str, params: RationalystSupervisionParams, backend: BackendParams) -> Backend:
    from stepwise.generation.openai_backend import OpenAIBackend

    return OpenAIBackend(
        getattr(params, f"{role}_servers"),
        concurrency=backend.concurrency,
        timeout=backend.timeout,
        variable=f"STEPWISE_{role.upper()}_SERVERS",
    )


def _prompt_lengths(tokenizer: Any) -> PromptLengths:
    def lengths(prompts: Sequence[Prompt]) -> list[int]:
        return [len(ids) for ids in encode_many(tokenizer, prompts)]

    return lengths
