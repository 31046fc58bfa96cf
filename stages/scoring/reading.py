"""The rows of rollouts or texts as candidates, and the chunks that they are scored in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...artifacts import Artifact, Problem, Rollout, Text, Weights, WrongArtifact
from ..batching import TrainingRow, policy_tokens
from ..models import check_vocabulary, context_of, folder_of, read_config
from ..rollouts import rows_with_arrays
from ..tokens import PromptFormat, load_encoder
from .scored import Candidate

if TYPE_CHECKING:
    import numpy as np

_PLAIN = ["rollout_id", "problem_id", "step", "occurrence", "finish_reason", "error", "segments"]
_LISTS = ["prompt_token_ids", "token_ids"]


def chunk_plan(rows: Artifact[Any], normalise: str) -> list[dict[str, list[int]]]:
    """Chunks as lists of parts: one part each, but for normalising.

    By group: parts that share a group are one chunk. Running: all parts are one chunk, as every score depends on those
    before it.
    """
    parts = [part.index for part in rows.parts]
    if normalise == "running":
        return [{"parts": parts}]
    if normalise != "group" or rows.kind != "rollouts":
        return [{"parts": [part]} for part in parts]
    last: dict[tuple[str, int, int], int] = {}
    reach = list(parts)
    for part in parts:
        for row in rows.part_rows(part, ["problem_id", "step", "occurrence"]):
            key = group_of(row)
            first = last.setdefault(key, part)
            reach[first] = part
    plan: list[dict[str, list[int]]] = []
    end = -1
    for part in parts:
        if part > end:
            plan.append({"parts": []})
        plan[-1]["parts"].append(part)
        end = max(end, reach[part])
    return plan


def group_of(row: Any) -> tuple[str, int, int]:
    """What the rollouts of a group have in common."""
    return row["problem_id"], row["step"] or 0, row["occurrence"] or 0


def check_tokenizer(rows: Artifact[Any], model: Weights, retokenize: bool) -> None:
    """Refuse rollouts whose tokens are not this model's, unless their texts are to be encoded again.

    Raises:
        WrongArtifact: tokens of another tokenizer, or none.
    """
    if rows.kind != "rollouts" or retokenize:
        return
    digest = rows.manifest.facts.get("tokenizer_digest")
    if digest is not None and digest != model.tokenizer_digest:
        raise WrongArtifact(
            f"{rows.path} holds tokens of another tokenizer than {model.spec} has, expected the same: give "
            "--retokenize to encode the texts again for this model, or score with a model of the same tokenizer"
        )


class Reader:
    """Reads candidates of one artifact for one model.

    Args:
        rows: rollouts, or texts.
        retokenize: encode the texts of rollouts anew, with the model's chat template where it has one.
        prompt_format: how the model's prompts are written, where `retokenize` does so.
        as_text: the method packs texts itself: no tokens are read.
        reference: a model that reads the same rows beside it: they must fit into both contexts.
    """

    def __init__(
        self,
        rows: Artifact[Rollout] | Artifact[Text],
        model: Weights,
        *,
        retokenize: bool = False,
        prompt_format: PromptFormat | None = None,
        as_text: bool = False,
        reference: Weights | None = None,
    ) -> None:
        self.rows, self.model, self.encoder = rows, model, load_encoder(folder_of(model))
        readers = [model] if reference is None else [model, reference]
        configs = [read_config(folder_of(each)) for each in readers]
        for each, config in zip(readers, configs, strict=True):
            check_vocabulary(self.encoder.vocabulary, config, each)
        self.context = min(map(context_of, configs))
        self.problems: dict[str, Problem] = rows.problems() if rows.kind == "rollouts" else {}
        self._sizes = [part.rows for part in rows.parts]
        self._as_text, self._rollouts = as_text, None
        if retokenize:
            from ..importing.encoding import RolloutEncoder

            self._rollouts = RolloutEncoder(model, prompt_format)

    @property
    def prefix_id(self) -> int:
        """What a text follows: the BOS token, or where there is none the end token, as if another text had ended."""
        return self.encoder.end_id if self.encoder.bos_id is None else self.encoder.bos_id

    def size(self, unit: dict[str, list[int]]) -> int:
        """Rows of a chunk."""
        return sum(self._sizes[part] for part in unit["parts"])

    def group_sizes(self, unit: dict[str, list[int]], done: set[int]) -> dict[tuple[str, int, int], int]:
        """How many rows of each group are still to be scored."""
        sizes: dict[tuple[str, int, int], int] = {}
        columns = ["problem_id", "step", "occurrence"]
        if self.rows.kind == "texts":
            return sizes
        for order, row in self._each(unit, lambda part: self.rows.part_rows(part, columns)):
            if order not in done:
                sizes[group_of(row)] = sizes.get(group_of(row), 0) + 1
        return sizes

    def candidates(self, unit: dict[str, list[int]], done: set[int]) -> Iterator[Candidate]:
        """Every row of a chunk that is not done, in its order."""
        read = self._text_rows if self.rows.kind == "texts" else self._rollout_rows
        for order, row in self._each(unit, read):
            if order not in done:
                yield from self._texts(order, row) if self.rows.kind == "texts" else [self._rollout(order, row)]

    def _each(self, unit: dict[str, list[int]], read: Callable[[int], Any]) -> Iterator[tuple[int, Any]]:
        order = 0
        for part in unit["parts"]:
            for row in read(part):
                yield order, row
                order += 1

    def _text_rows(self, part: int) -> Iterator[Any]:
        return self.rows.part_rows(part, ["text_id", "text"])

    def _rollout_rows(self, part: int) -> Iterator[dict[str, Any]]:
        plain = [*_PLAIN, "text"] if self._as_text or self._rollouts is not None else _PLAIN
        tokens = [] if self._as_text or self._rollouts is not None else _LISTS
        return rows_with_arrays(self.rows, plain, tokens, [part])

    def _rollout(self, order: int, row: dict[str, Any]) -> Candidate:
        from ..importing.reading import BadRow

        candidate = Candidate(
            order, row["rollout_id"], row["problem_id"], group_of(row), problem=self.problems.get(row["problem_id"])
        )
        if row["error"]:
            return candidate.without("failed")
        if self._as_text:
            candidate.text = row["text"] or ""
            return candidate
        segments = row["segments"]
        if self._rollouts is not None:
            if candidate.problem is None:
                raise WrongArtifact(f"{self.rows.path} has no problem of rollout {row['rollout_id']}: make it again")
            try:
                self._rollouts.add_ids(row, candidate.problem)
            except BadRow:
                return candidate.without("not_encodable")
            segments = None
        if row["token_ids"] is None or row["prompt_token_ids"] is None:
            raise WrongArtifact(
                f"{self.rows.path} holds text without token ids (rollout {row['rollout_id']}), expected tokens: give "
                "--retokenize to encode the texts for this model, or import them with --tokenizer"
            )
        if not len(row["token_ids"]):
            return candidate.without("empty")
        candidate.row = self._row(row["rollout_id"], row["prompt_token_ids"], row["token_ids"])
        candidate.own = policy_tokens(segments, len(row["token_ids"]))
        return candidate

    def _texts(self, order: int, row: Any) -> Iterator[Candidate]:
        """A text follows `prefix_id`; each further piece of a long one follows the last token before it."""
        token_ids = self.encoder.encode(row["text"])
        if not token_ids:
            yield Candidate(order, row["text_id"], row["text_id"]).without("empty")
            return
        length = self.context - 1
        starts = range(0, len(token_ids), length)
        for place, start in enumerate(starts):
            before = [token_ids[start - 1] if start else self.prefix_id]
            made = self._row(row["text_id"], before, token_ids[start : start + length])
            yield Candidate(order, row["text_id"], row["text_id"], row=made, place=place, of=len(starts))

    def _row(self, name: str, prompt: Any, token_ids: Any) -> TrainingRow:
        return TrainingRow(
            rollout_id=name,
            prompt_token_ids=_ids(prompt if len(prompt) else [self.prefix_id]),
            token_ids=_ids(token_ids),
        )


def _ids(token_ids: Any) -> np.ndarray:
    import numpy as np

    return np.asarray(token_ids, dtype=np.int32)
