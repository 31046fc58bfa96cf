"""Float32 matrix products on a CPU, sent where they are fastest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def fast_products(device: str | torch.device = "cpu") -> Iterator[None]:
    """Send float32 products to oneDNN, which uses AVX-512 where MKL does not, without losing bits.

    It is for linear layers: `plain_products` takes attention out again. Nothing changes on a GPU, nor on a processor
    with AMX: there the same setting would mean fewer bits.
    """
    if torch.device(device).type != "cpu" or torch.cpu._is_amx_tile_supported():
        yield
        return
    with _precision("medium"):
        yield


@contextmanager
def plain_products() -> Iterator[None]:
    """Keep float32 products away from oneDNN, inside of `fast_products`: for products of ever new shapes.

    For each shape oneDNN builds a kernel and keeps it, with its memory: scoring grew by 30 MB a batch.
    """
    with _precision("highest"):
        yield


@contextmanager
def _precision(wanted: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(wanted)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
