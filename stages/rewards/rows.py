"""What each method is trained on, from artifacts to rows: single completions, or pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...artifacts import Artifact, Rollout, Weights, WrongArtifact, WrongOption
from ..models import context_of, folder_of, read_config
from ..objectives.rejection import Rejection
from ..pairs import Pair
from ..pairs.reading import read_pairs
from ..reward_mapping import Reward
from ..training_rollouts import read_groups
from .methods import BradleyTerry, Implicit, Polar, RewardMethod, Token
from .mixing import sigmoid
from .pair_loss import share_of_votes
from .reward_rows import RewardRow, ended
from .sources import Sources

if TYPE_CHECKING:
    from ..batching import TrainingRow
    from ..pairing import Pairing


@dataclass(kw_only=True)
class Data:
    """What there is to learn from.

    Attributes:
        units: what a step takes several of: a row, or the two rows of a pair.
        pairs: the pairs that were made, for inspection.
        facts: for the manifest, beside the counts.
    """

    units: list[tuple[RewardRow, ...]]
    counts: dict[str, Any]
    pairs: list[Pair] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return sum(row.length for unit in self.units for row in unit)

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(row.length for unit in self.units for row in unit)


def read_data(policy: Weights, sources: Sources, method: RewardMethod, pairing: Pairing, seed: int) -> Data:
    """Read what the method learns from, without what does not fit into the model's context.

    Raises:
        WrongOption: inputs that the method does not read, or that are missing.
        WrongArtifact: nothing to learn from.
    """
    if isinstance(method, Polar):
        from .polar_rows import read_polar

        data = read_polar(policy, sources, method, pairing, seed)
    elif method.in_pairs:
        data = _pairs(policy, sources, method, pairing, seed)
    else:
        assert not isinstance(method, BradleyTerry)
        data = _single(policy, sources, method)
    limit = context_of(read_config(folder_of(policy)))
    fitting = [place for place, unit in enumerate(data.units) if all(row.length <= limit for row in unit)]
    data.counts["too_long"] = len(data.units) - len(fitting)
    if not fitting:
        raise WrongArtifact(
            f"{sources.paths}: nothing to learn from fits into {limit:,} tokens ({data.counts}), expected shorter rows"
        )
    data.units = [data.units[place] for place in fitting]
    if data.pairs:
        data.pairs = [data.pairs[place] for place in fitting]
    data.counts["pairs" if method.in_pairs else "rows"] = len(data.units)
    return data


def reward_row(row: TrainingRow, **changed: Any) -> RewardRow:
    """A row of a rollout as a reward model is trained on it, all its tokens."""
    kept = {"rollout_id": row.rollout_id, "reward": row.reward, "unit": row.unit, "truncated": row.truncated}
    return RewardRow(
        prompt_token_ids=row.prompt_token_ids, token_ids=row.token_ids, trained=row.trained, **(kept | changed)
    )


def _at_end(row: TrainingRow, of_pair: dict[str, float]) -> RewardRow:
    """Half a pair, scored after its last token."""
    return ended(
        row.prompt_token_ids, row.token_ids, rollout_id=row.rollout_id, reward=row.reward, unit=row.unit, **of_pair
    )


def _pairs(
    policy: Weights, sources: Sources, method: Token | BradleyTerry | Implicit, pairing: Pairing, seed: int
) -> Data:
    if isinstance(method, Token):
        _refuse(sources, ["preferences", "scores"], "--method token learns from verdicts")
    given = read_pairs(
        policy, preferences=sources.preferences, rollouts=sources.rollouts, verdicts=sources.verdicts,
        scores=sources.scores, pairing=pairing, seed=seed, other_tokenizer="encode",
    )  # fmt: skip
    units = []
    for unit, pair in enumerate(given.pairs):
        chosen, rejected = pair.rows(unit)
        if isinstance(method, Token):
            # Each is right or wrong for itself: they need not be computed together.
            rows = tuple(reward_row(row, unit=None) for row in (chosen, rejected))
        elif isinstance(method, BradleyTerry):
            rows = tuple(_at_end(row, strength(pair, method)) for row in (chosen, rejected))
        else:
            # What a reference says of a row is kept by its name, and completions of preferences have none.
            rows = (
                reward_row(chosen, rollout_id=f"{unit} chosen"),
                reward_row(rejected, rollout_id=f"{unit} rejected"),
            )
        units.append(rows)
    return Data(units=units, counts=given.counts, pairs=given.pairs)


def strength(pair: Pair, method: BradleyTerry) -> dict[str, float]:
    """How sure the preference of a pair is, and its margin.

    Raises:
        WrongArtifact: the pair does not say what the method asks for.
    """
    preferred, margin = 1.0, method.margin
    if method.preferred == "votes":
        chosen, rejected = pair.chosen_votes, pair.rejected_votes
        if chosen is None or rejected is None or chosen + rejected == 0:
            raise WrongArtifact(
                f"a pair of problem {pair.problem_id} has no votes, expected chosen_votes and rejected_votes: "
                "--preferred chosen takes every preference for certain"
            )
        preferred = share_of_votes(chosen, rejected)
    if method.preferred == "margin" or method.margin_weight:
        if pair.margin is None:
            raise WrongArtifact(
                f"a pair of problem {pair.problem_id} has no margin, expected one: give --scores of the rollouts, or "
                "leave out --preferred margin and --margin-weight"
            )
        margin += method.margin_weight * pair.margin
        if method.preferred == "margin":
            preferred = sigmoid(pair.margin)
    return {"preferred": preferred, "margin": margin}


def _single(policy: Weights, sources: Sources, method: Token | Implicit) -> Data:
    """Completions by themselves, each right or wrong."""
    name = "--method token" if isinstance(method, Token) else "--loss ce"
    _refuse(sources, ["preferences", "scores"], f"{name} learns from the verdict of each rollout")
    if not sources.rollouts or not sources.verdicts:
        raise WrongOption(f"{name} learns from the verdict of each rollout: give --rollouts and their --verdicts")
    right = Reward(correct=1.0, incorrect=0.0, invalid=0.0)
    given = read_groups(policy, sources.rollouts, sources.verdicts, Rejection(), right)
    rows = [reward_row(row) for group in given.groups for row in group.rows if row.trained_tokens]
    counts: dict[str, Any] = dict(given.counts)
    if isinstance(method, Token) and method.keep == "mixed-groups":
        rows = _of_mixed_groups(rows, sources.rollouts)
        counts["of_mixed_groups"] = len(rows)
    outcomes = Counter(row.reward for row in rows)
    if len(outcomes) < 2:
        raise WrongArtifact(
            f"{sources.paths}: all {len(rows):,} rollouts to learn from are {'right' if 1.0 in outcomes else 'wrong'}, "
            "expected right and wrong ones"
        )
    return Data(units=[(row,) for row in rows], counts=counts)


def _of_mixed_groups(rows: list[RewardRow], rollouts: Sequence[Artifact[Rollout]]) -> list[RewardRow]:
    """The rows of problems of which some rollouts are right and some wrong."""
    problem: dict[str, str] = {}
    for artifact in rollouts:
        problem |= {row["rollout_id"]: row["problem_id"] for row in artifact.rows(["rollout_id", "problem_id"])}
    outcomes: dict[str, set[float]] = {}
    for row in rows:
        outcomes.setdefault(problem[row.rollout_id], set()).add(row.reward)
    return [row for row in rows if len(outcomes[problem[row.rollout_id]]) == 2]


def _refuse(sources: Sources, names: Sequence[str], why: str) -> None:
    for name in names:
        if getattr(sources, name):
            raise WrongOption(f"{why}: leave out --{name}")
