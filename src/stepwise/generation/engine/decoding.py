"""The decoding loop: all rows of a batch advance together, and a row leaves the batch as soon as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from stepwise.generation.base import Completion, Sampling
from stepwise.generation.engine.prefill import Reader
from stepwise.generation.engine.sampling import choose
from stepwise.generation.engine.stopping import Stopping
from stepwise.progress import Progress

Adjust = Callable[[torch.Tensor, Sequence[int], int], torch.Tensor]
"""(logits [rows, vocabulary], each row's number in the batch, step) -> logits from which the next token is chosen."""


@dataclass
class Draft:
    """A completion in progress."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False


def decode(
    reader: Reader,
    rows: int,
    sampling: Sampling,
    stopping: Stopping,
    progress: Progress,
    chances: np.ndarray | None = None,
    adjust: Adjust | None = None,
) -> list[Completion]:
    """Continue every row until it ends.

    Args:
        reader: the model with the prompts of the rows.
        rows: number of rows.
        sampling: temperature, filters and maximum length.
        stopping: end tokens and stop strings.
        progress: counts finished rows and tokens.
        chances: uniform random numbers [rows, steps], or None for greedy decoding.
        adjust: changes the logits, or None.

    Returns:
        One completion per row, in order.
    """
    drafts = [Draft() for _ in range(rows)]
    active = list(range(rows))
    logits = reader.begin()
    table = None if chances is None else torch.from_numpy(chances)
    for step in range(sampling.max_new_tokens):
        if adjust is not None:
            logits = adjust(logits, active, step)
        chance = None if table is None else table[active, step].to(logits.device)
        tokens, logprobs = choose(logits, sampling, chance)
        done = _append([drafts[row] for row in active], tokens.tolist(), logprobs.tolist(), stopping)
        last = len(done) == len(active) or step + 1 == sampling.max_new_tokens
        progress.add(len(active) if last else len(done), len(active))
        if last:
            break
        if done:
            tokens = _leave(reader, active, done, tokens)
        logits = reader.step(tokens)
    return [_completion(draft, stopping) for draft in drafts]


def _append(drafts: list[Draft], tokens: list[int], logprobs: list[float], stopping: Stopping) -> list[int]:
    """Append one step's tokens to the drafts; returns the places of the rows that are finished."""
    done = []
    for place, (draft, token, logprob) in enumerate(zip(drafts, tokens, logprobs, strict=True)):
        draft.tokens.append(token)
        draft.logprobs.append(logprob)
        draft.stopped = stopping.stopped(draft.tokens)
        if draft.stopped or token in stopping.ends:
            done.append(place)
    return done


def _leave(reader: Reader, active: list[int], done: list[int], tokens: torch.Tensor) -> torch.Tensor:
    """Move rows from the end into the places of finished rows; returns the tokens of the remaining rows."""
    rows = len(active) - len(done)
    finished = set(done)
    target = [place for place in done if place < rows]
    source = [place for place in range(rows, len(active)) if place not in finished]
    reader.keep(source, target, rows)
    for here, there in zip(source, target, strict=True):
        active[there] = active[here]
    if source:
        tokens[target] = tokens[source]
    del active[rows:]
    return tokens[:rows]


def _completion(draft: Draft, stopping: Stopping) -> Completion:
    ended = draft.tokens[-1] in stopping.ends
    return Completion(
        text=stopping.text(draft.tokens),
        token_ids=tuple(draft.tokens),
        logprobs=tuple(draft.logprobs),
        finish_reason="eos" if ended else "stop" if draft.stopped else "length",
    )
