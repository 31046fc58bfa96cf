"""Durable file operations: every byte of an artifact passes through here.

A file appears under its name only when it is whole: written to a temporary name, fsynced, renamed.
"""

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp-"
"""Prefix of files that are being written; readers and digests pass over them."""


def canonical_json(value: Any) -> str:
    """One spelling of a JSON value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: Any) -> str:
    """sha256 (hex) of a JSON value in its canonical spelling."""
    # surrogatepass: text of models may hold lone surrogates, and an identity must never fail on them.
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def sha256_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def temporary_name(path: Path) -> Path:
    """A name beside `path` that no other process or thread uses."""
    return path.with_name(f"{TEMPORARY}{socket.gethostname()}-{os.getpid()}-{time.monotonic_ns()}-{path.name}")


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HashingFile:
    """A file that is hashed while it is written; it takes its name when `commit` is called.

    Has what `pyarrow` asks of a sink: write, flush, close, closed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.closed = False
        self._temporary = temporary_name(path)
        self._hash = hashlib.sha256()
        self._discarded = False
        self._handle = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if self._discarded:  # a parquet writer cannot be closed without writing its footer
            return len(view)
        self._hash.update(view)
        self.size += len(view)
        written = 0
        while written < len(view):
            written += os.write(self._handle, view[written:])
        return written

    def flush(self) -> None:
        """Nothing is buffered here."""

    def close(self) -> None:
        """Pyarrow closes its sink; the file is renamed by `commit`, so this only marks the end."""
        self.closed = True

    def sync(self) -> None:
        """Make the bytes durable and close the file, still under its temporary name."""
        os.fsync(self._handle)
        os.close(self._handle)
        self._handle = -1

    def commit(self) -> None:
        """Give the file its name."""
        if self._handle >= 0:
            self.sync()
        os.replace(self._temporary, self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the unfinished file; what is still written to it goes nowhere."""
        self._discarded = True
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)


@contextlib.contextmanager
def written_file(path: Path) -> Iterator[HashingFile]:
    """A file that exists under its name only if the block ends well."""
    file = HashingFile(path)
    try:
        yield file
        file.commit()
    except BaseException:
        file.discard()
        raise


def write_file(path: Path, data: bytes | str) -> None:
    """Write a small file whole, or not at all."""
    with written_file(path) as file:
        # A file name or a model's text may hold lone surrogates; as backslashes they are JSON's own spelling.
        file.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole, readable, in a stable spelling."""
    write_file(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it; entries that vanish meanwhile are somebody else's success."""
    with contextlib.suppress(FileNotFoundError):
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                remove_tree(entry)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry)
        os.rmdir(folder)
