"""The keys and values of the rows that are being drawn."""

# B rows, T columns, P prompt tokens, N key-value heads, D head width

from __future__ import annotations

import torch
from torch import Tensor


class Cache:
    """Keys and values, [B, N, T, D] a layer; a token's column is its position in its row, whatever the rows beside it.

    Rows and columns are allocated ahead and grow layer by layer, so that growing never holds two whole caches.
    """

    def __init__(
        self, shape: tuple[int, int, int], rows: int, columns: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        layers, self._kv_heads, self._head_width = shape
        self._dtype, self._device = dtype, device
        self.rows, self.columns = rows, columns
        self._keys = [self._empty(rows, columns) for _ in range(layers)]
        self._values = [self._empty(rows, columns) for _ in range(layers)]
        self._row_numbers = torch.arange(rows, device=device)

    def _empty(self, rows: int, columns: int) -> Tensor:
        # Zeros, not garbage: a masked column has weight 0, and 0 * nan would still be nan.
        return torch.zeros(rows, self._kv_heads, columns, self._head_width, dtype=self._dtype, device=self._device)

    @torch.inference_mode()
    def grow(self, rows: int, columns: int, used_rows: int) -> None:
        """Make it [rows, columns], keeping the first `used_rows` rows."""
        kept = min(self.columns, columns)
        for tensors in (self._keys, self._values):
            for index, old in enumerate(tensors):
                tensors[index] = self._empty(rows, columns)
                tensors[index][:used_rows, :, :kept] = old[:used_rows, :, :kept]
        self.rows, self.columns = rows, columns
        self._row_numbers = torch.arange(rows, device=self._device)

    def write_prompts(self, layer: int, rows_B: Tensor, key_BPND: Tensor, value_BPND: Tensor) -> None:
        """Fill the first P columns of the given rows."""
        length = key_BPND.shape[1]
        self._keys[layer][rows_B, :, :length] = key_BPND.transpose(1, 2)
        self._values[layer][rows_B, :, :length] = value_BPND.transpose(1, 2)

    def write_tokens(self, layer: int, columns_B: Tensor, key_BND: Tensor, value_BND: Tensor) -> None:
        """Fill one column of each of the first B rows."""
        rows_B = self._row_numbers[: len(columns_B)]
        self._keys[layer][rows_B, :, columns_B] = key_BND
        self._values[layer][rows_B, :, columns_B] = value_BND

    def read(self, layer: int, first: int, end: int, columns: int) -> tuple[Tensor, Tensor]:
        """Keys and values of rows first..end-1 in the first columns, [end - first, N, columns, D] views."""
        return self._keys[layer][first:end, :, :columns], self._values[layer][first:end, :, :columns]

    @torch.inference_mode()
    def copy_rows(self, sources: list[int], targets: list[int], columns: int) -> None:
        """Copy the first columns of some rows onto others."""
        if not sources:
            return
        source = torch.tensor(sources, device=self._device)
        target = torch.tensor(targets, device=self._device)
        for tensors in (self._keys, self._values):
            for tensor in tensors:
                tensor[target, :, :columns] = tensor[source, :, :columns]
