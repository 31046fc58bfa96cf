"""Verify rollouts in a process of its own: python verifying_alone.py ROLLOUTS OUT LOG

Writes one byte to LOG for every row that it verified, and makes finished rows durable several times a second.
"""

import os
import sys
from typing import Any

from whet.artifacts import Artifact, Draft, chunks
from whet.stages.deciding import Rules
from whet.stages.verify import VerifyOptions, verify


def main() -> None:
    source, out, log = sys.argv[1:]
    chunks.FLUSH_SECONDS = 0.2
    rollouts = Artifact.open(source)
    draft = Draft.create(out, kind="verdicts", stage="verify", options={}, inputs={"rollouts": rollouts})
    counter = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def count(*_: Any, **__: Any) -> None:
        os.write(counter, b".")

    draft.progress = count  # type: ignore[method-assign]
    verify(rollouts, draft, VerifyOptions(by=Rules(workers=2)))
    draft.publish()


if __name__ == "__main__":
    main()
