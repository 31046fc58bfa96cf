"""Putting a verifier's training together: model, labelled rows, loss, loop and the folder that comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..artifacts import Artifact, Draft, Rollout, Verdict, Verifier, Weights, WrongArtifact
from .models import check_vocabulary, context_of, folder_of, read_config
from .tokens import load_encoder
from .verifier_augmentation import augmented
from .verifier_method import Verifier as Method
from .verifier_rows import Encoded, Labelled, balanced, count_verdicts, label_token_ids, read_labelled, shares
from .verifiers import LABELS
from .verifiers.prompts import CaseTooLong, Prompt, encode_case

if TYPE_CHECKING:
    from pathlib import Path

    from .tokens import Encoder
    from .train_rm import TrainRmOptions
    from .verifier_rows import LabelRow


class Data(NamedTuple):
    """What a verifier is trained on.

    `chosen`: which rows an epoch has, by their index, each with its weight; `counts`: for the manifest.
    """

    rows: list[Encoded]
    chosen: list[tuple[int, float]]
    counts: dict[str, Any]

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(len(row.prompt_token_ids) + len(row.label_token_ids) for row in self.rows)


def prepare(
    policy: Weights,
    rollouts: Sequence[Artifact[Rollout]],
    labels: Sequence[Artifact[Verdict]],
    prompt: Prompt,
    method: Method,
    seed: int,
) -> tuple[Data, Labelled]:
    """Read, augment, encode and balance the rows; the first of them besides, to be looked at.

    Raises:
        WrongArtifact: nothing to train on, or a tokenizer that cannot write the labels.
    """
    from loguru import logger

    folder = folder_of(policy)
    encoder, config = load_encoder(folder), read_config(folder)
    check_vocabulary(encoder.vocabulary, config, policy)
    labelled, counts = read_labelled(rollouts, labels)
    logger.info(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
    rows = [*labelled, *augmented(labelled, method.augmentation, seed)]
    limit = min(method.max_length, context_of(config))
    encoded, kept, lost = _encode(encoder, prompt, rows, limit)
    if not encoded:
        raise WrongArtifact(f"no case fits into {limit:,} tokens, expected shorter questions, or raise --max-length")
    verdicts = [row.verdict for row in kept]
    chosen = balanced(verdicts, method.balance, seed)
    counts = {
        **counts, "trained_on": count_verdicts(kept), "rows": len(encoded), "rows_an_epoch": len(chosen), **lost,
    }  # fmt: skip
    logger.info(f"{len(encoded):,} rows with what was made of them: {shares(Counter(verdicts))}")
    _warn(verdicts, lost, method)
    return Data(encoded, chosen, counts), labelled[0]


def _encode(
    encoder: Encoder, prompt: Prompt, rows: Sequence[Labelled], limit: int
) -> tuple[list[Encoded], list[Labelled], dict[str, int]]:
    """Every case that fits, as token ids and as it was, and how many were cut or left out."""
    import numpy as np

    label_ids = {verdict: np.array(ids, np.int32) for verdict, ids in label_token_ids(encoder).items()}
    encoded: list[Encoded] = []
    kept: list[Labelled] = []
    lost = {"cut": 0, "too_long": 0, "not_asked": 0}
    for row in rows:
        ids, case = label_ids[row.verdict], row.case
        if not case.completion or not case.reference:
            # Verdicts of these need no model, and none is asked.
            lost["not_asked"] += 1
            continue
        try:
            prompt_ids, cut = encode_case(encoder, prompt, case, limit - len(ids))
        except CaseTooLong:
            lost["too_long"] += 1
            continue
        lost["cut"] += bool(cut)
        encoded.append(Encoded(row.rollout_id, np.array(prompt_ids, np.int32), ids))
        kept.append(row)
    return encoded, kept, lost


def _warn(verdicts: Sequence[str], lost: dict[str, int], method: Method) -> None:
    """Say what the user may want to change."""
    from loguru import logger

    counts = Counter(verdicts)
    rare = [verdict for verdict in LABELS.values() if counts[verdict] < 0.05 * len(verdicts)]
    if rare and method.balance == "none":
        logger.warning(f"under 5 % of the rows are {' or '.join(rare)}: see --balance")
    if lost["too_long"]:
        logger.warning(f"{lost['too_long']:,} rows are left out: question and reference alone exceed --max-length")


class VerifierTraining:
    """One run of `whet train-rm --method verifier`.

    Args:
        policy: the model that is fine-tuned, and whose tokenizer is kept.
        options: resolved.
        prompt: how a case is asked.
    """

    def __init__(
        self, policy: Weights, out: Draft[Verifier], options: TrainRmOptions, method: Method, prompt: Prompt
    ) -> None:
        from .models import load_policy
        from .rm_training import RmTraining

        self.policy, self.options, self.method, self.prompt = policy, options, method, prompt
        self._training = RmTraining(policy, lambda: load_policy(policy, dtype="float32"), out, options, self._complete)

    def _complete(self, folder: Path) -> None:
        from .verifiers.settings import Settings, write_settings

        chat = load_encoder(folder_of(self.policy)).template is not None
        write_settings(folder, Settings(self.prompt, dict(LABELS), chat))

    def run(self, rollouts: Sequence[Artifact[Rollout]], labels: Sequence[Artifact[Verdict]]) -> None:
        """Train and write the folder."""
        from .verifier_loss import LabelLoss, label_totals

        method = self.method
        data, _ = prepare(self.policy, rollouts, labels, self.prompt, method, self.options.loop.seed)

        def rows_of(place: int) -> tuple[LabelRow]:
            index, weight = data.chosen[place]
            return (data.rows[index].row(weight, method.prompt_weight > 0),)

        self._training.train(
            len(data.chosen), rows_of, label_totals, LabelLoss(self._training.learner, method.prompt_weight),
            longest=data.longest, facts={"rollouts": data.counts},
        )  # fmt: skip
