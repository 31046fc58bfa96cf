import math

import numpy as np
import pytest
import torch

from whet.stages.learner import Learner
from whet.stages.models import load_policy
from whet.stages.optimization import Optimization
from whet.stages.verifier_loss import LabelLoss, label_totals, weighted_cross_entropy
from whet.stages.verifier_rows import Encoded

FLOAT32 = Optimization(precision="float32")


def test_cross_entropy_is_the_weighted_mean():
    logprobs = torch.tensor([[math.log(0.5), math.log(0.25)], [math.log(0.8), 0.0]])
    weights = torch.tensor([[2.0, 2.0], [1.0, 0.0]])
    # -(2 ln .5 + 2 ln .25 + ln .8) / 5 = (2 * .693147 + 2 * 1.386294 + .223144) / 5
    assert weighted_cross_entropy(logprobs, weights, 5.0).item() == pytest.approx(0.876405, abs=1e-6)


def rows_of(lengths, weights, whole=False):
    rng = np.random.default_rng(0)
    made = [Encoded("r", rng.integers(5, 60, n).astype(np.int32), np.array([40, 1], np.int32)) for n in lengths]
    return [encoded.row(weight, whole) for encoded, weight in zip(made, weights, strict=True)]


def by_hand(model, rows, prompt_weight):
    """The loss from the model's own logits."""
    label = weight = prompt = tokens = 0.0
    for row in rows:
        ids = torch.tensor(np.concatenate((row.prompt_token_ids, row.token_ids)).astype(np.int64))
        logits = model(ids[None]).logits[0].detach()
        logprobs = logits.log_softmax(-1)[:-1].gather(1, ids[1:, None])[:, 0]
        label += -row.weight * logprobs[-2:].sum()
        weight += 2 * row.weight
        prompt += -logprobs[:-2].sum()
        tokens += len(logprobs) - 2
    return float(label / weight + prompt_weight * prompt / tokens)


@pytest.mark.parametrize("prompt_weight", [0.0, 0.5])
def test_the_loss_equals_the_one_from_the_models_logits(training, prompt_weight):
    learner = Learner(load_policy(training.policy(), dtype="float32"), FLOAT32)
    rows = rows_of([9, 3, 17], [1.0, 0.5, 3.0], whole=prompt_weight > 0)
    terms = LabelLoss(learner, prompt_weight)(rows, label_totals(rows))
    loss = sum(float(value.detach()) for value in terms.losses.values())
    assert loss == pytest.approx(by_hand(learner.model, rows, prompt_weight), rel=1e-5)
    assert terms.losses.keys() == ({"label", "prompt"} if prompt_weight else {"label"})


def test_micro_batches_add_up_to_the_step(training):
    learner = Learner(load_policy(training.policy(), dtype="float32"), FLOAT32)
    rows = rows_of([9, 3, 17, 5], [1.0, 0.5, 3.0, 1.0], whole=True)
    totals, loss = label_totals(rows), LabelLoss(learner, 0.3)
    whole = {name: float(value.detach()) for name, value in loss(rows, totals).losses.items()}
    pieces = [loss([row], totals).losses for row in rows]
    for name, value in whole.items():
        assert sum(float(piece[name].detach()) for piece in pieces) == pytest.approx(value, rel=1e-5)


def test_the_label_becomes_likelier_and_a_row_of_weight_0_changes_nothing(training):
    def gradient(rows, totals):
        learner = Learner(load_policy(training.policy(), dtype="float32"), FLOAT32)
        loss = LabelLoss(learner)(rows, totals).losses["label"]
        loss.backward()
        return learner, {name: value.grad for name, value in learner.parameters.items() if value.grad is not None}

    one, two = rows_of([9, 3], [1.0, 0.0])
    learner, alone = gradient([one], label_totals([one]))
    _, both = gradient([one, two], label_totals([one, two]))
    assert alone.keys() == both.keys() == learner.parameters.keys()
    for name, value in alone.items():
        torch.testing.assert_close(both[name], value, atol=1e-6, rtol=1e-4)
    before = LabelLoss(learner)([one], label_totals([one])).shown["label_probability"]
    learner.update(1e-3)
    assert LabelLoss(learner)([one], label_totals([one])).shown["label_probability"] > before
