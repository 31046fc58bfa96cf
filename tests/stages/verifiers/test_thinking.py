"""A verifier that writes: through the real engines, parsed strictly."""

from collections.abc import Callable
from pathlib import Path

import pytest

from whet.artifacts import Weights
from whet.stages.tokens import Encoder
from whet.stages.verifiers import Case
from whet.stages.verifiers.asking import Asking, ChainOfThought, resolve_asking, settings_of
from whet.stages.verifiers.loading import load_local_verifier
from whet.stages.verifiers.thinking import written_opinion

CASES = [(n, Case("What is 2+2?", "4", f"It is {n}.")) for n in range(6)]


@pytest.mark.parametrize("family", ["qwen2", "gpt2"])
def test_what_the_model_writes_greedily_is_kept_and_the_same_in_any_batch(
    family: str, tiny: Callable[..., Path], encoder: Encoder
) -> None:
    import torch

    from whet.stages.models import load_policy
    from whet.stages.verifiers.prompts import encode_case

    weights = Weights(str(tiny(family, context=4096)))
    made = []
    for tokens in (1, 100_000):
        asking = Asking(mode=ChainOfThought(max_tokens=5), precision="float32", verifier_batch_tokens=tokens)
        asking = resolve_asking(asking, weights, None)
        settings = settings_of(weights, asking, None)
        verifier = load_local_verifier(weights, settings, asking)
        made.append(dict(verifier.ask(CASES[:3], lambda: False)))
    assert made[0] == made[1]
    model = load_policy(weights, dtype="float32")
    token_ids, cut = encode_case(encoder, settings.prompt, CASES[0][1], 4000)
    assert cut == 0
    written: list[int] = []
    with torch.inference_mode():
        while len(written) < 5 and not (written and written[-1] in encoder.end_token_ids):
            written.append(int(model(input_ids=torch.tensor([token_ids + written])).logits[0, -1].argmax()))
    assert made[0][0].text == encoder.decode(written)
    assert made[0][0].verdict == "unknown"
    assert made[0][0].confidence is None


def test_a_verdict_in_the_text_counts_and_one_that_was_cut_off_does_not() -> None:
    text = "Both are 4.\nFinal verdict: \\boxed{A} - CORRECT"
    assert written_opinion(text, "stop") == ("correct", None, None, text, (), False)
    cut = written_opinion("Both are 4. Final ver", "length")
    assert cut[:2] == ("unknown", "label: the verifier was cut before its verdict")
    assert written_opinion("Who knows", "stop").reason == "label: no label in 'Who knows'"
