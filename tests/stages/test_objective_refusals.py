"""What must not be combined with an objective is refused, with the reason."""

import re
from dataclasses import replace
from typing import Any

import pytest

from whet.artifacts import WrongArtifact, WrongOption
from whet.stages.objectives.cispo import Cispo
from whet.stages.objectives.dapo import Dapo
from whet.stages.objectives.dpo import Dpo
from whet.stages.objectives.dr_grpo import DrGrpo
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.gspo import Gspo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.psr import Nsr, Psr, WReinforce
from whet.stages.objectives.rejection import Rejection
from whet.stages.objectives.rloo import Rloo
from whet.stages.objectives.topr import Topr
from whet.stages.problem_selection import ProblemSelection
from whet.stages.reward_mapping import Reward
from whet.stages.rewards.step_rewards import StepRewards
from whet.stages.train_policy import TrainPolicyOptions, resolve
from whet.stages.training_rollouts import read_groups
from whet.stages.truncation import Truncation

TEXTS, LETTERS = [["1", "2"]], ["ci"]


def refusal_of(training: Any, options: TrainPolicyOptions, *, scored: bool = False, online: bool = False) -> str:
    """The message, "" where nothing is refused."""
    rollouts = training.rollouts("r", TEXTS)
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    if online:
        inputs = {"problems": training.problems_artifact()}
    if scored:
        inputs["scores"] = [training.scores(rollouts, [[0.5, 0.1]])]
    try:
        resolve(options, training.policy(), **inputs)
    except WrongOption as error:
        return str(error)
    return ""


STEPS = Reward(step_rewards=StepRewards(steps="clip-delta"))
NSR = TrainPolicyOptions(objective=Nsr())
GRPO = TrainPolicyOptions(objective=Grpo())


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        (NSR, {}, ""),
        (replace(NSR, reward=Reward(invalid=-1.0)), {}, "invalid ones .* would be what it learns from"),
        (replace(NSR, reward=Reward(invalid=0.0)), {}, "invalid ones .* would be what it learns from"),
        (replace(NSR, truncation=Truncation(truncated="incorrect")), {}, "it would learn to be brief"),
        (replace(NSR, objective=WReinforce(), reward=Reward(invalid=-1.0)), {}, ""),
        (GRPO, {"scored": True}, ""),
        (replace(GRPO, reward=Reward(mix="sum")), {}, "--reward.mix and --reward.score-scale .* give --scores"),
        (replace(GRPO, reward=Reward(score_scale=1.0)), {}, "--reward.mix and --reward.score-scale"),
        (GRPO, {"scored": True, "online": True}, "--scores go with --rollouts"),
        (NSR, {"scored": True}, "--objective nsr asks whether a rollout is right, not how good it is"),
        (replace(NSR, objective=Rejection()), {"scored": True}, "--objective rejection asks whether"),
        (
            replace(GRPO, reward=Reward(correct=0.5)), {"scored": True},
            "--reward.mix gated .* 1 apart, and they are 0.5 and 0",
        ),
        (replace(GRPO, reward=Reward(correct=0.5, mix="sum")), {"scored": True}, ""),
        (replace(GRPO, objective=Oreal()), {"scored": True}, ""),
        (
            replace(GRPO, objective=Oreal(), reward=Reward(mix="product")), {"scored": True},
            "--reward.mix product would punish a wrong rollout of reward -1 the more",
        ),
        (
            replace(GRPO, truncation=Truncation(truncated="soft-penalty")), {"scored": True},
            "--truncated soft-penalty can put a correct rollout below a wrong one",
        ),
        (replace(GRPO, reward=STEPS), {"scored": True}, ""),
        (replace(GRPO, objective=Rloo(ratio_of="token"), reward=STEPS), {"scored": True}, ""),
        (replace(GRPO, reward=STEPS, truncation=Truncation(truncated="soft-penalty")), {"scored": True}, ""),
        (replace(GRPO, reward=STEPS), {}, "--reward.steps reads the token scores of --scores"),
        (replace(GRPO, reward=STEPS), {"online": True}, "--reward.steps reads the token scores of --scores"),
        (replace(GRPO, reward=STEPS), {"scored": True, "online": True}, "--scores go with --rollouts"),
        *[
            (replace(GRPO, objective=one, reward=STEPS), {"scored": True}, "has one advantage a rollout, and")
            for one in (Rloo(), Gspo(), Oreal(), Topr())
        ],
        (replace(GRPO, objective=Nsr(), reward=STEPS), {"scored": True}, "asks whether a rollout is right"),
        (replace(GRPO, objective=Dpo(), reward=STEPS), {"scored": True}, "dpo compares whole rollouts"),
        (replace(GRPO, reward=replace(STEPS, mix="sum")), {"scored": True}, "--reward.mix joins .* leave out one"),
    ],
)  # fmt: skip
def test_combinations_of_options(training, options, given, message):
    found = refusal_of(training, options, **given)
    if message:
        assert re.search(message, found), found
    else:
        assert found == ""


CUT = {"sampling": {"temperature": 1.0, "top_p": 0.9, "top_k": 0}}
COLD = {"sampling": {"temperature": 0.0}}
WARM = {"sampling": {"temperature": 0.7, "top_p": 1.0, "top_k": 0}}
RECORD = {"logprobs": [-1.0, -1.0]}
DRAWN = {"sampling_logprobs": [-1.0, -1.0]}
BY_RATIO = (Grpo(), Gspo(), Cispo(), Topr(), Nsr())
CORRECTED: dict[str, Any] = {"old": "recomputed", "mismatch": "truncate"}


