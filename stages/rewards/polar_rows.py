"""What POLAR is trained on: a reference, a chosen and a rejected completion of one problem.

Pre-training takes reference and chosen from one policy and the rejected one from another; fine-tuning takes them from
preferences, or from rollouts that verdicts or scores rank: the best is the reference of the others.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ...artifacts import Artifact, Message, Rollout, Weights, WrongArtifact, WrongOption
from ..batching import TrainingRow
from ..models import context_of, folder_of, read_config
from ..pairs import Pair, Side
from ..pairs.reading import read_pairs
from ..tokens import load_encoder
from .folder import read_settings
from .methods import Polar
from .polar_packing import REWARD, SEPARATOR, Packer, Packing, join_messages
from .policy_distance import Distance, policy_distances
from .reward_rows import RewardRow, ended
from .rows import Data
from .sources import Sources

if TYPE_CHECKING:
    from ..pairing import Pairing


class Triple(NamedTuple):
    """What one loss term compares: chosen and rejected, each beside the reference."""

    messages: Sequence[Message]
    reference: str
    chosen: str
    rejected: str
    problem_id: str = ""
    source: str | None = None
    """Pre-training: which policy wrote reference and chosen, and which the rejected one"""

    @property
    def pair(self) -> Pair:
        """The triple as a pair without tokens, to be looked at."""
        import numpy as np

        nothing = np.empty(0, np.int32)
        row = TrainingRow(rollout_id="", prompt_token_ids=nothing, token_ids=nothing)
        return Pair(
            problem_id=self.problem_id, messages=list(self.messages), reference=self.reference, source=self.source,
            chosen=Side(text=self.chosen, row=row), rejected=Side(text=self.rejected, row=row),
        )  # fmt: skip


def packing_of(policy: Weights, method: Polar) -> Packing:
    """The packing that training uses: the options', with the tokens of the model that is trained further."""
    config = read_config(folder_of(policy))
    settings = read_settings(folder_of(policy))
    before = settings.packing if settings is not None and settings.packing is not None else None
    return Packing(
        separator_token=method.separator_token or (before.separator_token if before else SEPARATOR),
        reward_token=method.reward_token or (before.reward_token if before else REWARD),
        wrapper=method.wrapper,
        max_answer_tokens=method.max_answer_tokens,
        # Training puts one more token behind the reward token (`ended`), which must fit too.
        max_length=min(method.max_length, context_of(config) - 1),
    )


def read_polar(policy: Weights, sources: Sources, method: Polar, pairing: Pairing, seed: int) -> Data:
    """Read and pack what POLAR learns from.

    Raises:
        WrongOption: inputs that do not belong together, or a tokenizer without the packing's tokens.
        WrongArtifact: nothing to learn from.
    """
    packing = packing_of(policy, method)
    packer = Packer(load_encoder(folder_of(policy)), packing)
    facts: dict[str, Any]
    if compares_policies(sources, method):
        triples, counts, facts = pretraining_triples(sources.rollouts, method, seed)
        pairs = [triple.pair for triple in triples]
    else:
        triples, counts, pairs = _finetuning_triples(policy, sources, method, pairing, seed)
        facts = {"compares": "completions"}
    units: list[tuple[RewardRow, ...]] = []
    for unit, triple in enumerate(triples):
        rows, cut = pack_triple(packer, triple, unit)
        counts["cut"] += cut
        units.append(rows)
    if not units:
        raise WrongArtifact(
            f"{sources.paths}: nothing to compare ({dict(counts)}), expected for some problem a reference and two more "
            "completions, one of them better"
        )
    return Data(units=units, counts=dict(counts), pairs=pairs, facts=facts)


