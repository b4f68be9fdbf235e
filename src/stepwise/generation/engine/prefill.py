"""Reading prompts once and then continuing token by token: one reader per family of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch

from stepwise.generation.engine import attention
from stepwise.generation.engine.batching import microbatches
from stepwise.generation.engine.cache import RowCache

READ_TOKENS = 4096
"""Maximum number of padded prompt tokens in a forward pass that reads prompts."""


class Reader(Protocol):
    """The rows of a batch inside a model. Row r continues prompt `owners[r]`."""

    def begin(self) -> torch.Tensor:
        """Read every prompt once. Returns the next token's logits [rows, vocabulary] in float32."""
        ...

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append a token to each row [rows]. Returns the next token's logits [rows, vocabulary] in float32."""
        ...

    def keep(self, source: Sequence[int], target: Sequence[int], rows: int) -> None:
        """Move rows `source` to the finished places `target`; only places below `rows` continue."""
        ...


def left_padded(prompts: Sequence[Sequence[int]], filler: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids [prompts, longest] with `filler` in front, and the mask of real tokens (1 = real)."""
    width = max(map(len, prompts))
    ids = [[filler] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


class _Rows:
    """What both readers share: the prompt that each row continues, and the column where it starts."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], owners: Sequence[int], filler: int) -> None:
        self.model = model
        self.device = model.device
        self.prompts = prompts
        self.owners = torch.tensor(owners, device=self.device)
        self.filler = filler
        self.width = len(prompts[0])
        self.starts = [self.width - len(prompts[owner]) for owner in owners]
        self.hidden = self._hidden_columns()

    def _hidden_columns(self) -> torch.Tensor:
        """Additive mask [rows, 1, 1, width]: the lowest number where a row is padded, otherwise 0."""
        starts = torch.tensor(self.starts, device=self.device)[:, None, None, None]
        columns = torch.arange(self.width, device=self.device)
        zero = torch.zeros((), dtype=self.model.dtype, device=self.device)
        return torch.where(columns < starts, torch.finfo(zero.dtype).min, zero)

    def parts(self, window: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Prompts in parts that fit one forward pass, as (ids, mask); `window` is set to the rows that a part fills."""
        for part in microbatches([len(prompt) for prompt in self.prompts], READ_TOKENS):
            rows = ((self.owners >= part.start) & (self.owners < part.stop)).nonzero()[:, 0]
            window.first_row = int(rows[0])
            window.source = self.owners[rows] - part.start
            yield left_padded([self.prompts[index] for index in part], self.filler, self.device)
        window.source = None

    def keep_starts(self, source: Sequence[int], target: Sequence[int], rows: int) -> None:
        """Move the rows' start columns and masks along with them."""
        for here, there in zip(source, target, strict=True):
            self.starts[there] = self.starts[here]
        del self.starts[rows:]
        if source:
            self.hidden[list(target)] = self.hidden[list(source)]


class CausalReader(_Rows):
    """A decoder-only model: prompts are left-padded in the cache, so all rows write the same column."""

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], owners: Sequence[int], filler: int, new_tokens: int
    ) -> None:
        """`prompts` come longest first; `owners` are in ascending order."""
        super().__init__(model, prompts, owners, filler)
        columns = self.width + new_tokens
        layers = model.config.get_text_config().num_hidden_layers
        by_column = model.config._attn_implementation == attention.NAME
        self.cache = RowCache(layers, len(owners), columns, by_column=by_column)
        self.hidden = torch.nn.functional.pad(self.hidden, (0, new_tokens))
        self.positions = torch.tensor([len(prompts[owner]) for owner in owners], device=self.device)

    def begin(self) -> torch.Tensor:
        """See Reader."""
        window = self.cache.window
        window.stop = self.width
        next_logits = []
        for ids, mask in self.parts(window):
            output = self.model(
                input_ids=ids,
                attention_mask=mask if int(mask.min()) == 0 else None,
                position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=1,
            )
            next_logits.append(output.logits[:, -1].float()[window.source])
        return torch.cat(next_logits)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """See Reader."""
        window = self.cache.window
        window.stop += 1
        padded = max(self.starts) > window.start
        output = self.model(
            input_ids=tokens[:, None],
            attention_mask=self.hidden[: window.rows, :, :, window.start : window.stop] if padded else None,
            position_ids=self.positions[: window.rows, None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.positions += 1
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def keep(self, source: Sequence[int], target: Sequence[int], rows: int) -> None:
        """See Reader. Columns that only longer prompts needed are no longer read."""
        self.cache.keep(source, target, rows)
        self.keep_starts(source, target, rows)
        if source:
            self.positions[list(target)] = self.positions[list(source)]
        self.cache.window.start = min(self.starts, default=0)


class EncoderDecoderReader(_Rows):
    """An encoder-decoder model: the prompt goes through the encoder and into the cross-attention cache once."""

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], owners: Sequence[int], filler: int, new_tokens: int
    ) -> None:
        """`prompts` come longest first; `owners` are in ascending order."""
        from transformers.cache_utils import EncoderDecoderCache

        super().__init__(model, prompts, owners, filler)
        layers = decoder_layers(model.config)
        self.own = RowCache(layers, len(owners), new_tokens + 1)
        self.cross = RowCache(layers, len(owners), self.width)
        self.cache = EncoderDecoderCache(self.own, self.cross)
        self.size = 0

    def begin(self) -> torch.Tensor:
        """See Reader."""
        own, cross = self.own.window, self.cross.window
        own.stop, cross.stop = 1, self.width
        next_logits = []
        for ids, mask in self.parts(cross):
            own.first_row, own.source = cross.first_row, cross.source
            self.cache.is_updated.clear()
            start = torch.full((len(ids), 1), self.model.config.decoder_start_token_id, device=self.device)
            states = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
            self.size = states.shape[-1]
            logits = self._decode(start, mask if int(mask.min()) == 0 else None, states)
            next_logits.append(logits[cross.source])
        own.source = None
        self.cross.show()
        return torch.cat(next_logits)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """See Reader. The encoder's states are in the cache; the model only needs their shape."""
        self.own.window.stop += 1
        rows, start = self.own.window.rows, self.cross.window.start
        mask = self.hidden[:rows, :, :, start:] if max(self.starts) > start else None
        shape = (rows, self.width - start, self.size)
        states = torch.zeros((), dtype=self.model.dtype, device=self.device).expand(shape)
        return self._decode(tokens[:, None], mask, states)

    def _decode(self, tokens: torch.Tensor, mask: torch.Tensor | None, states: torch.Tensor) -> torch.Tensor:
        output = self.model(
            decoder_input_ids=tokens,
            attention_mask=mask,
            encoder_outputs=(states,),
            past_key_values=self.cache,
            use_cache=True,
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def keep(self, source: Sequence[int], target: Sequence[int], rows: int) -> None:
        """See Reader."""
        self.own.keep(source, target, rows)
        self.cross.keep(source, target, rows)
        self.keep_starts(source, target, rows)
        self.cross.window.start = min(self.starts, default=0)
        self.cross.show()


def decoder_layers(config: Any) -> int:
    """Decoder layers of an encoder-decoder model."""
    named = (getattr(config, name, None) for name in ("num_decoder_layers", "decoder_layers", "num_hidden_layers"))
    return next(int(count) for count in named if count)
