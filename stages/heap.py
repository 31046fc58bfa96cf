"""Memory that was freed stays with the process, where a tensor is made and dropped at every step.

The C library of Linux gives every large block back to the system when it is freed, and gets new pages, filled with
zeros, for the next one: on a CPU a quarter of a forward pass went there.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's malloc.h"""

_KEPT_BYTES = 2**31 - 1
"""The most that mallopt takes: blocks up to this size come from the heap, of which so much may lie free at its end"""

_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> None:
    """Set it for this process, once; where the user has settings of malloc, or without glibc, nothing is done."""
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _SETTINGS):
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
