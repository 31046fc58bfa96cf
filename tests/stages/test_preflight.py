"""What is known before the first step, by hand; and that it stands in the log, the plan and the manifest."""

from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pytest

from whet.artifacts import WrongArtifact
from whet.stages.adaptive import planned
from whet.stages.batching import TrainingRow
from whet.stages.groups import Group
from whet.stages.loop import Loop
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.rejection import Rejection
from whet.stages.optimization import Optimization
from whet.stages.preflight import (
    adaptive_draws,
    dead_share,
    of_first_step,
    of_groups,
    of_problems,
    ratio_health,
)
from whet.stages.train_policy import TrainPolicyOptions, plan, resolve

OPTIONS = TrainPolicyOptions(
    objective=Grpo(old="recomputed"), groups_per_step=2, optimization=Optimization(precision="float32")
)


def group(*rewards: float, truncated: int = 0) -> Group:
    """Rollouts of 3 tokens after a prompt of 2; the first `truncated` of them were cut off."""
    ids = np.arange(1, 4, dtype=np.int32)
    return Group(
        [
            TrainingRow(
                rollout_id=str(n), prompt_token_ids=ids[:2], token_ids=ids, reward=reward, truncated=n < truncated
            )
            for n, reward in enumerate(rewards)
        ]
    )


def test_dead_groups_of_a_planned_size_are_counted_over_all_choices_of_the_draws():
    # 1 right of 4: of 6 pairs C(3, 2) = 3 are both wrong; .25^2 + .75^2 = .625 would be biased.
    assert dead_share([(4, 1)], 2) == 1 / 2
    # all 4 together hold both kinds
    assert dead_share([(4, 1)], 4) == 0
    assert dead_share([(4, 1), (4, 4)], 4) == 1 / 2
    # more than there are: .25^8 + .75^8, and 2 * .5^8
    assert dead_share([(4, 1)], 8) == pytest.approx(0.1001282, abs=1e-7)
    assert dead_share([(4, 2)], 8) == pytest.approx(0.0078125)


def test_the_expected_dead_share_is_unbiased():
    # p^n + (1-p)^n for p = .3, n = 3: .027 + .343
    p, draws = 0.3, 6
    weights = [comb(draws, c) * p**c * (1 - p) ** (draws - c) for c in range(draws + 1)]
    assert sum(w * dead_share([(draws, c)], 3) for c, w in enumerate(weights)) == pytest.approx(0.37)


def test_adaptive_draws_are_the_mean_over_problems():
    one, other = (planned(p, group=4, round_size=4, rounds=4, until="balanced").draws for p in (0.25, 0.5))
    assert adaptive_draws([(4, 1), (8, 4), (4, 2)], 4) == pytest.approx((one + 2 * other) / 3)
    assert adaptive_draws([(4, 0)], 4) == 16  # never balanced: all four rounds


def test_dead_groups_effective_rows_and_the_cost_of_a_step():
    groups = [group(1, 0, 0, 0), group(0, 0, 0, 0), group(1, 1, 0, 0), group(1, 1, 1, 1)]
    found = of_groups(groups, Grpo(), {"dead_groups": 1, "rollouts": 17}, per_step=2, steps=10)
    facts = found.facts
    # two of five groups teach: the fifth had fewer than two known verdicts
    assert (facts["groups"], facts["dead_group_share"], facts["effective_rows"]) == (5, 0.6, 8)
    # 4 rollouts a group, 2 + 3 tokens each, 2 groups a step
    assert (facts["tokens_per_step"], facts["trained_tokens_per_step"], facts["tokens"]) == (40, 24, 400)
    # (1/4 + 0 + 1/2 + 1) / 4; at least one of 2: (1/2 + 0 + 5/6 + 1) / 4; of 4: 3 of 4
    assert facts["pass_at_k"] == {"1": 0.4375, "2": 0.5833, "4": 0.75}
    # pairs alike: (3/6 + 1 + 2/6 + 1) / 4
    assert facts["dead_group_share_planned"]["2"] == pytest.approx(0.7083)
    assert facts["dead_group_share_planned"]["4"] == 0.5
    assert found.warnings == []


def test_no_pass_rate_is_told_of_the_rollouts_that_have_a_score_alone():
    counts = {"rollouts": 8, "unscored": 1}
    assert "pass_at_k" not in of_groups([group(1, 0, 0), group(1, 0, 0, 0)], Grpo(), counts, per_step=1, steps=1).facts


