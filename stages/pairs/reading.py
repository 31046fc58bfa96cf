"""Read the pairs of preferences or of rollouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...artifacts import Artifact, Preference, Rollout, Score, Verdict, Weights, WrongArtifact, WrongOption
from ..models import folder_of
from ..pairing import Pairing
from ..reward_mapping import Reward
from ..tokens import load_encoder
from . import Pair
from .preferences import pairs_of_preferences
from .rollouts import RolloutSides, pairs_of_rollouts
from .worths import check_worths, read_worths


@dataclass
class Pairs:
    """The pairs given, and counts of what they were read from."""

    pairs: list[Pair]
    counts: dict[str, int]


def read_pairs(
    tokenizer: Weights,
    *,
    preferences: Sequence[Artifact[Preference]] = (),
    rollouts: Sequence[Artifact[Rollout]] = (),
    verdicts: Sequence[Artifact[Verdict]] = (),
    scores: Sequence[Artifact[Score]] = (),
    pairing: Pairing | None = None,
    reward: Reward | None = None,
    seed: int = 0,
    other_tokenizer: Literal["refuse", "encode"] = "refuse",
) -> Pairs:
    """The pairs of preferences, or those made from rollouts with their verdicts, their scores or both.

    Two completions that are the same, in tokens, are no pair. Pairs come in the order of the data; the same seed gives
    the same pairs, and those of a problem do not depend on other problems.

    Args:
        tokenizer: the model whose tokens are wanted.
        reward: what verdicts are worth (default: 1 if correct, else 0); unknown ones leave their rollout out.
        other_tokenizer: what becomes of rollouts of another tokenizer: an error, or their text encoded anew.

    Raises:
        WrongOption: neither or both of preferences and rollouts; rollouts without anything to compare them by.
        WrongArtifact: verdicts or scores of other rollouts, tokens of another tokenizer, text that cannot be encoded,
            or no pair.
    """
    encoder = load_encoder(folder_of(tokenizer))
    counts: Counter[str] = Counter(pairs=0)
    if bool(preferences) == bool(rollouts):
        found = "both" if rollouts else "neither"
        raise WrongOption(
            f"{found} --preferences and --rollouts were given, expected one of them: where pairs are from"
        )
    if preferences:
        candidates = pairs_of_preferences(encoder, preferences, counts)
    else:
        reward = (reward or Reward()).filled((1.0, 0.0, 0.0))
        pairing = pairing or Pairing()
        check_worths(pairing, verdicts, scores)
        reader = RolloutSides(encoder, tokenizer, other_tokenizer, counts)
        worths = read_worths(rollouts, verdicts, scores, reward)
        candidates = pairs_of_rollouts(reader, rollouts, worths, pairing, seed)
    pairs = []
    for pair in candidates:
        if pair.identical:
            counts["identical"] += 1
        else:
            pairs.append(pair)
    counts["pairs"] = len(pairs)
    if not pairs:
        paths = ", ".join(str(artifact.path) for artifact in (*preferences, *rollouts))
        raise WrongArtifact(
            f"{paths}: no pair could be made ({dict(counts)}), expected problems with a better and a worse completion"
        )
    return Pairs(pairs, dict(counts))
