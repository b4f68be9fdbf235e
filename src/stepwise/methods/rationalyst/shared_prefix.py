"""Texts that a causal model reads once, and branches that continue from positions inside them on the shared cache.

A branch attends to its text up to its border, then to its own tokens, at the positions they would have if nothing else
followed. So its scores equal those of a fresh pass over `text[:border] + branch`, for the price of the branch alone:
n + sum |branch_j| tokens per text instead of sum (border_j + |branch_j|). All branches of a text share one row of the
cache; the attention mask separates them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor

from stepwise.generation.base import Backend, GenerationError
from stepwise.generation.engine.cache import RowCache
from stepwise.generation.engine.stopping import Stopping
from stepwise.generation.transformers_backend import TransformersBackend

GROUPED = "TRANSFORMERS_SDPA_FORCE_GQA"
"""Environment variable of transformers that turns on grouped-query attention; read at every forward pass."""

TEXT, NOTHING = 0, -1
"""Owners of cache columns that belong to no branch: the text with its prefix, and padding."""


@dataclass
class Branch:
    """A continuation of the text in row `row` after its first `border` tokens. `number` identifies it, from 1 on."""

    number: int
    row: int
    border: int
    length: int = 0
    """Tokens in the branch so far."""


class Slot(NamedTuple):
    """One token of a forward pass: its owner, its position, and how many positions of the text it attends to."""

    token: int
    owner: int
    position: int
    sight: int


class Forks:
    """Texts in the rows of one cache, after a common prefix that is read once."""

    def __init__(
        self, model: Any, texts: Sequence[Sequence[int]], *, prefix: Sequence[int] = (), room: int, filler: int = 0
    ) -> None:
        """Allocate the cache; nothing is read yet.

        Args:
            model: a causal model whose layers all have full attention.
            texts: token ids of each text.
            prefix: token ids before every text.
            room: columns for branches in each row.
            filler: any token id, for padding that nothing attends to.

        Raises:
            GenerationError: prefix, text and one more token exceed the model's context.
        """
        self.model, self.texts, self.prefix, self.filler = model, texts, list(prefix), filler
        self.width = len(self.prefix) + max(map(len, texts))
        self.limit = getattr(model.config, "max_position_embeddings", None) or self.width + room
        if self.width >= self.limit:
            raise GenerationError(
                f"a text of {self.width - len(self.prefix)} tokens after {len(self.prefix)} of the prompt exceeds the "
                f"model's context of {self.limit}; use shorter documents, fewer examples or a model with a longer one"
            )
        columns = self.width + room
        self.cache = RowCache(model.config.get_text_config().num_hidden_layers, len(texts), columns)
        self.owners = torch.full((len(texts), columns), NOTHING, device=model.device)
        self.positions = torch.zeros((len(texts), columns), dtype=torch.long, device=model.device)
        self.branches: list[Branch] = []
        self.tokens = 0
        """Tokens read so far, without padding."""

    def read(self, ranges: Sequence[range] = ()) -> list[list[float]]:
        """Read prefix and texts, and score some of the texts' tokens.

        Args:
            ranges: for each text the range of tokens to score, or nothing. Token 0 has a score only after a prefix.

        Returns:
            Log-probabilities in nats of those tokens of each text, each given everything before it.
        """
        base = len(self.prefix)
        last = self._read_prefix() if base else None
        rows = [[Slot(token, TEXT, base + place, 0) for place, token in enumerate(text)] for text in self.texts]
        scored = [
            (row, place - 1, text[place])
            for row, (text, places) in enumerate(zip(self.texts, ranges, strict=False))
            for place in places
            if place > 0
        ]
        logprobs = iter(self._scores(rows, scored))
        scores: list[list[float]] = []
        for text, places in zip(self.texts, ranges, strict=False):
            first = [float(last[text[0]])] if last is not None and 0 in places else []
            scores.append(first + [next(logprobs) for place in places if place > 0])
        return scores

    def branch(self, row: int, border: int) -> Branch:
        """A new branch after the first `border` tokens of a text."""
        self.branches.append(Branch(len(self.branches) + 1, row, border))
        return self.branches[-1]

    def score(
        self, branches: Sequence[Branch], heads: Sequence[Sequence[int]], tails: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Extend each branch by a head (at least one token) and a tail.

        Returns:
            Log-probabilities in nats of each tail's tokens, each given everything before it in its branch.
        """
        rows, starts = self._slots(branches, [[*head, *tail] for head, tail in zip(heads, tails, strict=True)])
        scored = [
            (branch.row, start + len(head) - 1 + place, token)
            for branch, start, head, tail in zip(branches, starts, heads, tails, strict=True)
            for place, token in enumerate(tail)
        ]
        logprobs = iter(self._scores(rows, scored))
        return [[next(logprobs) for _ in tail] for tail in tails]

    def write(
        self, branches: Sequence[Branch], openings: Sequence[Sequence[int]], stopping: Stopping, longest: int
    ) -> list[list[int]]:
        """Extend each branch by its opening, then decode greedily until it ends; all branches step together.

        Returns:
            What each branch generated after its opening, including the end token or the stop string's tokens.
        """
        drafts: list[list[int]] = [[] for _ in branches]
        active = list(range(len(branches)))
        growth = [list(opening) for opening in openings]
        while active:
            tokens = self._next_tokens([branches[number] for number in active], growth)
            for number, token in zip(active, tokens, strict=True):
                drafts[number].append(token)
            active = [number for number in active if not _done(drafts[number], stopping, longest)]
            growth = [drafts[number][-1:] for number in active]
        return drafts

    def rewind(self) -> None:
        """Drop all branches; the texts stay."""
        self.branches.clear()
        self.owners[:, self.width :] = NOTHING
        self.cache.window.stop = self.width

    def _read_prefix(self) -> Tensor:
        """Read the prefix once into all rows. Returns the log-probabilities of the next token, [vocabulary]."""
        base, window = len(self.prefix), self.cache.window
        window.stop = base
        window.source = torch.zeros(len(self.texts), dtype=torch.long, device=self.model.device)
        ids = torch.tensor([self.prefix], device=self.model.device)
        where = torch.arange(base, device=self.model.device)
        output = self.model(
            input_ids=ids, position_ids=where[None], past_key_values=self.cache, use_cache=True, logits_to_keep=1
        )
        window.source = None
        self.owners[:, :base] = TEXT
        self.positions[:, :base] = where
        self.tokens += base
        logprobs: Tensor = output.logits[0, -1].float().log_softmax(-1)
        return logprobs

    def _slots(self, branches: Sequence[Branch], growth: Sequence[Sequence[int]]) -> tuple[list[list[Slot]], list[int]]:
        """Slots of each row, its branches one after the other, and the slot where each branch begins."""
        rows: list[list[Slot]] = [[] for _ in self.texts]
        starts = []
        for branch, tokens in zip(branches, growth, strict=True):
            sight = len(self.prefix) + branch.border
            first = sight + branch.length
            if first + len(tokens) > self.limit:
                raise GenerationError(
                    f"a branch reaches token {first + len(tokens)}, beyond the model's context of {self.limit}; use "
                    "shorter documents, fewer examples or a model with a longer one"
                )
            starts.append(len(rows[branch.row]))
            rows[branch.row] += [Slot(token, branch.number, first + place, sight) for place, token in enumerate(tokens)]
            branch.length += len(tokens)
        return rows, starts

    def _next_tokens(self, branches: Sequence[Branch], growth: Sequence[Sequence[int]]) -> list[int]:
        """Extend each branch by some tokens; the likeliest token after each."""
        rows, starts = self._slots(branches, growth)
        ends = [start + len(tokens) - 1 for start, tokens in zip(starts, growth, strict=True)]
        logits = self._forward(rows, [(branch.row, end) for branch, end in zip(branches, ends, strict=True)])
        likeliest: list[int] = logits.argmax(-1).tolist()
        return likeliest

    def _scores(self, rows: Sequence[Sequence[Slot]], scored: Sequence[tuple[int, int, int]]) -> list[float]:
        """One forward pass; the log-probability of each (row, slot before the token, token)."""
        logits = self._forward(rows, [(row, slot) for row, slot, _ in scored]).float()
        tokens = torch.tensor([token for _, _, token in scored], dtype=torch.long, device=logits.device)
        logprobs: list[float] = (logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1)).tolist()
        return logprobs

    def _forward(self, rows: Sequence[Sequence[Slot]], at: Sequence[tuple[int, int]]) -> Tensor:
        """Append the rows' slots to the cache. Returns logits [len(at), vocabulary] after each (row, slot)."""
        longest = max(map(len, rows))
        blank = Slot(self.filler, NOTHING, 0, 0)
        device, window = self.model.device, self.cache.window
        slots = torch.tensor([[*row, *[blank] * (longest - len(row))] for row in rows], device=device)
        ids, owners, positions, sights = slots.unbind(-1)
        columns = slice(window.stop, window.stop + longest)
        window.stop += longest
        self.owners[:, columns], self.positions[:, columns] = owners, positions
        with _grouped_heads(device), _head_at(self.model, at):
            output = self.model(
                input_ids=ids,
                attention_mask=self._visible(owners, sights, columns.start),
                position_ids=positions,
                past_key_values=self.cache,
                use_cache=True,
            )
        self.tokens += sum(map(len, rows))
        logits: Tensor = output.logits[0]
        return logits

    def _visible(self, owners: Tensor, sights: Tensor, first: int) -> Tensor:
        """Additive attention mask [rows, 1, slots, columns]: the branch's earlier columns and its part of the text."""
        size = first + owners.shape[1]
        theirs, where = self.owners[:, None, :size], self.positions[:, None, :size]
        column = torch.arange(size, device=owners.device)
        earlier = column <= column[first:, None]
        seen = ((theirs == owners[..., None]) & earlier) | ((theirs == TEXT) & (where < sights[..., None]))
        mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=owners.device)
        return mask.masked_fill_(~seen, torch.finfo(mask.dtype).min)[:, None]


@contextmanager
def _head_at(model: Any, at: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Make the model compute logits only after the given (row, slot) pairs, as a batch of one."""
    rows, slots = [row for row, _ in at], [slot for _, slot in at]

    def gather(_head: torch.nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (arguments[0][rows, slots][None],)

    hook = model.get_output_embeddings().register_forward_pre_hook(gather)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _grouped_heads(device: torch.device) -> Iterator[None]:
    """Make attention on the CPU read keys that several heads share in place.

    Otherwise transformers copies them for every head whenever there is a mask, which doubles the cost.
    """
    before = os.environ.get(GROUPED)
    if device.type == "cpu":
        os.environ[GROUPED] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(GROUPED, None)
        else:
            os.environ[GROUPED] = before


def forkable(backend: Backend) -> TypeGuard[TransformersBackend]:
    """Whether a backend runs a causal model in this process, so that its texts can have branches."""
    return isinstance(backend, TransformersBackend) and not backend.seq2seq


def _done(draft: Sequence[int], stopping: Stopping, longest: int) -> bool:
    return len(draft) >= longest or draft[-1] in stopping.ends or stopping.stopped(draft)