def test_what_should_be_looked_at_first_is_warned_of():
    groups = [group(0, 0, truncated=2), *(group(0, 0) for _ in range(8)), group(1, 0)]
    found = of_groups(groups, Oreal(), {"rollouts": 20}, per_step=2, steps=1)
    assert [line[:11] for line in found.warnings] == ["90% of the "]
    assert found.facts["truncated_share"] == 0.1
    assert any("pass@2 is below 0.5" in line for line in found.lines)
    cut = of_groups([group(1, 0, 0, truncated=1)], Oreal(), {"rollouts": 3}, per_step=1, steps=1)
    assert [line[:3] for line in cut.warnings] == ["33%"]
    kept = of_groups([group(1), group(1)], Rejection(), {"rollouts": 8}, per_step=2, steps=1)
    assert kept.facts["kept_share"] == 0.25


def test_recorded_log_probabilities_are_compared(training):
    # 4 tokens: the third is .2 off, more than ln 1.1
    record: dict[str, Any] = {"token_ids": [3, 4, 5, 1], "logprobs": [-1.0, -1.0, -1.0, -1.0]}
    record["sampling_logprobs"] = [-1.0, -1.05, -1.2, -1.0]
    both = training.rollouts("both", [["a"]], row=lambda place, draw: record)
    assert ratio_health([both]).facts["ratios"] == {
        "with_logprobs": 1.0, "with_sampling_logprobs": 1.0, "cut": False, "tokens_far_share": 0.25,
    }  # fmt: skip
    cut = {"sampling": {"temperature": 1.0, "top_p": 0.9, "top_k": 0}}
    none = ratio_health([training.rollouts("none", [["a", "b"]], facts=cut)])
    assert none.facts["ratios"]["tokens_far_share"] is None
    assert len(none.warnings) == 1
    assert "top-p 0.9 and top-k 0 and holds no sampling_logprobs" in none.warnings[0]


def test_the_first_step_shows_the_mismatch_and_the_time_left():
    ratio = "sampling/importance_sampling_ratio"
    metrics = {f"{ratio}/mean": 1.2, f"{ratio}/mean_square": 2.0, f"{ratio}/outside": 0.3, "step_time": 30.0}
    found = of_first_step(metrics, 240)
    # 1.2^2 / 2
    assert found.facts == {"first_step": {"effective_share": 0.72, "ratios_outside": 0.3}}
    assert found.lines[-1] == "the first step took 30.0 s: 240 more take about 2.0 h"
    assert "--old recomputed" in found.warnings[0]
    assert of_first_step({"step_time": 0.5}, 0).facts == {}


def test_rollouts_that_are_drawn_as_it_goes_have_an_upper_bound():
    assert of_problems(100, 8, 16, 256, 12).facts == {
        "problems": 100, "rollouts_per_draw": 128, "tokens_per_draw_at_most": 32_768, "steps": 12,
    }  # fmt: skip


def test_tokens_that_the_policy_does_not_have_are_refused(training):
    # No digest of a tokenizer is recorded: imported tokens may be of any.
    rollouts = training.rollouts(
        "r", [["a", "b"]], facts={"tokenizer_digest": None}, row=lambda place, draw: {"token_ids": [3, 5000 + draw]}
    )
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["ci"])]}
    with pytest.raises(WrongArtifact, match=r"holds the token 5,000, expected ids below 101.* another tokenizer than"):
        training.train("out", OPTIONS, **inputs)
    with pytest.raises(WrongArtifact, match="another tokenizer than"):
        plan(resolve(OPTIONS, training.policy(), **inputs), training.policy(), **inputs)


def test_the_findings_stand_in_the_plan_in_the_log_and_in_the_manifest(training):
    from loguru import logger

    rollouts = training.rollouts("r", [["1", "2"], ["3", "4"], ["5", "6"]])
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["ci", "ii", "ic"])]}
    options, said = replace(OPTIONS, loop=Loop(steps=2)), []
    lines = plan(resolve(options, training.policy(), **inputs), training.policy(), **inputs)
    handler = logger.add(said.append, level="INFO", format="{message}")
    made = training.train("out", options, **inputs)
    logger.remove(handler)
    log = "".join(said)
    for line in lines:
        if line.startswith(("3 groups, 1 of them dead (33.3%", "a step: about ", "log-probabilities: 0%")):
            assert line in log
    assert "the first step took" in log
    facts = made.manifest.facts["preflight"]
    assert facts["dead_group_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert facts["effective_rows"] == 4
    assert facts["pass_at_k"] == {"1": 0.3333, "2": 0.6667}
    assert facts["memory_megabytes"]["weights"] > 0
    assert facts["ratios"]["with_logprobs"] == 0
