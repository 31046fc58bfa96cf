"""What evaluations change about a training: numbers for its log, its end, and which policy it publishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifacts import Draft
from ..artifacts.files import remove_tree
from .checkpoints import Checkpoints, Progress

if TYPE_CHECKING:
    from .evaluation_runs import Evaluations
    from .learner import Learner

_RATIO = "sampling/importance_sampling_ratio"


class EvaluatedTraining:
    """A training's evaluations, and the state of the best policy; without evaluations nothing changes.

    The state of a policy that becomes the best is written before the checkpoint that knows of it, and the one before
    goes after: whenever a kill comes, the best policy of the newest checkpoint is there.
    """

    def __init__(self, learner: Learner, out: Draft[Any], evaluations: Evaluations | None) -> None:
        self._learner, self._out, self._evaluations = learner, out, evaluations
        self._progress = Progress()

    def go_on(self, progress: Progress) -> None:
        """Begin, or remember what was evaluated before."""
        self._progress = progress
        if self._evaluations is not None:
            self._evaluations.record = list(progress.data.get("evaluations", []))

    def is_due(self, done: int) -> bool:
        return self._evaluations is not None and self._evaluations.is_due(done)

    def is_over(self) -> bool:
        return self._evaluations is not None and self._evaluations.is_over

    def measured(self, done: int, metrics: dict[str, float]) -> dict[str, float]:
        """A step's numbers, with those of the evaluation that is due after it.

        Raises:
            Stopped: the process was asked to stop; nothing of the evaluation is kept.
        """
        from loguru import logger

        metrics = with_effective_share(metrics)
        evaluations = self._evaluations
        if evaluations is None or not evaluations.is_due(done):
            return metrics
        found = evaluations.evaluate(done)
        self._progress.data["evaluations"] = evaluations.record
        logger.info(
            f"after step {done}: pass@1 {found['eval/pass@1']:.3f} ({found['eval/pass@1/low']:.3f} to "
            f"{found['eval/pass@1/high']:.3f}) on {len(evaluations.problems):,} held-out problems"
        )
        if self._keeps_best and self._best_step == done:
            # Not in the background: the checkpoint that knows of it comes after.
            Checkpoints(self._folder(done)).save(self._learner, self._progress, background=False)
        return {**metrics, **found}

    def drop_others(self) -> None:
        """Drop the state of policies that are best no more; the checkpoint that says so is on disk."""
        if not self._keeps_best or self._best_step is None or not self._out.leads:
            return
        kept = self._folder(self._best_step)
        for folder in list(kept.parent.iterdir()) if kept.parent.is_dir() else []:
            if folder != kept:
                remove_tree(folder)

    def chosen(self, publish_last: Callable[[int], None]) -> Progress:
        """The progress of the policy to publish: the learner's, or that of the best one, which the learner then is.

        Args:
            publish_last: publishes the learner's policy as the last one; it is told the steps done.
        """
        from loguru import logger

        evaluations, progress = self._evaluations, self._progress
        if evaluations is None or self._best_step is None:
            return progress
        if self._keeps_best and self._best_step != progress.step:
            publish_last(progress.step)
            found = Checkpoints(self._folder(self._best_step)).restore(self._learner)
            assert found is not None
            progress = found
            # It was saved while its step was being measured.
            progress.unlogged = {}
        self._out.facts["evaluations"] = evaluations.facts(progress.step)
        if (note := evaluations.selection()) is not None:
            logger.warning(f"the policy published is that of step {progress.step}, {note}")
        return progress

    @property
    def _keeps_best(self) -> bool:
        return self._evaluations is not None and self._evaluations.options.publish == "best"

    @property
    def _best_step(self) -> int | None:
        best = None if self._evaluations is None else self._evaluations.best
        return None if best is None else int(best["step"])

    def _folder(self, step: int) -> Path:
        return self._out.work / "best" / f"{step:08d}"


def with_effective_share(metrics: dict[str, float]) -> dict[str, float]:
    """With the effective share of the tokens, (mean w)^2 / mean w^2, of ratios w to the sampler's record."""
    mean, square = metrics.get(f"{_RATIO}/mean"), metrics.get(f"{_RATIO}/mean_square")
    if mean is None or not square:
        return metrics
    return {**metrics, f"{_RATIO}/effective_share": mean**2 / square}
