"""A key-value cache in preallocated buffers: finished rows are overwritten, and decoding concatenates nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class Window:
    """Which part of the buffers is in use, shared by all layers.

    While prompts are read (`source` is set), a layer writes the states of each prompt to all its rows, ending at column
    `stop`. While decoding, it writes the column before `stop` and returns rows [0, rows), columns [start, stop).
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.capacity = (rows, columns)
        self.rows = rows
        self.start = 0
        self.stop = 0
        self.first_row = 0
        self.source: torch.Tensor | None = None
        """For each row from `first_row` on, the index of its prompt in the current forward pass."""


class RowLayer(CacheLayerMixin):
    """Keys and values of one layer, as [rows, heads, columns, head size].

    With `by_column`, keys are stored as [rows, heads, head size, columns] behind that view, for `attention.attend`.
    """

    is_sliding = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, window: Window, *, by_column: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.window = window
        self.by_column = by_column
        self.buffers: tuple[torch.Tensor, ...] = ()

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate the buffers, with the type and device of the first states.

        They start as zeros: the columns left of a short prompt have weight zero in attention, but a NaN that
        uninitialised memory may hold would still spread.
        """
        rows, columns = self.window.capacity
        _, heads, _, size = key_states.shape
        shape = (rows, heads, size, columns) if self.by_column else (rows, heads, columns, size)
        keys = key_states.new_zeros(shape)
        values = value_states.new_zeros((rows, value_states.shape[1], columns, value_states.shape[3]))
        self.buffers = (keys.transpose(2, 3) if self.by_column else keys, values)
        self.is_initialized = True

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *args: Any,  # noqa: ARG002 - the signature is the base class's
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store new states; returns the states to attend to (only the new ones while prompts are read)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        window = self.window
        columns = slice(window.stop - key_states.shape[2], window.stop)
        rows = slice(window.first_row, window.first_row + len(window.source)) if window.source is not None else None
        for buffer, states in zip(self.buffers, (key_states, value_states), strict=True):
            if rows is not None:
                buffer[rows, :, columns] = states[window.source]
            else:
                buffer[: window.rows, :, columns] = states
        if rows is not None:
            return key_states, value_states
        self.show()
        return self.keys, self.values

    def show(self) -> None:
        """Point `keys` and `values` at the part of the buffers that is in use."""
        window = self.window
        self.keys, self.values = (buffer[: window.rows, :, window.start : window.stop] for buffer in self.buffers)

    def move(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """Copy the used columns of rows `source` over rows `target`."""
        columns = slice(self.window.start, self.window.stop)
        for buffer in self.buffers:
            buffer[target, :, columns] = buffer[source, :, columns]

    def get_seq_length(self) -> int:
        """Number of columns before the one that the next update writes; models with relative positions rely on it."""
        window = self.window
        return 0 if window.source is not None else window.stop - 1 - window.start

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys that the next update returns."""
        return self.get_seq_length() + query_length, 0

    def get_max_length(self) -> int:
        """Number of columns of the buffers."""
        return self.window.capacity[1]


class RowCache(Cache):
    """A RowLayer for each layer of the model, over one shared Window."""

    def __init__(self, layers: int, rows: int, columns: int, *, by_column: bool = False) -> None:
        self.window = Window(rows, columns)
        self.rows = [RowLayer(self.window, by_column=by_column) for _ in range(layers)]
        super().__init__(layers=list(self.rows))

    def keep(self, source: Sequence[int], target: Sequence[int], rows: int) -> None:
        """Copy rows `source` over the finished rows `target`, then keep only the first `rows` rows."""
        if source:
            index = torch.tensor([source, target], device=self.rows[0].buffers[0].device)
            for layer in self.rows:
                layer.move(index[0], index[1])
        self.window.rows = rows

    def show(self) -> None:
        """Point the keys and values of every layer at the rows in use, for attention that reads without an update."""
        for layer in self.rows:
            layer.show()
