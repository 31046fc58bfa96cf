"""Rows of an optimiser step, cut into micro-batches of a token budget and padded into tensors.

Masks come from lengths and segments, never from the padding token: an end token is trained also where it is the
padding token.
"""

# B rows, S positions of prompt and completion, T completion tokens, N trained tokens

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from .rewards.step_rewards import Steps

LENGTH_MULTIPLE = 8
"""Lengths are rounded up, so that few shapes occur: a CPU compiles and keeps its bfloat16 kernels for each, which
costs time and a gigabyte; on a GPU multiples of 8 fill the tensor cores."""


class Trainable(Protocol):
    """A row of a step."""

    @property
    def length(self) -> int:
        """Tokens, those of the prompt included."""
        ...

    @property
    def trained_tokens(self) -> int: ...


Row = TypeVar("Row", bound=Trainable)


@dataclass(kw_only=True)
class Step(Generic[Row]):
    """What one optimiser step trains on."""

    rows: list[Row]
    totals: Any
    """What the loss is divided by"""

    shown: dict[str, float] = field(default_factory=dict)
    """Numbers about the rows, for the log"""


@dataclass(slots=True, kw_only=True)
class TrainingRow:
    """One rollout as a loss sees it. Arrays are as long as the completion."""

    rollout_id: str
    prompt_token_ids: np.ndarray
    token_ids: np.ndarray
    trained: np.ndarray | None = None
    """bool: the policy's own tokens; None is all of them"""

    truncated: bool = False
    correct: bool | None = None
    """Whether it counts as correct, whatever that is worth; None where there is no verdict"""

    reward: float = 0.0
    advantage: float = 0.0
    sampled_logprobs: np.ndarray | None = None
    """ln p in the distribution that the tokens were drawn from"""

    old_logprobs: np.ndarray | None = None
    """ln p under the policy before the first update from this rollout"""

    teacher_logprobs: np.ndarray | None = None
    """ln p under a teacher"""

    unit: int | None = None
    """Rows of a step with the same unit are computed in one micro-batch; None is a unit of its own"""

    steps: Steps | None = None
    """The steps of the completion with their scores, where they are rewarded"""

    step_advantages: np.ndarray | None = None
    """What each token's advantage gets from its step, beside that of the rollout"""

    @property
    def has_advantage(self) -> bool:
        """Whether some token has one."""
        return self.advantage != 0 or (self.step_advantages is not None and bool(self.step_advantages.any()))

    @property
    def length(self) -> int:
        return len(self.prompt_token_ids) + len(self.token_ids)

    @property
    def trained_tokens(self) -> int:
        """How many tokens carry loss. Without a prompt the first token has no position that predicts it."""
        first = 0 if len(self.prompt_token_ids) else 1
        if self.trained is not None:
            return int(self.trained[first:].sum())
        return max(0, len(self.token_ids) - first)


def policy_tokens(segments: Sequence[dict[str, Any]] | None, length: int) -> np.ndarray | None:
    """Which tokens of a completion the policy wrote itself; None where it wrote all.

    Args:
        segments: start, end and origin of parts of the completion; tokens outside all of them count as the policy's.
    """
    import numpy as np

    foreign = [segment for segment in segments or [] if segment["origin"] != "policy"]
    if not foreign:
        return None
    trained = np.ones(length, dtype=bool)
    for segment in foreign:
        trained[segment["start"] : segment["end"]] = False
    return trained


