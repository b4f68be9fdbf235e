"""Texts that a causal model reads once, and branches that grow from positions inside them on the shared cache.

A branch sees the tokens of its text before its border, then its own, at the positions they would have if the branch
were all that follows. So its numbers are those of a fresh reading of `text[:border] + branch`, for the price of the
branch alone: n + sum |branch_j| tokens a text instead of sum (border_j + |branch_j|). All branches of a text share one
row of the cache; a mask keeps them apart.
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
"""The switch of transformers for it, read at every forward pass."""

TEXT, NOTHING = 0, -1
"""Owners of a column that is no branch's: the text with its prefix, and padding."""


@dataclass
class Branch:
    """What grows from the text in row `row`, behind its first `border` tokens. `number` is its own, from 1 on."""

    number: int
    row: int
    border: int
    length: int = 0
    """Tokens that it has grown so far."""


class Slot(NamedTuple):
    """One token of a forward pass: whose it is, its position, and how many positions of the text it sees."""

    token: int
    owner: int
    position: int
    sight: int


class Forks:
    """Texts in the rows of one cache, behind a prefix that is the same for all and read once."""

    def __init__(
        self, model: Any, texts: Sequence[Sequence[int]], *, prefix: Sequence[int] = (), room: int, filler: int = 0
    ) -> None:
        """Allot the cache; nothing is read yet.

        Args:
            model: a causal model whose layers all have full attention.
            texts: token ids of each text.
            prefix: token ids in front of every text.
            room: columns for branches in each row.
            filler: any token id, for places that nothing attends to.

        Raises:
            GenerationError: a text is longer, with prefix and a token more, than the model reads.
        """
        self.model, self.texts, self.prefix, self.filler = model, texts, list(prefix), filler
        self.width = len(self.prefix) + max(map(len, texts))
        self.limit = getattr(model.config, "max_position_embeddings", None) or self.width + room
        if self.width >= self.limit:
            raise GenerationError(
                f"a text of {self.width - len(self.prefix)} tokens behind {len(self.prefix)} of the prompt is more "
                f"than the model's {self.limit}; cut documents shorter, take fewer examples or a longer model"
            )
        columns = self.width + room
        self.cache = RowCache(model.config.get_text_config().num_hidden_layers, len(texts), columns)
        self.owners = torch.full((len(texts), columns), NOTHING, device=model.device)
        self.positions = torch.zeros((len(texts), columns), dtype=torch.long, device=model.device)
        self.branches: list[Branch] = []
        self.tokens = 0
        """Tokens read so far, padding left out."""

    def read(self, wanted: Sequence[range] = ()) -> list[list[float]]:
        """Read prefix and texts, and say how likely some of their tokens are.

        Args:
            wanted: a range of token numbers for each text, or nothing. Number 0 has a score behind a prefix only.

        Returns:
            Log-probabilities in nats of those tokens of each text, each after all that stands before it.
        """
        base = len(self.prefix)
        last = self._read_prefix() if base else None
        rows = [[Slot(token, TEXT, base + place, 0) for place, token in enumerate(text)] for text in self.texts]
        scored = [
            (row, place - 1, text[place])
            for row, (text, places) in enumerate(zip(self.texts, wanted, strict=False))
            for place in places
            if place > 0
        ]
        found = iter(self._scores(rows, scored))
        scores: list[list[float]] = []
        for text, places in zip(self.texts, wanted, strict=False):
            ahead = [float(last[text[0]])] if last is not None and 0 in places else []
            scores.append(ahead + [next(found) for place in places if place > 0])
        return scores

    def branch(self, row: int, border: int) -> Branch:
        """A new branch behind the first `border` tokens of a text."""
        self.branches.append(Branch(len(self.branches) + 1, row, border))
        return self.branches[-1]

    def score(
        self, branches: Sequence[Branch], heads: Sequence[Sequence[int]], tails: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Grow each branch by a head (at least one token) and a tail.

        Returns:
            Log-probabilities in nats of each tail's tokens, each after all that the branch has before it.
        """
        rows, starts = self._slots(branches, [[*head, *tail] for head, tail in zip(heads, tails, strict=True)])
        scored = [
            (branch.row, start + len(head) - 1 + place, token)
            for branch, start, head, tail in zip(branches, starts, heads, tails, strict=True)
            for place, token in enumerate(tail)
        ]
        found = iter(self._scores(rows, scored))
        return [[next(found) for _ in tail] for tail in tails]

    def write(
        self, branches: Sequence[Branch], openings: Sequence[Sequence[int]], stopping: Stopping, longest: int
    ) -> list[list[int]]:
        """Grow each branch by its opening, then by the likeliest token until it ends; all step together.

        Returns:
            What each branch wrote behind its opening, the end token or the stop string's tokens included.
        """
        drafts: list[list[int]] = [[] for _ in branches]
        going = list(range(len(branches)))
        growth = [list(opening) for opening in openings]
        while going:
            chosen = self._next_tokens([branches[place] for place in going], growth)
            for place, token in zip(going, chosen, strict=True):
                drafts[place].append(token)
            going = [place for place in going if not _done(drafts[place], stopping, longest)]
            growth = [drafts[place][-1:] for place in going]
        return drafts

    def rewind(self) -> None:
        """Forget all branches; the texts stay."""
        self.branches.clear()
        self.owners[:, self.width :] = NOTHING
        self.cache.window.stop = self.width

    def _read_prefix(self) -> Tensor:
        """Read the prefix once into all rows. Returns the log-probabilities of what comes next, [vocabulary]."""
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
        found: Tensor = output.logits[0, -1].float().log_softmax(-1)
        return found

    def _slots(self, branches: Sequence[Branch], growth: Sequence[Sequence[int]]) -> tuple[list[list[Slot]], list[int]]:
        """Slots of each row with the branches one behind the other, and the slot where each begins."""
        rows: list[list[Slot]] = [[] for _ in self.texts]
        starts = []
        for branch, tokens in zip(branches, growth, strict=True):
            sight = len(self.prefix) + branch.border
            first = sight + branch.length
            if first + len(tokens) > self.limit:
                raise GenerationError(
                    f"a branch reaches token {first + len(tokens)}, the model has {self.limit}; cut documents shorter, "
                    "take fewer examples or a longer model"
                )
            starts.append(len(rows[branch.row]))
            rows[branch.row] += [Slot(token, branch.number, first + place, sight) for place, token in enumerate(tokens)]
            branch.length += len(tokens)
        return rows, starts

    def _next_tokens(self, branches: Sequence[Branch], growth: Sequence[Sequence[int]]) -> list[int]:
        """The likeliest token behind each branch, grown by some tokens."""
        rows, starts = self._slots(branches, growth)
        ends = [start + len(tokens) - 1 for start, tokens in zip(starts, growth, strict=True)]
        logits = self._forward(rows, [(branch.row, end) for branch, end in zip(branches, ends, strict=True)])
        chosen: list[int] = logits.argmax(-1).tolist()
        return chosen

    def _scores(self, rows: Sequence[Sequence[Slot]], scored: Sequence[tuple[int, int, int]]) -> list[float]:
        """Log-probability of each (row, slot before it, token) after one forward pass."""
        logits = self._forward(rows, [(row, slot) for row, slot, _ in scored]).float()
        tokens = torch.tensor([token for _, _, token in scored], dtype=torch.long, device=logits.device)
        found: list[float] = (logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1)).tolist()
        return found

    def _forward(self, rows: Sequence[Sequence[Slot]], at: Sequence[tuple[int, int]]) -> Tensor:
        """Append the rows' slots to the cache. Returns logits [len(at), vocabulary] behind each (row, slot)."""
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
        """Additive mask [rows, 1, slots, columns]: the owner's earlier columns and the text in sight."""
        size = first + owners.shape[1]
        theirs, where = self.owners[:, None, :size], self.positions[:, None, :size]
        column = torch.arange(size, device=owners.device)
        earlier = column <= column[first:, None]
        seen = ((theirs == owners[..., None]) & earlier) | ((theirs == TEXT) & (where < sights[..., None]))
        mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=owners.device)
        return mask.masked_fill_(~seen, torch.finfo(mask.dtype).min)[:, None]


@contextmanager
def _head_at(model: Any, at: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Let the model compute logits behind some (row, slot) only, as a batch of one with a place for each."""
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
    """Let attention on the CPU read keys that several heads share in place.

    Otherwise transformers copies them for every head as soon as there is a mask, which costs as much as all the rest.
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
    """Whether a backend's model is here and causal, so that its texts can have forks."""
    return isinstance(backend, TransformersBackend) and not backend.seq2seq


def _done(draft: Sequence[int], stopping: Stopping, longest: int) -> bool:
    return len(draft) >= longest or draft[-1] in stopping.ends or stopping.stopped(draft)
