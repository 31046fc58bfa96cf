"""A toy stage with a forked worker: for signals that reach a whole process group."""

import os
import sys
import time

from whet.artifacts import Draft, Text


def fork(texts: Draft[Text]) -> None:
    """Wait beside a worker until asked to stop.

    Examples:
        whet fork --out runs/texts
    """
    for chunk in texts.chunks([0]):
        worker = os.fork()
        if worker == 0:
            time.sleep(1.5)
            os._exit(0)
        print("forked", file=sys.stderr, flush=True)
        _, status = os.waitpid(worker, 0)
        print("worker ended well" if status == 0 else f"worker ended with {status}", file=sys.stderr, flush=True)
        chunk.write({"text_id": "0", "text": "one", "source": None}, order=0)