@pytest.mark.parametrize(
    ("objective", "facts", "columns", "message"),
    [
        # Ratios to a distribution that was cut need its own record.
        *[(one, CUT, RECORD, "top-p 0.9 .* holds no sampling_logprobs") for one in BY_RATIO],
        *[(one, CUT, DRAWN, "") for one in (Grpo(), Gspo(), Topr(), Nsr())],
        *[(one, CUT, {}, "") for one in (Oreal(), Rejection())],
        (Grpo(keep_clipped_gradient=True), CUT, RECORD, "holds no sampling_logprobs"),
        (Grpo(old="recomputed"), CUT, RECORD, "holds no sampling_logprobs"),
        # Raw log-probabilities are the sampler's own at temperature 1 alone.
        (Topr(), WARM, RECORD, "no log-probabilities of its tokens"),
        (Topr(), {}, RECORD, ""),
        (Topr(), {}, {}, "no log-probabilities of its tokens"),
        (Psr(), {}, {}, "no log-probabilities of its tokens"),
        (Psr(old="recomputed"), {}, {}, ""),
        # The mismatch compares the trainer with the record, whatever the clip is taken to.
        (Grpo(**CORRECTED), {}, {}, "no log-probabilities of its tokens"),
        (Grpo(**CORRECTED), {}, RECORD, ""),
        (Grpo(old="recomputed", kl_weight=0.1, kl_by_ratio=True), {}, {}, "no log-probabilities of its tokens"),
        *[(one, COLD, DRAWN, "sampled at temperature 0") for one in (Grpo(), Topr(), WReinforce())],
        (Oreal(), COLD, {}, ""),
    ],
)  # fmt: skip
def test_rollouts_whose_ratios_would_be_wrong(training, objective, facts, columns, message):
    rollouts = training.rollouts("r", TEXTS, facts=facts, row=lambda *_: columns)
    given = ([rollouts], [training.verdicts(rollouts, LETTERS)], objective, Reward().filled(objective.rewards))
    if message:
        with pytest.raises(WrongArtifact, match=message):
            read_groups(training.policy(), *given)
    else:
        assert read_groups(training.policy(), *given).counts["rollouts"] == 2


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Grpo(old="recomputed"), "--advantage centred"),
        (Dapo(old="recomputed"), "--advantage centred"),
        (Gspo(old="recomputed"), "--advantage centred"),
        (Cispo(old="recomputed"), "--advantage centred"),
        (Oreal(advantage="grpo"), "--advantage rloo"),
        (DrGrpo(old="recomputed"), ""),
        (Rloo(old="recomputed"), ""),
        (Oreal(), ""),
    ],
)
def test_a_standard_deviation_of_groups_that_were_balanced_by_their_verdicts(training, objective, message):
    totals = {"draws_total": 16, "correct_total": 3}
    rollouts = training.rollouts("r", TEXTS, row=lambda *_: totals)
    given = ([rollouts], [training.verdicts(rollouts, LETTERS)], objective, Reward().filled(objective.rewards))
    if message:
        with pytest.raises(WrongArtifact, match=f"chosen from more draws .* train with {message}"):
            read_groups(training.policy(), *given)
    else:
        assert read_groups(training.policy(), *given).groups[0].drawn is not None


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Grpo(old="recomputed"), "--advantage centred"),
        (Dapo(old="recomputed"), "--advantage centred"),
        (Oreal(advantage="grpo"), "--advantage rloo"),
        (DrGrpo(old="recomputed"), ""),
        (Oreal(), ""),
    ],
)
def test_a_standard_deviation_beside_problems_drawn_by_weight(training, objective, message):
    """Both weigh problems by how hard they are."""
    rollouts = training.rollouts("r", TEXTS, row=lambda *_: {"drawing_probability": 0.5})
    verdicts, given = training.verdicts(rollouts, LETTERS), Reward().filled(objective.rewards)
    online = {"problems": training.problems_artifact(), "pass_rates": [verdicts]}
    options = TrainPolicyOptions(objective=objective)
    if not message:
        assert read_groups(training.policy(), [rollouts], [verdicts], objective, given).counts["groups"] == 1
        resolve(replace(options, selection=ProblemSelection(problem_weight="mid")), training.policy(), **online)
        return
    with pytest.raises(WrongArtifact, match=f"2 rollouts of .* were drawn by weight, .* train with {message}"):
        read_groups(training.policy(), [rollouts], [verdicts], objective, given)
    for selection in (ProblemSelection(problem_weight="mid"), ProblemSelection(repeat_bins="oreal")):
        with pytest.raises(WrongOption, match=f"weighs hard and easy ones up too: give {message}"):
            resolve(replace(options, selection=selection), training.policy(), **online)
    resolve(replace(options, selection=ProblemSelection(max_pass_rate=0.9)), training.policy(), **online)


def test_scores_of_groups_that_were_chosen_from_more_draws(training):
    rollouts = training.rollouts("r", TEXTS, row=lambda *_: {"draws_total": 16, "correct_total": 3})
    verdicts, scores = training.verdicts(rollouts, LETTERS), training.scores(rollouts, [[0.5, 0.1]])
    with pytest.raises(WrongArtifact, match="have no scores, so the mean reward over all draws is not known"):
        read_groups(training.policy(), [rollouts], [verdicts], Oreal(), Reward().filled(Oreal.rewards), scores=[scores])
