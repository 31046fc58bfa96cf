"""Labelled rollouts as the rows that a verifier is trained on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..artifacts import Artifact, Rollout, Verdict, WrongArtifact
from .answers.extraction import after_reasoning
from .batching import TrainingRow
from .cascade import case_of
from .joins import by_rollout, check_belongs
from .verifiers import LABELS, Case

if TYPE_CHECKING:
    import numpy as np

    from .tokens import Encoder
    from .verifier_method import Balance


class Labelled(NamedTuple):
    """A rollout with its label.

    `verdict` is correct, incorrect or invalid; `made_by` names the augmentation that made the row, "" for those given.
    """

    rollout_id: str
    question: str
    reference: str
    text: str
    verdict: str
    made_by: str = ""

    @property
    def case(self) -> Case:
        """What the verifier is shown, as `whet verify` shows it: of the text the part after reasoning blocks."""
        start, end = after_reasoning(self.text)
        return Case(self.question.strip(), self.reference.strip(), self.text[start:end].strip())


def read_labelled(
    rollouts: Sequence[Artifact[Rollout]], labels: Sequence[Artifact[Verdict]]
) -> tuple[list[Labelled], Counter[str]]:
    """The rollouts that have a label, and counts of all.

    Rollouts whose label is unknown, that have none (labels may cover a part) or that failed are left out and counted.

    Raises:
        WrongArtifact: labels of other rollouts, or nothing left.
    """
    for artifact in labels:
        check_belongs(artifact, *rollouts)
    verdicts = by_rollout(labels, ["verdict"])
    counts: Counter[str] = Counter(rollouts=0)
    found: list[Labelled] = []
    for artifact in rollouts:
        problems = artifact.problems()
        for row in artifact.rows(["rollout_id", "problem_id", "text", "error"]):
            counts["rollouts"] += 1
            judged, text = verdicts.get(row["rollout_id"]), row["text"]
            verdict = "without_label" if judged is None else judged["verdict"]
            if row.get("error") is not None or text is None:
                verdict, text = "failed", ""
            counts[verdict] += 1
            if verdict in LABELS.values():
                case = case_of(text, problems[row["problem_id"]])
                found.append(Labelled(row["rollout_id"], case.question, case.reference, text, verdict))
    if not found:
        paths = ", ".join(str(artifact.path) for artifact in rollouts)
        raise WrongArtifact(f"{paths}: no rollout has a label ({dict(counts)}), expected correct, incorrect or invalid")
    return found, counts


def balanced(verdicts: Sequence[str], how: Balance, seed: int) -> list[tuple[int, float]]:
    """Which rows are trained on, by their index, each with its weight.

    none: every row once, weight 1. weights: every row once, weight n / (k n_l) for n rows of k labels, n_l of its own,
    so that the mean weight is 1 and every label weighs n / k. oversample: every row at least once, weight 1, and rows
    of rarer labels again until each label has as many rows as the most frequent one; a seeded choice makes up the rest.
    """
    rows = Counter(verdicts)
    if how == "weights":
        return [(index, len(verdicts) / (len(rows) * rows[verdict])) for index, verdict in enumerate(verdicts)]
    found = [(index, 1.0) for index in range(len(verdicts))]
    if how == "none":
        return found
    most = max(rows.values())
    rng = random.Random(seed)
    for verdict in sorted(rows):
        own = [index for index, other in enumerate(verdicts) if other == verdict]
        again = own * (most // len(own) - 1) + rng.sample(own, most % len(own))
        found += [(index, 1.0) for index in again]
    return found


@dataclass(slots=True, kw_only=True)
class LabelRow(TrainingRow):
    """A case as the loss sees it: the last `label_tokens` of the completion are the label and the end token."""

    label_tokens: int
    weight: float = 1.0


class Encoded(NamedTuple):
    """The token ids of a case and of its label."""

    rollout_id: str
    prompt_token_ids: np.ndarray
    label_token_ids: np.ndarray

    def row(self, weight: float, whole: bool) -> LabelRow:
        """A row of a step.

        Args:
            whole: the prompt is trained too: it counts as part of the completion.
        """
        import numpy as np

        prompt, completion = self.prompt_token_ids, self.label_token_ids
        if whole:
            prompt, completion = prompt[:0], np.concatenate((prompt, completion))
        return LabelRow(
            rollout_id=self.rollout_id,
            prompt_token_ids=prompt,
            token_ids=completion,
            label_tokens=len(self.label_token_ids),
            weight=weight,
        )


def label_token_ids(encoder: Encoder, labels: Mapping[str, str] = LABELS) -> dict[str, list[int]]:
    """For every verdict its label's token and the end token.

    Raises:
        WrongArtifact: a label is no single token.
    """
    found = {}
    for label, verdict in labels.items():
        token_ids = encoder.encode(label)
        if len(token_ids) != 1:
            raise WrongArtifact(
                f"{encoder.folder}: its tokenizer writes the label {label} with {len(token_ids)} tokens, expected one: "
                "train a model with another tokenizer"
            )
        found[verdict] = [*token_ids, encoder.end_id]
    return found


def shares(counts: Mapping[str, int]) -> str:
    """The labels and their counts, for messages."""
    return ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in LABELS.values() if verdict in counts)


def count_verdicts(rows: Iterable[Labelled]) -> dict[str, Any]:
    """How many rows have each label, and how many each augmentation made."""
    rows = list(rows)
    made = Counter(row.made_by for row in rows if row.made_by)
    return {**Counter(row.verdict for row in rows), **({"made_by": dict(made)} if made else {})}
