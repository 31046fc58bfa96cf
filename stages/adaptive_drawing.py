"""Drawing in rounds: the rollouts of a chunk's problems are verified as they come, and resolved problems leave."""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from ..artifacts import Chunk, Failed, Rollout, Stopped
from ..artifacts.chunks import FLUSH_SECONDS
from .adaptive import kept, resolved
from .rollouts import Draw, counts_of, prefix_of, repeats_of

if TYPE_CHECKING:
    import pyarrow as pa

    from .engines import Completion, Request
    from .rollout_drawing import RolloutDrawing


def draw_adaptively(drawing: RolloutDrawing, chunk: Chunk[Rollout]) -> None:
    """Draw the rollouts of one chunk in rounds; the rows of a problem are written when it leaves.

    Raises:
        Stopped: a stop was requested, or a server failed; what was drawn of problems that have not left is kept as
            prefixes. They are saved as the rows are flushed, so that a kill costs no more.
    """
    drawn = _ChunkInRounds(drawing, chunk)
    try:
        while drawn.active and not drawing.rollouts.stop.requested:
            drawn.round()
    except (Stopped, Failed):
        drawn.save()
        raise
    if drawing.rollouts.stop.requested:
        drawn.save()
        chunk.release()
        raise Stopped("stopped while drawing: what was begun is kept, run the same command again")


