"""A toy stage with every form of input, and two outputs."""

from dataclasses import dataclass
from typing import Any, Literal

from whet.artifacts import Artifact, Draft, Problem, Text, Weights

VERSION = 2


@dataclass(frozen=True, kw_only=True)
class JoinOptions:
    """How texts are joined."""

    between: str = " "
    """What stands between two texts"""

    upper: bool = False
    """In capitals"""


def resolve(options: JoinOptions, texts: Artifact[Text], **_: Any) -> JoinOptions:
    return JoinOptions(between="-" if options.between == "auto" else options.between, upper=options.upper)


def plan(options: JoinOptions, texts: Artifact[Text], **_: Any) -> list[str]:
    return [f"first text: {next(iter(texts.rows()))['text']}"]


def join(
    texts: Artifact[Text],
    manner: Literal["pairs", "all"],
    more: list[Artifact[Text] | Artifact[Problem]],
    joined: Draft[Text],
    lengths: Draft[Text],
    options: JoinOptions,
    *,
    policy: Weights | None = None,
    extra: list[Artifact[Text]] | None = None,
    kept: Draft[Text] | None = None,
) -> None:
    """Join the texts of several artifacts.

    Args:
        texts: where the first texts come from.
        extra: joined at the end.

    Examples:
        whet join runs/a all runs/b runs/c --out runs/joined
    """
    rows = [row["text"] for artifact in [texts, *more, *(extra or [])] for row in artifact.rows()]
    text = options.between.join(rows)
    for draft, content in (
        (joined, text.upper() if options.upper else text),
        (lengths, str(len(text))),
        (kept, "kept"),
    ):
        if draft is not None:
            for chunk in draft.chunks([manner]):
                if 0 not in chunk.done:
                    chunk.write({"text_id": "0", "text": content, "source": None}, order=0)
            draft.facts["manner"] = manner
