import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from whet.artifacts import SourceFile, WrongArtifact


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    source = SourceFile(str(tmp_path / "a.jsonl"))
    assert source.digest == hashlib.sha256(b"{}\n").hexdigest()
    with source.open_binary() as file:
        assert file.read() == b"{}\n"


def test_standard_input_has_the_digest_of_the_same_file_and_leaves_nothing_behind() -> None:
    code = (
        "from whet.artifacts import SourceFile; s = SourceFile('-'); print(s.digest, s.name, s.path.exists());"
        "s.close(); print(s.path.exists())"
    )
    done = subprocess.run([sys.executable, "-c", code], input="{}\n", capture_output=True, text=True, check=True)
    assert done.stdout.split() == [hashlib.sha256(b"{}\n").hexdigest(), "stdin", "True", "False"]


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongArtifact, match="is a folder, expected a file"):
        SourceFile(str(tmp_path))
    with pytest.raises(WrongArtifact, match="does not exist"):
        SourceFile(str(tmp_path / "none"))
