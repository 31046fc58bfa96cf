"""Models that scale or cap the logits of their head."""

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from whet.artifacts import WrongArtifact
from whet.stages.batching import TrainingRow, pad
from whet.stages.head_scale import head_scale
from whet.stages.packing import pack, packs
from whet.stages.token_logprobs import completion_measures

SIZES: dict[str, Any] = {
    "vocab_size": 24, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "initializer_range": 0.5, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "scaled"),
    [
        ("Granite", {"logits_scaling": 8.0}),
        ("GraniteMoe", {"logits_scaling": 0.25}),
        ("GraniteMoeShared", {"logits_scaling": 3.0}),
        ("Cohere", {"logit_scale": 0.0625}),
        ("Cohere2", {"logit_scale": 4.0}),
        ("Cohere", {"logit_scale": 1.0}),
    ],
)
def test_log_probabilities_entropies_and_gradients_follow_the_scale_of_the_head(
    kind: str, scaled: dict[str, float]
) -> None:
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}ForCausalLM")(getattr(transformers, f"{kind}Config")(**SIZES, **scaled))
    row = TrainingRow(rollout_id="", prompt_token_ids=np.array([5, 6], np.int32), token_ids=np.array([7, 8], np.int32))
    ids = torch.tensor([[5, 6, 7, 8]])
    logits = (model(ids).logits[0, 1:3] / 0.7).log_softmax(-1)
    arranged = pack([row]) if packs(model) else pad([row])
    measures = completion_measures(model, arranged, temperature=0.7)
    found = []
    for logprobs, entropies in (
        (logits.gather(1, ids[0, 2:, None])[:, 0], -(logits.exp() * logits).sum(-1)),
        (measures.logprobs_BT[0], measures.entropies_BT[0]),
    ):
        model.zero_grad()
        (logprobs.sum() + 0.1 * entropies.sum()).backward()
        found.append([logprobs.detach(), entropies.detach(), model.get_output_embeddings().weight.grad.clone()])
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"model_type": "gemma2", "final_logit_softcapping": 30.0}, "final_logit_softcapping 30"),
        # HyperCLOVA X multiplies by what Granite divides by.
        ({"model_type": "hyperclovax", "logits_scaling": 8.0}, "logits_scaling 8"),
        ({"text_config": {"model_type": "other", "logit_scale": 0.0625}}, "logit_scale 0.0625"),
        ({"model_type": "falcon_h1", "lm_head_multiplier": 0.5}, "lm_head_multiplier 0.5"),
    ],
)
def test_what_is_not_followed_is_refused(config: dict[str, Any], found: str) -> None:
    with pytest.raises(WrongArtifact, match=f"m changes the logits of its head \\({found}\\)"):
        head_scale(config, "m")


def test_most_models_leave_their_logits_alone() -> None:
    assert head_scale({"model_type": "gemma3_text", "final_logit_softcapping": None, "logits_scaling": 1.0}, "m") == 1
    assert head_scale({"text_config": {"model_type": "granite", "logits_scaling": 4.0}}, "m") == 0.25
    assert head_scale(transformers.Qwen2Config(), "m") == 1
