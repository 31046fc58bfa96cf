"""A toy stage that is slow before there is a draft: for signals that come early."""

import sys
import time
from typing import Any

from whet.artifacts import Draft, SourceFile, Text


def resolve(options: Any, **inputs: Any) -> Any:
    print("opening", file=sys.stderr, flush=True)
    time.sleep(600)
    return options


def slow(file: SourceFile, texts: Draft[Text]) -> None:
    """Take long to begin.

    Examples:
        whet slow FILE --out runs/texts
    """
