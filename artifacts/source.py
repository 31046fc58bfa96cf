"""A file that a user gives (not an artifact): known by its bytes."""

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from .errors import WrongArtifact
from .files import sha256_file


class SourceFile:
    """A file to import; `-` is standard input, kept in a temporary file so that it can be read twice."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.name = "stdin" if spec == "-" else Path(spec).name
        if spec == "-":
            self.path, self.digest = _spool(sys.stdin.buffer)
            self.temporary = True
            return
        self.temporary = False
        self.path = Path(spec)
        if self.path.is_dir():
            raise WrongArtifact(f"{spec} is a folder, expected a file (or - for standard input)")
        if not self.path.is_file():
            raise WrongArtifact(f"{spec} does not exist: give a file (or - for standard input)")
        self.digest = sha256_file(self.path)

    @property
    def kind(self) -> str:
        return "file"

    def open_binary(self) -> BinaryIO:
        return open(self.path, "rb")

    def close(self) -> None:
        """Remove the copy of standard input."""
        if self.temporary:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def _spool(stream: BinaryIO) -> tuple[Path, str]:
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix="whet-stdin-", delete=False) as copy:
        while block := stream.read(1 << 20):
            digest.update(block)
            copy.write(block)
    return Path(copy.name), digest.hexdigest()