def rounded(length: int) -> int:
    """Up to the next multiple."""
    return -(-length // LENGTH_MULTIPLE) * LENGTH_MULTIPLE


def rounded_pack(length: int) -> int:
    """Up to the next 32nd of the power of two below: at most 3 % more, and few shapes."""
    multiple = max(LENGTH_MULTIPLE, 1 << max(0, length.bit_length() - 6))
    return -(-length // multiple) * multiple


class MicroBatch(NamedTuple):
    """Rows that are computed together.

    `needed`: positions that have to be computed; `computed`: with padding.
    """

    indices: list[int]
    needed: int
    computed: int


def micro_batches(
    lengths: Sequence[int], batch_tokens: int, units: Sequence[int | None] | None = None
) -> list[list[int]]:
    """Indices of rows that are computed together: sorted by length, at most `batch_tokens` with padding.

    Lengths count as rounded up, as `pad` makes them. Rows of one unit stay together; None is a unit of its own. A unit
    longer than the budget is a micro-batch of its own.
    """
    grouped = _units(units or [None] * len(lengths))
    widest = [max(lengths[index] for index in unit) for unit in grouped]
    batches: list[list[int]] = []
    width = 0
    for place in sorted(range(len(grouped)), key=lambda place: -widest[place]):
        unit = grouped[place]
        if batches and (len(batches[-1]) + len(unit)) * width <= batch_tokens:
            batches[-1] += unit
        else:
            width = rounded(widest[place])
            batches.append(list(unit))
    return batches


def row_batches(rows: Sequence[Trainable], batch_tokens: int, *, packed: bool = False) -> list[MicroBatch]:
    """Cut rows into batches of at most `batch_tokens` positions, padding included; rows of one unit stay together.

    Padded rows are sorted by length. Packed rows stand in their order, those with the same prompt next to each other:
    it counts once.
    """
    units = [getattr(row, "unit", None) for row in rows]
    if packed:
        return _packed(rows, units, batch_tokens)
    lengths = [row.length for row in rows]
    found = []
    for batch in micro_batches(lengths, batch_tokens, units):
        own = [lengths[index] for index in batch]
        found.append(MicroBatch(batch, sum(own), len(own) * rounded(max(own))))
    return found


def _units(units: Sequence[int | None]) -> list[list[int]]:
    """Indices of rows that have to be computed together, in the order of the rows."""
    found: dict[Any, list[int]] = {}
    for index, unit in enumerate(units):
        found.setdefault(("row", index) if unit is None else unit, []).append(index)
    return list(found.values())


def _packed(rows: Sequence[Any], units: Sequence[int | None], batch_tokens: int) -> list[MicroBatch]:
    prompts = [_prompt(row) for row in rows]
    order: dict[bytes, int] = {}
    for prompt in prompts:
        order.setdefault(prompt, len(order))
    batches: list[tuple[list[int], set[bytes], int]] = []
    # A unit stands where the prompt of its first row stands.
    for unit in sorted(_units(units), key=lambda unit: order[prompts[unit[0]]]):
        indices, seen, length = batches[-1] if batches else ([], set(), 0)
        more = _positions(rows, prompts, unit, seen)
        if indices and length + more <= batch_tokens:
            indices += unit
            seen |= {prompts[index] for index in unit}
            batches[-1] = (indices, seen, length + more)
        else:
            alone = _positions(rows, prompts, unit, set())
            batches.append((list(unit), {prompts[index] for index in unit}, alone))
    return [MicroBatch(indices, length, rounded_pack(length)) for indices, _, length in batches]


def _positions(rows: Sequence[Any], prompts: list[bytes], unit: list[int], seen: set[bytes]) -> int:
    """Positions that a unit adds to a pack where some prompts stand already."""
    seen, total = set(seen), 0
    for index in unit:
        total += rows[index].length
        if prompts[index] in seen:
            total -= len(rows[index].prompt_token_ids)
        seen.add(prompts[index])
    return total


def _prompt(row: Any) -> bytes:
    import numpy as np

    return np.asarray(row.prompt_token_ids, np.int64).tobytes()


@dataclass
class Padded:
    """Rows as tensors, padded on the right (under a causal mask padding there changes nothing to its left)."""

    tokens_BS: Tensor
    mask_BT: Tensor
    """bool: the trained tokens of each completion"""

    rows_N: Tensor
    places_N: Tensor
    """The position whose hidden state predicts the token"""

    targets_N: Tensor

    @property
    def inputs(self) -> dict[str, Any]:
        """What the model is given."""
        return {"input_ids": self.tokens_BS}

    def spread(self, values_N: Tensor) -> Tensor:
        """Values of the trained tokens at their places; [B, T], 0 elsewhere, differentiable."""
        spread_BT = values_N.new_zeros(self.mask_BT.shape)
        return spread_BT.masked_scatter(self.mask_BT, values_N)


def completion_masks(rows: Sequence[TrainingRow]) -> np.ndarray:
    """The trained tokens of each completion; bool [B, T]. Without a prompt nothing predicts the first token."""
    import numpy as np

    mask_BT = np.zeros((len(rows), max(len(row.token_ids) for row in rows)), dtype=bool)
    for index, row in enumerate(rows):
        mask_BT[index, : len(row.token_ids)] = True if row.trained is None else row.trained
        if not len(row.prompt_token_ids):
            mask_BT[index, :1] = False
    return mask_BT


def pad(rows: Sequence[TrainingRow], device: Any = "cpu") -> Padded:
    """Prompt and completion side by side, row by row."""
    import numpy as np
    import torch

    tokens_BS = np.zeros((len(rows), rounded(max(row.length for row in rows))), dtype=np.int64)
    mask_BT = completion_masks(rows)
    starts_B = np.array([len(row.prompt_token_ids) for row in rows])
    for index, row in enumerate(rows):
        tokens_BS[index, : starts_B[index]] = row.prompt_token_ids
        tokens_BS[index, starts_B[index] : row.length] = row.token_ids
    rows_N, columns_N = mask_BT.nonzero()
    places_N = starts_B[rows_N] + columns_N - 1
    arrays = (tokens_BS, mask_BT, rows_N, places_N, tokens_BS[rows_N, places_N + 1])
    return Padded(*(torch.from_numpy(array).to(device) for array in arrays))


def pad_values(rows: Sequence[np.ndarray], width: int, device: Any = "cpu") -> Tensor:
    """Per-token numbers of several completions; float32 [B, T], 0 after the end."""
    import numpy as np
    import torch

    values_BT = np.zeros((len(rows), width), dtype=np.float32)
    for index, row in enumerate(rows):
        values_BT[index, : len(row)] = row
    return torch.from_numpy(values_BT).to(device)
