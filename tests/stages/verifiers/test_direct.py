"""Label probabilities of tiny models against a plain forward pass, and of hand-set ones against sums done by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Weights
from whet.stages.models import load_policy
from whet.stages.tokens import Encoder
from whet.stages.verifiers.direct import LabelReader, batches, opinion_of, whitespace_ids
from whet.stages.verifiers.prompts import label_ids

IDS = {"A": [5, 6], "B": [7], "C": [8]}
PROMPTS = [[65, 66, 67], [65] * 40, [70, 71, 72, 73, 74, 75, 76], [65, 66, 68], [90] * 17]


def never() -> bool:
    return False


def test_the_probability_of_a_label_is_summed_over_all_its_writings() -> None:
    # A: .3 + .2 = .5, B: .2, C: .1; together .8; confidence .5 / .8 = .625
    opinion = opinion_of({"A": 0.5, "B": 0.2, "C": 0.1})
    assert opinion.verdict == "correct"
    assert opinion.confidence == pytest.approx(0.625)


def test_labels_with_less_than_half_of_the_probability_are_unknown() -> None:
    opinion = opinion_of({"A": 0.3, "B": 0.1, "C": 0.05})
    assert opinion == (
        "unknown",
        "label: A, B, C have 0.45 of the probability, expected at least 0.5",
        None,
        None,
        (),
        False,
    )
    assert opinion_of({"A": 0.4, "B": 0.1, "C": 0.0}).verdict == "correct"


def test_a_label_that_is_not_sure_enough_is_unknown_and_keeps_its_confidence() -> None:
    opinion = opinion_of({"A": 0.1, "B": 0.6, "C": 0.1}, min_confidence=0.8)
    assert opinion.verdict == "unknown"
    assert opinion.reason == "label: B with confidence 0.75, below 0.8"
    assert opinion.confidence == pytest.approx(0.75)
    assert opinion_of({"A": 0.1, "B": 0.6, "C": 0.1}, min_confidence=0.75).verdict == "incorrect"


def test_two_labels_that_are_equally_likely_are_unknown() -> None:
    assert opinion_of({"A": 0.4, "B": 0.4, "C": 0.2})[:2] == ("unknown", "label: A and B are equally likely")


def test_an_invalid_verdict_has_a_reason() -> None:
    assert opinion_of({"A": 0.1, "B": 0.1, "C": 0.8})[:2] == ("invalid", "no answer: label C of the verifier")


def test_hand_set_logits_give_the_sums_done_by_hand(scripted: Any) -> None:
    model = scripted(10, lambda row: {5: 0.3, 6: 0.2, 7: 0.2, 8: 0.1, 9: 0.2})
    (found,) = LabelReader(model, IDS).probabilities([[1, 2]])
    assert found == pytest.approx({"A": 0.5, "B": 0.2, "C": 0.1})


def test_a_label_behind_white_space_is_the_product_of_both_probabilities(scripted: Any) -> None:
    # Behind the prompt: 9 (white) .6, A .1, B .3. Behind 9: A .5 + .25, B .25. So A = .1 + .6 * .75, B = .3 + .6 * .25.
    model = scripted(
        10, lambda row: {5: 0.5, 6: 0.25, 7: 0.25} if row[-1] == 9 else {9: 0.6, 5: 0.1, 7: 0.3}
    )  # fmt: skip
    found = LabelReader(model, IDS, [9]).probabilities([[1, 2], [1, 2, 3]])
    assert found == [pytest.approx({"A": 0.55, "B": 0.45, "C": 0.0})] * 2
    assert model.read == [[[1, 2], [1, 2, 3]], [[1, 2, 9], [1, 2, 3, 9]]]


def test_unlikely_white_space_is_not_read_again(scripted: Any) -> None:
    model = scripted(10, lambda row: {9: 0.0005, 5: 0.9995})
    LabelReader(model, IDS, [9]).probabilities([[1, 2]])
    assert len(model.read) == 1


def test_white_space_before_a_label_is_a_token_of_its_own_for_bytes(encoder: Encoder) -> None:
    assert whitespace_ids(encoder) == sorted([*encoder.encode(" "), *encoder.encode("\n")])


def test_an_alphabet_without_new_lines_has_other_white_space(tmp_path: Path) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE({character: place for place, character in enumerate(" ABC")}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    assert whitespace_ids(Encoder(tmp_path, tokenizer, None, {}, frozenset())) == [0]


@pytest.mark.parametrize("family", ["qwen2", "gpt2"])
def test_probabilities_are_those_of_a_plain_forward_pass(
    family: str, tiny: Callable[..., Path], encoder: Encoder
) -> None:
    import torch

    model = load_policy(Weights(str(tiny(family))), dtype="float32")
    ids = label_ids(encoder)
    white = whitespace_ids(encoder)

    def after(prompt: list[int]) -> torch.Tensor:
        with torch.inference_mode():
            return model(input_ids=torch.tensor([prompt])).logits[0, -1].softmax(-1)

    expected = []
    for prompt in PROMPTS:
        first = after(prompt)
        sums = {label: float(first[ids[label]].sum()) for label in ids}
        for token in white:
            behind = after([*prompt, token])
            sums = {label: sums[label] + float(first[token] * behind[ids[label]].sum()) for label in ids}
        expected.append(sums)
    found = LabelReader(model, ids, white).probabilities(PROMPTS)
    for one, other in zip(found, expected, strict=True):
        # White space below a probability of .001 is left out.
        assert one == pytest.approx(other, rel=1e-4, abs=2e-3)
    plain = LabelReader(model, ids).probabilities(PROMPTS)
    for one, prompt in zip(plain, PROMPTS, strict=True):
        assert one == pytest.approx({label: float(after(prompt)[ids[label]].sum()) for label in ids}, rel=1e-4)


def test_batches_change_a_probability_by_rounding_only(tiny: Callable[..., Path], encoder: Encoder) -> None:
    model = load_policy(Weights(str(tiny())), dtype="float32")
    # Labels of many tokens each, so that their sum is above a half and a confidence comes out.
    ids = {"A": list(range(100)), "B": list(range(100, 200)), "C": list(range(200, 250))}
    opinions = [dict(LabelReader(model, ids, batch_tokens=tokens)(PROMPTS, never)) for tokens in (1, 50, 100, 100_000)]
    assert all(sorted(found) == [0, 1, 2, 3, 4] for found in opinions)
    for found in opinions[1:]:
        for place, opinion in found.items():
            assert opinion.verdict == opinions[0][place].verdict
            assert opinion.confidence == pytest.approx(opinions[0][place].confidence, abs=1e-5)
    assert {opinion.verdict for opinion in opinions[0].values()} != {"unknown"}


def test_batches_hold_a_token_budget_and_a_longer_row_stands_alone() -> None:
    # Longest first: 50 alone (above 40); 20 + 20 = 40; 10, 9, 8: 3 x 10 = 30.
    assert list(batches([10, 50, 20, 9, 20, 8], 40)) == [[1], [2, 4], [0, 3, 5]]


def test_a_stop_ends_between_two_batches(tiny: Callable[..., Path], encoder: Encoder) -> None:
    model = load_policy(Weights(str(tiny())), dtype="float32")
    calls: list[int] = []

    def stopping() -> bool:
        calls.append(1)
        return len(calls) > 2

    found = dict(LabelReader(model, label_ids(encoder), batch_tokens=1)(PROMPTS, stopping))
    assert len(found) == 2


def test_only_the_last_position_is_projected(tiny: Callable[..., Path], encoder: Encoder) -> None:
    model = load_policy(Weights(str(tiny())), dtype="float32")
    shapes: list[tuple[int, ...]] = []
    model.lm_head.register_forward_hook(lambda module, given, result: shapes.append(tuple(result.shape)))
    LabelReader(model, label_ids(encoder)).probabilities(PROMPTS)
    assert shapes == [(5, 1, encoder.vocabulary)]
