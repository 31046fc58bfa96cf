"""Files in the forms that import reads, and imports of them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, SourceFile, Weights
from whet.stages.import_ import ImportOptions, import_, resolve


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Write records (or raw lines) as JSON lines."""

    def write(name: str, *records: Any) -> Path:
        path = tmp_path / name
        texts = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
        path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
        return path

    return write


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., tuple[Draft[Any], Callable[[], None]]]:
    """A draft for an import of a file, and the call that runs the stage."""

    def make(
        path: Path,
        out: str = "out",
        tokenizer: Weights | None = None,
        rollouts: Artifact[Any] | None = None,
        stop: Any = None,
        **chosen: Any,
    ) -> tuple[Draft[Any], Callable[[], None]]:
        file = SourceFile(str(path))
        options = resolve(ImportOptions(**chosen), file, tokenizer, rollouts)
        semantic = {name: value for name, value in asdict(options).items() if name != "max_bad"}
        inputs = {"file": file, "tokenizer": tokenizer, "rollouts": rollouts}
        draft = Draft.create(tmp_path / out, kind=None, stage="import", options=semantic, inputs=inputs, stop=stop)
        return draft, lambda: import_(file, draft, options, tokenizer=tokenizer, rollouts=rollouts)

    return make


@pytest.fixture
def load(start: Callable[..., Any]) -> Callable[..., Artifact[Any]]:
    """Import a file and publish the result."""

    def run(path: Path, out: str = "out", **chosen: Any) -> Artifact[Any]:
        draft, work = start(path, out, **chosen)
        try:
            work()
        except BaseException:
            draft.close()
            raise
        return draft.publish()

    return run