class _ChunkInRounds:
    """The problems of one chunk, by their place in it."""

    def __init__(self, drawing: RolloutDrawing, chunk: Chunk[Rollout]) -> None:
        self._drawing, self._chunk, self._adaptive = drawing, chunk, drawing.options.adaptive
        self._each = drawing.per_problem
        self._offset = chunk.unit[0] * self._each
        draws, requests, ready = drawing.requests(chunk)
        self._draws: list[Draw] = draws
        self._requests: list[Request] = requests
        self._ready: dict[int, Completion] = ready
        self._prefixes = {prefix["order"]: prefix for prefix in chunk.prefixes() if "dropped" not in prefix}
        self._dropped: dict[int, list[int]] = {
            prefix["order"] // self._each: prefix["dropped"] for prefix in chunk.prefixes() if "dropped" in prefix
        }
        """What was drawn and what was correct of problems that left without rows"""

        self._done_before = drawing.rollouts_done()
        self._came = 0
        self._save_at = time.monotonic() + FLUSH_SECONDS
        self._verdicts: dict[int, str] = {}
        self.failed: list[Completion] = []
        self.unwritten: dict[int, Completion] = {}
        """Completions, finished or not, by order, of problems that have not left"""

        done = _written(chunk, self._each, self._adaptive.keep == "all", drawing.options.sampling.rollouts_per_problem)
        done |= self._dropped.keys()
        self.active = [place for place in range(len(draws) // self._each) if place not in done]
        self._prefixes = {order: kept for order, kept in self._prefixes.items() if order // self._each not in done}
        self._round = 0
        chunk.tally = self._counts_of_all

    def save(self) -> None:
        """Keep what has not been written: what was drawn now, and what an earlier process kept."""
        began = time.monotonic()
        begun = {order: prefix_of(completion, order) for order, completion in self.unwritten.items()}
        dropped = [{"order": place * self._each, "dropped": told} for place, told in self._dropped.items()]
        kept = {**self._prefixes, **begun}
        self._chunk.save_prefixes([*dropped, *(kept[order] for order in sorted(kept))])
        now = time.monotonic()
        self._save_at = now + max(FLUSH_SECONDS, 20 * (now - began))

    def _counts_of_all(self, table: pa.Table) -> dict[str, float]:
        """Counts of the part's rows side by side, and of problems without rows."""
        gone = list(self._dropped.values())
        if not gone:
            return repeats_of(table)
        draws, correct = (sum(numbers) for numbers in zip(*gone, strict=True))
        return {**repeats_of(table), "problems": len(gone), "draws": draws, "draws_correct": correct}

    def round(self) -> None:
        """Draw and verify one more round of every problem that is not resolved; those that now are leave."""
        first = self._round * self._adaptive.round_rollouts
        end = min(self._each, first + self._adaptive.round_rollouts)
        asked = [self._requests[place * self._each + draw] for place in self.active for draw in range(first, end)]
        stop = self._drawing.rollouts.stop
        for order, fields in self._drawing.pool.verify(self._sampled(asked)):
            self._verdicts[order] = fields["verdict"]
        if stop.requested:
            return
        self._drawing.refuse_failed(self._chunk, self.failed, self._came)
        self._round += 1
        for place in self.active.copy():
            if self._leaves(place, end):
                self.active.remove(place)
                self._write(place, end)

    def _sampled(self, asked):  # type: ignore[no-untyped-def]
        """Draw; finished completions go to the verifier at once."""
        drawing = self._drawing
        orders = [request.index - self._offset for request in asked]
        ready = [self._ready.pop(order) for order in orders if order in self._ready]
        known = {completion.request.index for completion in ready}
        for completion in chain(ready, drawing.drawn([each for each in asked if each.index not in known])):
            order = completion.request.index - self._offset
            self.unwritten[order] = completion
            self._came += 1
            if time.monotonic() >= self._save_at:
                self.save()
            drawing.tell(
                self._done_before + len(self._chunk.done) + self._chunk.written,
                len(completion.token_ids) - len(completion.request.prefix_token_ids),
            )
            if completion.error is not None:
                self._verdicts[order] = "unknown"
                self.failed += [] if completion.permanent else [completion]
            elif completion.finish_reason is not None:
                text = completion.text if completion.text is not None else drawing.text_of(completion.token_ids)
                yield order, text, completion.finish_reason, self._draws[order].problem

    def _tally(self, place: int, drawn: int) -> list[str]:
        return [self._verdicts[place * self._each + draw] for draw in range(drawn)]

    def _leaves(self, place: int, drawn: int) -> bool:
        """Whether a problem is resolved, or has had all its draws."""
        counts = Counter(self._tally(place, drawn))
        wrong = counts["incorrect"] + counts["invalid"]
        group = self._drawing.options.sampling.rollouts_per_problem
        assert self._adaptive.until is not None
        return drawn == self._each or resolved(counts["correct"], wrong, group, self._adaptive.until)

    def _write(self, place: int, drawn: int) -> None:
        """Write the rows of a problem that leaves."""
        drawing, adaptive = self._drawing, self._adaptive
        verdicts = self._tally(place, drawn)
        group = drawing.options.sampling.rollouts_per_problem
        correct = verdicts.count("correct")
        wrong = len(verdicts) - correct - verdicts.count("unknown")
        assert adaptive.until is not None
        solved = resolved(correct, wrong, group, adaptive.until)
        orders = range(place * self._each, place * self._each + drawn)
        completions = [self.unwritten[order] for order in orders]
        rows = []
        dropped = not solved and adaptive.unresolved == "drop"
        chosen = range(drawn) if adaptive.keep == "all" else kept(verdicts, group)
        for draw in () if dropped else chosen:
            order = orders[draw]
            row = drawing.row_of(self._draws[order], completions[draw])
            row["draws_total"], row["correct_total"] = drawn, correct
            counts = counts_of(row)
            if draw == chosen[0]:
                counts |= {"problems": 1, "problems_resolved": int(solved), "draws": drawn, "draws_correct": correct}
            rows.append((row, order, counts))
        if dropped:
            self._dropped[place] = [drawn, correct]
        else:
            self._chunk.write_all(rows)
        for order in range(place * self._each, (place + 1) * self._each):
            self.unwritten.pop(order, None)
            self._prefixes.pop(order, None)


def _written(chunk: Chunk[Rollout], each: int, keep_all: bool, group: int) -> set[int]:
    """The places of problems whose rows are all on disk; a kill may have come between two rows of one problem."""
    found: Counter[int] = Counter()
    expected: dict[int, int] = {}
    for order, row in chunk.flushed(["draws_total"]):
        found[order // each] += 1
        expected[order // each] = row["draws_total"] if keep_all else min(group, row["draws_total"])
    return {place for place, count in found.items() if count >= expected[place]}