def pack_triple(packer: Packer, triple: Triple, unit: int) -> tuple[tuple[RewardRow, RewardRow], bool]:
    """The two rows of a triple, chosen first, and whether one of them lost tokens."""
    import numpy as np

    packed = packer.pack(join_messages(triple.messages), triple.reference, [triple.chosen, triple.rejected])
    both = [np.array(one.token_ids, np.int32) for one in packed]
    # What both begin with is computed once. The reward token stays behind it, so that both have a token of their own.
    shortest = min(map(len, both)) - 1
    differs = (both[0][:shortest] != both[1][:shortest]).nonzero()[0]
    shared = int(differs[0]) if len(differs) else shortest
    chosen, rejected = (
        ended(ids[:shared], ids[shared:], rollout_id=f"{unit} {name}", reward=reward, unit=unit)
        for ids, name, reward in zip(both, ("chosen", "rejected"), (1.0, 0.0), strict=True)
    )
    return (chosen, rejected), any(one.cut for one in packed)


def compares_policies(sources: Sources, method: Polar) -> bool:
    """Whether it is pre-training: rollouts that nothing ranks.

    Raises:
        WrongOption: inputs that the kind of training asked for does not read.
    """
    ranked = bool(sources.verdicts or sources.scores or sources.preferences)
    if method.compare == "policies" and ranked:
        raise WrongOption(
            "--compare policies learns from who wrote a rollout: leave out --verdicts, --scores and --preferences"
        )
    if method.compare == "completions" and not ranked:
        raise WrongOption("--compare completions needs --preferences, or --verdicts or --scores of the rollouts")
    return not ranked


# --- pre-training -----------------------------------------------------------------------------------------------------


def pretraining_triples(
    rollouts: Sequence[Artifact[Rollout]], method: Polar, seed: int
) -> tuple[list[Triple], Counter[str], dict[str, Any]]:
    """Triples of every problem that two policies wrote to, counts, and the distances of the policies.

    A policy is told by the digest of its weights (for rollouts that name none: by their own digest) and by the step of
    an on-policy training. Each policy with two completions of a problem gives reference and chosen `pairs_per_policy`
    times, and another that is far enough gives the rejected one. The choice depends on the seed and the problem alone.

    Raises:
        WrongArtifact: fewer than two policies.
    """
    texts, asked, counts, names = _texts(rollouts)
    if len(names) < 2:
        raise WrongArtifact(
            f"{', '.join(str(artifact.path) for artifact in rollouts)}: all rollouts are of one policy, expected two "
            "or more: give --rollouts of another policy on the same problems, or --verdicts to fine-tune"
        )
    distances = policy_distances(texts)
    near = {pair for pair, distance in distances.items() if distance.value < method.min_distance}
    triples: list[Triple] = []
    for problem, own in texts.items():
        rng = random.Random(f"{seed} {problem}")
        for one, other, drawn in _draws(own, near, method, rng, counts):
            source = f"{names[one]} against {names[other]}"
            triples.append(Triple(asked[problem], *drawn, problem_id=problem, source=source))
    counts["policies"], counts["near_policies"] = len(names), len(near)
    shown = [_shown(pair, distance, names, pair in near) for pair, distance in distances.items()]
    return triples, counts, {"compares": "policies", "policy_distances": shown}


def _texts(
    rollouts: Sequence[Artifact[Rollout]],
) -> tuple[dict[str, dict[str, list[str]]], dict[str, Sequence[Message]], Counter[str], dict[str, str]]:
    """Problem -> policy -> completions; problem -> messages; counts; policy -> where it was found first."""
    texts: dict[str, dict[str, list[str]]] = {}
    asked: dict[str, Sequence[Message]] = {}
    counts: Counter[str] = Counter(rollouts=0)
    names: dict[str, str] = {}
    for artifact in rollouts:
        given = artifact.manifest.facts.get("policy") or {}
        digest = given.get("digest") or artifact.digest
        for key, problem in artifact.problems().items():
            asked[key] = problem["messages"]
        for row in artifact.rows(["problem_id", "step", "text", "error"]):
            counts["rollouts"] += 1
            if row.get("error") is not None or row["text"] is None:
                counts["failed"] += 1
                continue
            step = row.get("step")
            policy = digest if step is None else f"{digest} step {step}"
            names.setdefault(policy, str(given.get("spec") or artifact.path))
            texts.setdefault(row["problem_id"], {}).setdefault(policy, []).append(row["text"])
    return texts, asked, counts, names


