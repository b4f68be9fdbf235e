"""Propose, criticise, revise: conversations with models about many problems at once, each at its own pace.

A `Dialogue` has the rules: what is asked next about a problem, of which speaker, and what the answer changes.
`interact` carries all conversations on together: in every round, what is due goes to each speaker's backend as a single
pass, so batches stay full while some problems are already finished and others need more turns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from stepwise.generation.base import Backend, Completion, GenerationError, Sampling
from stepwise.records import Problem, Prompt

State = TypeVar("State")


@dataclass(frozen=True)
class Request:
    """What is asked next. `speaker` is the role that answers: the generator, the critic, ..."""

    speaker: str
    prompt: Prompt
    max_new_tokens: int = 0
    """Length limit of this answer; 0 takes the speaker's."""


@dataclass(frozen=True)
class Speaker:
    """Who answers in a role, and how."""

    backend: Backend
    sampling: Sampling


class Dialogue(Protocol[State]):
    """The rules of a conversation about a problem. They depend on nothing but the state."""

    def begin(self, problem: Problem) -> State:
        """The state before anything is said."""
        ...

    def request(self, state: State) -> Request | None:
        """What is due, or None when the conversation is over."""
        ...

    def receive(self, state: State, completion: Completion) -> State:
        """The state after the answer to `request(state)`."""
        ...


def interact(
    problems: Sequence[Problem],
    dialogue: Dialogue[State],
    speakers: Mapping[str, Speaker],
    *,
    journal: Path | None = None,
) -> list[State]:
    """Carry on a conversation about each problem until all are over; the final states, in order.

    Who is asked what follows from the problems and the answers alone, so a killed run that is started again with the
    same folder `journal` repeats no finished batch and ends with the same states.

    Raises GenerationError if the dialogue asks a speaker that there is none of.
    """
    states = [dialogue.begin(problem) for problem in problems]
    while due := _requests(states, dialogue):
        for (name, tokens), requests in due.items():
            if name not in speakers:
                raise GenerationError(f"the dialogue asks the {name}, and the speakers are {', '.join(speakers)}")
            speaker = speakers[name]
            sampling = replace(speaker.sampling, max_new_tokens=tokens or speaker.sampling.max_new_tokens, n=1)
            answers = speaker.backend.generate(
                [request.prompt for request in requests.values()],
                sampling,
                journal=journal and journal / f"{name}.jsonl",
            )
            for index, (completion,) in zip(requests, answers, strict=True):
                states[index] = dialogue.receive(states[index], completion)
    return states


def _requests(states: Sequence[State], dialogue: Dialogue[State]) -> dict[tuple[str, int], dict[int, Request]]:
    """What is due, by speaker and length limit, then by the index of the conversation."""
    due: dict[tuple[str, int], dict[int, Request]] = defaultdict(dict)
    for index, state in enumerate(states):
        request = dialogue.request(state)
        if request is not None:
            due[request.speaker, request.max_new_tokens][index] = request
    return due
