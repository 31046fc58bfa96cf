"""Putting a policy's training together: models, what it learns from, the loop and the folders that come out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from loguru import logger

from ..artifacts.wording import counted
from . import preflight
from .batching import Step, TrainingRow
from .evaluated_training import EvaluatedTraining
from .evaluation_runs import Evaluations
from .objectives.oreal import Oreal
from .policy_models import PolicyModels
from .policy_publishing import PolicyPublishing
from .supply import Supply
from .token_model import JointLearner
from .tokens import load_encoder
from .training import Training
from .training_engine import training_engine
from .training_inputs import TrainingInputs, TrainingOutputs
from .training_log import first_line
from .training_supplies import supplied
from .undrawable import refuse_undrawable_in_training
from .verifying import AnswerPool

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions


class PolicyTraining:
    """One run of `whet train-policy`.

    Args:
        options: resolved.
    """

    def __init__(self, inputs: TrainingInputs, outs: TrainingOutputs, options: TrainPolicyOptions) -> None:
        self.inputs, self.outs, self.options = inputs, outs, options
        self.models = PolicyModels(inputs, options, steps_done=lambda: self._training.progress.step)
        self.learner = self.models.learner
        self._remarked = False

    def train(self) -> None:
        """Train, write the policy and publish what comes beside it."""
        with supplied(self.models, self.outs) as supply, ExitStack() as stack:
            evaluations = self._evaluations(supply, stack)
            self._run(supply, EvaluatedTraining(self.learner, self.outs.out, evaluations))

    def _run(self, supply: Supply, evaluated: EvaluatedTraining) -> None:
        options, span, start = self.options, supply.span, self.models.start
        publishing = PolicyPublishing(self.models, self.outs, span.until)
        stepwise = publishing.stepwise
        start.data = span.recorded(supply.identity)
        loss = self.models.loss(supply)

        def after_step(done: int) -> None:
            stepwise.publish(done)
            evaluated.drop_others()

        training = Training(
            learner=self.learner,
            draft=self.outs.out,
            optimization=options.optimization,
            loop=options.loop,
            until=span.until,
            rows_of=lambda step: self._step(supply, step),
            loss=loss,
            packed=self.learner.packed,
            prepare=loss.prepare,
            after_step=after_step,
            is_due=lambda done: stepwise.is_due(done) or evaluated.is_due(done),
            measured=lambda done, metrics: self._noted(evaluated.measured(done, metrics)),
            is_over=evaluated.is_over,
            begun=lambda metrics: preflight.of_first_step(metrics, span.until - training.progress.step).told(),
        )
        self._training = training
        self.models.restore_random()
        progress = training.resume(start)
        if progress.step > start.step:
            logger.info(f"goes on after step {progress.step:,} of {span.until:,}, from the checkpoint that is there")
        evaluated.go_on(progress)
        supply.source.open(progress.step)
        objective = options.objective
        if isinstance(objective, Oreal) and objective.token_model == "trained" and span.until <= objective.freeze_steps:
            logger.warning(
                f"the policy stays as it is: --freeze-steps is {objective.freeze_steps} and the last step is "
                f"{span.until}, so the token model alone is trained"
            )
        # A kill may have come between a checkpoint and the policy that was to be published with it.
        stepwise.publish(progress.step)
        training.run()
        if progress.updates == start.updates:
            logger.warning(f"the policy is as it was: {self._why_unmoved(progress.skipped - start.skipped)}")
        if "preflight" in supply.facts and self.learner.processes.leads:
            supply.facts["preflight"] |= preflight.of_first_step(first_line(self.outs.out.folder), 0).facts
        progress = evaluated.chosen(lambda done: stepwise.beside("last", done))
        publishing.token_model(progress)
        publishing.policy(progress, supply.facts)

    def _why_unmoved(self, skipped: int) -> str:
        """Why no step was an update.

        Args:
            skipped: steps of this run that were left out for their gradients.
        """
        if skipped:
            return (
                f"{counted(skipped, 'step')} had gradients above --skip-grad-norm, or beyond what float16 holds, and "
                "were skipped: see grad_norm in metrics.jsonl"
            )
        if self.options.objective.in_groups:
            return (
                "no step had anything to learn from: see frac_reward_zero_std and dead_groups in metrics.jsonl (all "
                "rollouts of a problem right, or all wrong, teach nothing)"
            )
        return (
            "no step had anything to learn from: see pass_rate, left_out and completions/clipped_ratio in "
            "metrics.jsonl (the objective keeps none of these rollouts, or those it keeps were cut off)"
        )

    def _step(self, supply: Supply, step: int) -> Step[TrainingRow]:
        """The rows of a step; their totals say how much of the training is done."""
        made = supply.source.step(step, supply.span.draw_of(step))
        last = (self.options.optimization.schedule_steps or supply.span.until) - 1
        return replace(made, totals=replace(made.totals, along=min(1.0, step / max(1, last))))

    def _noted(self, metrics: dict[str, float]) -> dict[str, float]:
        """The numbers of a step; what the objective has to say about them is said once."""
        if isinstance(self.learner, JointLearner):
            metrics = metrics | self.learner.shown
        said = None if self._remarked else self.options.objective.remark(metrics)
        if said is not None:
            logger.warning(said)
            self._remarked = True
        return metrics

    def _evaluations(self, supply: Supply, stack: ExitStack) -> Evaluations | None:
        """The evaluations on held-out problems; where rollouts are drawn, the same engine draws theirs."""
        problems = self.inputs.eval_problems
        if problems is None:
            return None
        self.models.refuse_sharded("--eval-problems")
        options, folder = self.options, self.models.folder
        encoder = load_encoder(folder)
        refuse_undrawable_in_training(self.inputs.policy, encoder, list(problems.rows()), options.vllm.max_model_len)
        engine, pool = getattr(supply.source, "engine", None), getattr(supply.source, "pool", None)
        if engine is None or pool is None:
            engine = training_engine(options.engine, self.learner, folder, encoder.end_token_ids, options.vllm)
            pool = stack.enter_context(AnswerPool(options.verifying))
        return Evaluations(
            options=options.evaluation,
            problems=list(problems.rows()),
            engine=engine,
            encoder=encoder,
            pool=pool,
            sampling=options.eval.sampling,
            digest=problems.digest,
            until=supply.span.until,
            processes=self.learner.processes,
            stopping=lambda: self.outs.out.stop.requested,
        )