def _draws(
    own: dict[str, list[str]], near: set[tuple[str, str]], method: Polar, rng: random.Random, counts: Counter[str]
) -> Iterator[tuple[str, str, tuple[str, str, str]]]:
    """Both policies, and the reference, chosen and rejected completions of one problem."""
    for policy in sorted(own):
        others = [name for name in sorted(own) if name != policy and tuple(sorted((name, policy))) not in near]
        if len(own[policy]) < 2 or not others:
            counts["without_partner"] += 1
            continue
        for _ in range(method.pairs_per_policy):
            reference, chosen = rng.sample(own[policy], 2)
            other = rng.choice(others)
            rejected = rng.choice(own[other])
            if chosen == rejected:
                counts["identical"] += 1
            else:
                counts["triples"] += 1
                yield policy, other, (reference, chosen, rejected)


def _shown(pair: tuple[str, str], distance: Distance, names: dict[str, str], near: bool) -> dict[str, Any]:
    return {
        "policies": [names[name] for name in pair],
        "digests": list(pair),
        "distance": round(distance.value, 6),
        "standard_error": None if distance.problems < 2 else round(distance.error, 6),
        "problems": distance.problems,
        "left_out": near,
    }


# --- fine-tuning ------------------------------------------------------------------------------------------------------


def _finetuning_triples(
    policy: Weights, sources: Sources, method: Polar, pairing: Pairing, seed: int
) -> tuple[list[Triple], Counter[str], list[Pair]]:
    """Triples of preferences with a reference, or of ranked rollouts."""
    own = bool(sources.preferences) or method.reference == "answer"
    given = read_pairs(
        policy, preferences=sources.preferences, rollouts=sources.rollouts, verdicts=sources.verdicts,
        scores=sources.scores, pairing=pairing if own else replace(pairing, pairs="all", max_pairs_per_problem=None),
        seed=seed, other_tokenizer="encode",
    )  # fmt: skip
    counts = Counter(given.counts)
    if own:
        pairs = [pair for pair in given.pairs if pair.reference]
        counts["without_reference"] = len(given.pairs) - len(pairs)
        triples = [Triple(pair.messages, pair.reference or "", pair.chosen.text, pair.rejected.text) for pair in pairs]
        return triples, counts, pairs
    grouped: dict[str, list[Pair]] = {}
    for pair in given.pairs:
        grouped.setdefault(pair.problem_id, []).append(pair)
    triples, kept = [], []
    for problem, ranked in grouped.items():
        rng = random.Random(f"{seed} {problem}")
        for reference, pair in beside_best(ranked, pairing, rng):
            triples.append(Triple(pair.messages, reference, pair.chosen.text, pair.rejected.text))
            kept.append(replace(pair, reference=reference))
    counts["triples"] = len(triples)
    return triples, counts, kept


def beside_best(ranked: Sequence[Pair], pairing: Pairing, rng: random.Random) -> list[tuple[str, Pair]]:
    """The best rollout of a problem as the reference, and pairs of the others.

    The best is one that nothing beats; a draw decides between equals. Of the pairs without it, best-worst takes those
    that are furthest apart in the ranking first, random a random choice, all all of them. (Dou et al. 2025, eq. 8: the
    best of three answers is the reference, the second stands against the third.)

    Args:
        ranked: every pair of the problem's rollouts that are not worth the same.
    """
    wins: Counter[str] = Counter()
    texts: dict[str, str] = {}
    beaten: set[str] = set()
    for pair in ranked:
        better, worse = pair.chosen.row.rollout_id, pair.rejected.row.rollout_id
        wins[better] += 1
        wins[worse] -= 1
        beaten.add(worse)
        texts[better], texts[worse] = pair.chosen.text, pair.rejected.text
    best = rng.choice(sorted(texts.keys() - beaten))
    rest = [pair for pair in ranked if best not in (pair.chosen.row.rollout_id, pair.rejected.row.rollout_id)]
    rng.shuffle(rest)
    if pairing.pairs in ("best-worst", "confident-errors"):
        rest.sort(key=lambda pair: wins[pair.rejected.row.rollout_id] - wins[pair.chosen.row.rollout_id])
    return [(texts[best], pair) for pair in rest[: pairing.most]]
