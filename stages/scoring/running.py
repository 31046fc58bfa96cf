"""Scoring chunk after chunk: batches of a token budget, made over a window of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from ...artifacts import Chunk, Draft, Failed, Score, Stopped
from .batches import batches
from .normalising import RunningMoments, normalise_group
from .scored import FAILURES, Candidate, Scored, Scorer

if TYPE_CHECKING:
    from .reading import Reader

WINDOW_ROWS = 4096
WINDOW_TOKENS = 1 << 20
"""Batches are made of so many rows; more would be held in memory for little."""

_CPU_TOKENS, _CPU_PADDED, _GPU_TOKENS = 4096, 1024, 65_536
"""Of one forward pass: on a CPU larger ones leave its caches, and smaller packed ones cut groups apart, whose prompt is
then computed again; on a GPU smaller ones leave it idle."""

Written = tuple[dict[str, Any], int, dict[str, float]]


def batch_tokens_of(given: int | None, *, packed: bool) -> int:
    """The tokens of one forward pass: as given, else what suits the machine."""
    from ..models import best_device

    if given is not None or best_device() == "cuda":
        return given or _GPU_TOKENS
    return _CPU_TOKENS if packed else _CPU_PADDED


class Scoring:
    """One call of `whet score`.

    Args:
        reader: what is scored.
        scorer: made when the first row needs it: a process that finds nothing left to do loads no model.
        normalise: none, group or running.
        batch_tokens: tokens of one forward pass, padding included; None is what suits the machine.
        check: rows of the first chunk that are scored again alone, to measure what batches change.
        allow_failed: share of a chunk's rows that may fail.
    """

    def __init__(
        self,
        reader: Reader,
        scorer: Callable[[], Scorer],
        scores: Draft[Score],
        *,
        normalise: str,
        batch_tokens: int | None,
        check: int,
        allow_failed: float,
    ) -> None:
        self.reader, self._make, self.scores = reader, scorer, scores
        self.normalise, self.batch_tokens, self.check = normalise, batch_tokens, check
        self.allow_failed = allow_failed
        self._made: Scorer | None = None
        self.done = 0

    @property
    def scorer(self) -> Scorer:
        made = self._made or self._make()
        self._made = made
        return made

    def score_chunk(self, chunk: Chunk[Score]) -> None:
        """Score the rows of a chunk that are not done, and write them.

        Raises:
            Stopped: a stop was requested; what is done is kept.
            Failed: more rows without a score than allowed.
        """
        total = len(self.reader.rows)
        known = set(chunk.done)
        # A running mean needs every score before it again.
        skipped = set() if self.normalise == "running" else known
        self.done += len(skipped)
        sink = self._sink(chunk.unit, skipped)
        failed: list[Written] = []
        share = 0
        for candidate, scored in self._scored(chunk, self.reader.candidates(chunk.unit, skipped)):
            self.done += 1
            share += scored.missing in FAILURES
            for rows in sink.add(candidate, scored):
                if any(row[2].get(f"null_{reason}") for row in rows for reason in FAILURES):
                    failed += rows
                elif fresh := [row for row in rows if row[1] not in known]:
                    chunk.write_all(fresh)
            self.scores.progress(self.done, total)
        size = self.reader.size(chunk.unit)
        if share > self.allow_failed * size:
            reasons = Counter(reason for _, _, counts in failed for reason in FAILURES if f"null_{reason}" in counts)
            told = ", ".join(f"{reason.replace('_', ' ')}: {count:,}" for reason, count in reasons.items())
            chunk.release()
            raise Failed(
                f"{share:,} of {size:,} rows of a chunk got no score ({told}), expected "
                f"at most a share of {self.allow_failed:g}: give --allow-failed SHARE to leave them empty"
            )
        if fresh := [row for row in failed if row[1] not in known]:
            chunk.write_all(fresh)

    def _sink(self, unit: Any, done: set[int]) -> _Sink:
        if self.normalise == "group":
            return _Grouped(self.reader.group_sizes(unit, done))
        if self.normalise == "running":
            return _Running()
        return _Sink()

    def _scored(self, chunk: Chunk[Score], candidates: Iterable[Candidate]) -> Iterator[tuple[Candidate, Scored]]:
        """Every candidate with its score; the pieces of a long text joined."""
        check = self.check if chunk.index == 0 else 0
        measured: dict[str, float] = {}
        pieces: dict[int, list[tuple[Candidate, Scored]]] = {}
        for window in _windows(self._ready(candidate) for candidate in candidates):
            for candidate in window:
                if candidate.row is None:
                    yield candidate, Scored(None, missing=candidate.missing)
            rows = [candidate for candidate in window if candidate.row is not None]
            if check and rows:
                measured, check = self._invariance(rows[:: -(-len(rows) // check)]), 0
            for batch in self._batches(rows):
                if self.scores.stop.requested:
                    chunk.release()
                    raise Stopped("stopped between two batches: the draft is kept, run the same command again")
                found = self.scorer.score([rows[index] for index in batch])
                for index, scored in zip(batch, found, strict=True):
                    candidate = rows[index]
                    candidate.counts, measured = candidate.counts | measured, {}
                    if candidate.of == 1:
                        yield candidate, _finite(scored)
                        continue
                    kept = pieces.setdefault(candidate.order, [])
                    kept.append((candidate, scored))
                    if len(kept) == candidate.of:
                        for piece, _ in kept:
                            candidate.counts = piece.counts | candidate.counts
                        yield candidate, _finite(_joined(pieces.pop(candidate.order)))

    def _ready(self, candidate: Candidate) -> Candidate:
        """What the model reads, if it fits into its context."""
        if candidate.missing is not None:
            return candidate
        candidate = self.scorer.prepared(candidate)
        if candidate.row is not None and candidate.row.length > self.reader.context:
            return candidate.without("too_long")
        return candidate

    def _batches(self, candidates: Sequence[Candidate]) -> list[list[int]]:
        rows = [candidate.row for candidate in candidates if candidate.row is not None]
        packed = self.scorer.packed
        return batches(rows, batch_tokens_of(self.batch_tokens, packed=packed), packed=packed)

    def _invariance(self, candidates: Sequence[Candidate]) -> dict[str, float]:
        """How far scores of rows in batches of mixed lengths are from their scores alone, at most."""
        together = {
            index: scored
            for batch in self._batches(candidates)
            for index, scored in zip(batch, self.scorer.score([candidates[index] for index in batch]), strict=True)
        }
        far = 0.0
        for index, candidate in enumerate(candidates):
            alone, batched = self.scorer.score([candidate])[0].score, together[index].score
            if alone is not None and batched is not None:
                far = max(far, abs(alone - batched))
        return {"invariance_rows": len(candidates), "invariance_max_difference": far}


def _windows(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    window: list[Candidate] = []
    tokens = 0
    for candidate in candidates:
        window.append(candidate)
        tokens += candidate.row.length if candidate.row is not None else 0
        if len(window) >= WINDOW_ROWS or tokens >= WINDOW_TOKENS:
            yield window
            window, tokens = [], 0
    if window:
        yield window


def _finite(scored: Scored) -> Scored:
    """A score that is no number is none."""
    if scored.missing is not None:
        return scored
    if scored.score is None:
        return Scored(None, scored.token_scores, "no_own_tokens")
    return scored if isfinite(scored.score) else Scored(None, missing="not_finite")


def _joined(pieces: Sequence[tuple[Candidate, Scored]]) -> Scored:
    """The score of a text that was scored in pieces: the mean over all its tokens."""
    import numpy as np

    ordered = sorted(pieces, key=lambda piece: piece[0].place)
    tokens = np.concatenate([scored.token_scores for _, scored in ordered if scored.token_scores is not None])
    return Scored(float(tokens.mean(dtype=np.float64)), tokens)


class _Sink:
    """Takes scored rows, gives back those that can be written: here each at once."""

    def add(self, candidate: Candidate, scored: Scored) -> list[list[Written]]:
        return [[self.row(candidate, scored, scored.score)]]

    def row(self, candidate: Candidate, scored: Scored, score: float | None) -> Written:
        tokens = scored.token_scores
        written = {
            "rollout_id": candidate.rollout_id,
            "problem_id": candidate.problem_id,
            "score": score,
            "token_scores": None if tokens is None else tokens.tolist(),
        }
        counts: dict[str, float] = {"scored": 1} if scored.missing is None else {f"null_{scored.missing}": 1}
        if candidate.row is not None:
            counts["tokens"] = candidate.row.length
        if candidate.of > 1:
            counts["cut_texts"] = 1
        counts |= candidate.counts
        return written, candidate.order, counts


class _Grouped(_Sink):
    """Gives back whole groups, normalised."""

    def __init__(self, sizes: dict[tuple[str, int, int], int]) -> None:
        self.sizes = sizes
        self.held: dict[tuple[str, int, int], list[tuple[Candidate, Scored]]] = {}

    def add(self, candidate: Candidate, scored: Scored) -> list[list[Written]]:
        group = self.held.setdefault(candidate.group, [])
        group.append((candidate, scored))
        if len(group) < self.sizes[candidate.group]:
            return []
        del self.held[candidate.group]
        group.sort(key=lambda one: one[0].order)
        scores = normalise_group([one.score for _, one in group])
        return [[self.row(one, raw, score) for (one, raw), score in zip(group, scores, strict=True)]]


class _Running(_Sink):
    """Gives back rows in their order, each normalised by those before it."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[Candidate, Scored]] = {}
        self.next = 0
        self.moments = RunningMoments()

    def add(self, candidate: Candidate, scored: Scored) -> list[list[Written]]:
        self.held[candidate.order] = (candidate, scored)
        ready = []
        while self.next in self.held:
            one, raw = self.held.pop(self.next)
            ready.append([self.row(one, raw, self.moments(raw.score))])
            self.next += 1
        return ready
