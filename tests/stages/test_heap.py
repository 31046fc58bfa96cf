"""Freed memory stays with the process."""

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from whet.stages.heap import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(20):
    torch.ones(16 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(16 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def new_pages(mode: str, **settings: str) -> int:
    """Page faults of making a tensor of 64 MiB ten times."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    environment.pop("GLIBC_TUNABLES", None)
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, mode], env=environment | settings, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
@pytest.mark.slow
def test_a_tensor_that_is_made_again_takes_no_new_pages() -> None:
    # 64 MiB are 16,384 pages of 4 KiB, or 32 of 2 MiB.
    assert new_pages("kept") < 16
    assert new_pages("as it comes") >= 10 * 32


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
@pytest.mark.slow
def test_what_the_user_set_for_malloc_stays() -> None:
    assert new_pages("kept", MALLOC_MMAP_THRESHOLD_="1000000") >= 10 * 32
