"""Log-probabilities of models that are not trained: computed once for each rollout, and the same as in any batch."""

from typing import Any

import numpy as np
import pytest
import torch

from whet.stages import frozen
from whet.stages.batching import TrainingRow, pad
from whet.stages.frozen import FrozenLogprobs
from whet.stages.token_logprobs import completion_logprobs


@pytest.fixture
def model() -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
    }
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=24, num_hidden_layers=2, initializer_range=0.3, **shape))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each pass that is made."""
    made: list[int] = []
    real = frozen.completion_logprobs

    def counted(model: Any, padded: Any, *more: Any) -> torch.Tensor:
        made.append(len(padded.mask_BT))
        return real(model, padded, *more)

    monkeypatch.setattr(frozen, "completion_logprobs", counted)
    return made


def rows_of(names: str) -> list[TrainingRow]:
    """One row a letter; the same letter is the same rollout."""
    found = []
    for name in names:
        rng = np.random.default_rng(ord(name))
        prompt, completion = (rng.integers(1, 24, rng.integers(2, 9)).astype(np.int32) for _ in range(2))
        found.append(TrainingRow(rollout_id=name, prompt_token_ids=prompt, token_ids=completion))
    return found


def test_they_are_those_of_the_model_and_carry_no_gradient(model):
    rows = rows_of("abcd")
    expected = completion_logprobs(model, pad(rows), 0.7).detach()
    kept = FrozenLogprobs(model, temperature=0.7)
    kept.prepare(rows)
    found = kept.of(rows[1:3], 9)
    width = expected.shape[1]
    torch.testing.assert_close(found[:, :width], expected[1:3], rtol=1e-5, atol=1e-6)
    assert (found[:, width:] == 0).all()
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_over_epochs_every_rollout_is_computed_once(model, passes):
    kept = FrozenLogprobs(model, keep=True)
    for names in ("abc", "cd", "ab", "dcba"):
        kept.prepare(rows_of(names))
        kept.of(rows_of(names), 9)
    assert passes == [3, 1]


def test_rollouts_drawn_now_are_kept_for_their_step_only(model, passes):
    kept = FrozenLogprobs(model)
    for names in ("abc", "abc"):
        kept.prepare(rows_of(names))
        kept.of(rows_of(names[:2]), 9)
        kept.of(rows_of(names[2:]), 9)
    assert passes == [3, 3]


def test_a_row_that_was_not_prepared_is_computed_when_it_is_asked_for(model, passes):
    kept = FrozenLogprobs(model, batch_tokens=1)
    kept.prepare(rows_of("ab"))
    kept.of(rows_of("ac"), 9)
    kept.of(rows_of("bc"), 9)
    assert passes == [1, 1, 1]


def test_a_reference_of_weight_zero_is_never_loaded(training):
    from dataclasses import replace

    from whet.stages.loop import Loop
    from whet.stages.objectives.oreal import Oreal
    from whet.stages.optimization import Optimization
    from whet.stages.policy_models import PolicyModels
    from whet.stages.spans import span_of
    from whet.stages.supply import Supply
    from whet.stages.train_policy import TrainPolicyOptions, resolve
    from whet.stages.training_inputs import TrainingInputs

    options = TrainPolicyOptions(loop=Loop(steps=1), optimization=Optimization(precision="float32"))
    rollouts = [training.rollouts("r", [["1", "2"]])]
    given: Any = {"rollouts": rollouts, "verdicts": [training.verdicts(rollouts[0], ["ci"])]}
    for weight in (0.1, 0.0):
        resolved = resolve(replace(options, objective=Oreal(kl_weight=weight)), training.policy(), **given)
        made = PolicyModels(TrainingInputs.of(training.policy(), **given), resolved, steps_done=lambda: 0)
        supply: Any = Supply(source=None, span=span_of(0, 1, 1, steps=1, epochs=None), identity=[])  # type: ignore[arg-type]
        loss = made.loss(supply)
        assert (loss._reference is None) == (weight == 0)
