"""Packed batches give the scores of padded ones, and of rows alone; a shared prompt is computed once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from whet.stages.batching import TrainingRow, rounded_pack
from whet.stages.models import load_policy
from whet.stages.rewards.loading import load_headed
from whet.stages.rewards.polar_packing import Packer, Packing
from whet.stages.scoring.batches import batches
from whet.stages.scoring.heads import ScalarScorer, TokenScorer
from whet.stages.scoring.methods import Confidence, Implicit, Token
from whet.stages.scoring.policies import ConfidenceScorer, ImplicitScorer, LikelihoodScorer
from whet.stages.scoring.references import PolarRows, PolarScorer, Reference
from whet.stages.scoring.running import batch_tokens_of
from whet.stages.scoring.scored import Candidate, Scored, Scorer
from whet.stages.tokens import Encoder, load_encoder

METHODS = ["likelihood", "confidence", "implicit", "token", "bradley-terry", "polar"]


def row(prompt: Sequence[int], completion: Sequence[int]) -> TrainingRow:
    return TrainingRow(
        rollout_id="r", prompt_token_ids=np.array(prompt, np.int32), token_ids=np.array(completion, np.int32)
    )


PACKING = Packing(separator_token="<|system|>", reward_token="<|user|>")


def scorer_of(training: Any, method: str) -> tuple[Any, Encoder]:
    """A method with a random head on the tiny policy."""
    policy = training.policy()
    encoder = load_encoder(policy.path)
    if method in ("token", "bradley-terry", "polar"):
        model = load_headed(policy, cast("Any", method))
        with torch.no_grad():
            model.score.weight.normal_(generator=torch.Generator().manual_seed(7))
        if method == "polar":
            packer = Packer(encoder, PACKING)
            references = {f"p{n}": Reference(f"{n} of {n}") for n in range(3)}
            return PolarScorer(model, PolarRows(packer, references, by_group=False)), encoder
        return TokenScorer(model, encoder, Token()) if method == "token" else ScalarScorer(model), encoder
    model = load_policy(policy, dtype="float32")
    if method == "confidence":
        return ConfidenceScorer(model, encoder, Confidence()), encoder
    if method == "implicit":
        other = load_policy(training.policy("other", seed=1), dtype="float32")
        return ImplicitScorer(model, other, encoder, Implicit(beta=0.5)), encoder
    return LikelihoodScorer(model), encoder


def candidates_of(encoder: Encoder, scorer: Scorer) -> list[Candidate]:
    """Three groups of four rollouts of 1 to 28 tokens; in the first, two rollouts are the same."""
    rng = np.random.default_rng(0)
    found = []
    for group in range(3):
        problem: Any = {"messages": [{"role": "user", "content": f"what is {group}?"}], "answer_type": "math"}
        prompt = encoder.encode_prompt(problem["messages"])
        for draw in range(4):
            said = "5" * int(rng.integers(0, 18)) if group or draw > 1 else "55"
            text = rf"{said}\boxed{{{draw}}}" if draw else "7"
            made = Candidate(len(found), f"{group}-{draw}", f"p{group}", ("", group, 0), problem=problem, text=text)
            made.row = row(prompt, encoder.encode(text))
            found.append(scorer.prepared(made))
    return [one for one in found if one.row is not None]


def scores(scorer: Scorer, candidates: Sequence[Candidate], batch_tokens: int) -> list[Scored]:
    rows = [one.row for one in candidates if one.row is not None]
    found: dict[int, Scored] = {}
    for batch in batches(rows, batch_tokens, packed=scorer.packed):
        found.update(zip(batch, scorer.score([candidates[index] for index in batch]), strict=True))
    return [found[index] for index in range(len(candidates))]


@pytest.mark.parametrize("method", METHODS)
def test_a_packed_row_has_the_score_that_it_has_alone_and_padded(training: Any, method: str) -> None:
    scorer, encoder = scorer_of(training, method)
    assert scorer.packed
    candidates = candidates_of(encoder, scorer)
    turned = list(reversed(candidates))
    packed = [scores(scorer, candidates, budget) for budget in (1, 100, 100_000)]
    packed += [list(reversed(scores(scorer, turned, 100)))]
    (scorer._scalar if method == "polar" else scorer).packed = scorer.packed = False
    padded = [scores(scorer, candidates, budget) for budget in (1, 100, 100_000)]
    alone = padded[0]
    assert len({round(one.score or 0, 4) for one in alone}) > 4
    for found in (*packed, *padded):
        assert [one.score for one in found] == pytest.approx([one.score for one in alone], abs=1e-5)
        for one, other in zip(found, alone, strict=True):
            assert (one.token_scores is None) == (other.token_scores is None)
            if one.token_scores is not None and other.token_scores is not None:
                np.testing.assert_allclose(one.token_scores, other.token_scores, atol=1e-5)


def test_what_one_row_says_changes_no_score_of_its_batch(training: Any) -> None:
    scorer, encoder = scorer_of(training, "bradley-terry")
    candidates = candidates_of(encoder, scorer)
    before = scores(scorer, candidates, 100_000)
    changed = candidates[5].row
    assert changed is not None
    changed.token_ids[0] += 1
    after = scores(scorer, candidates, 100_000)
    assert [one.score == other.score for one, other in zip(before, after, strict=True)] == [
        index != 5 for index in range(len(candidates))
    ]


def test_rows_of_one_polar_reference_share_all_before_the_candidate(training: Any) -> None:
    scorer, encoder = scorer_of(training, "polar")
    rows = [one.row for one in candidates_of(encoder, scorer) if one.row is not None]
    for start in (0, 4, 8):
        group = rows[start : start + 4]
        assert len({one.prompt_token_ids.tobytes() for one in group}) == 1
        asked = f"what is {start // 4}?"
        expected = [
            *encoder.encode_prompt([{"role": "user", "content": f"{asked}\n{start // 4} of {start // 4}"}], "raw")
        ]
        expected += [Packer(encoder, PACKING).separator_id, *encoder.encode(asked)]
        assert group[0].prompt_token_ids.tolist() == expected
        assert {int(one.token_ids[-1]) for one in group} == {Packer(encoder, PACKING).reward_id}


def test_packed_groups_are_cut_only_where_a_batch_cannot_hold_them() -> None:
    """Positions of three groups: 4 + 3 x 2 = 10, 2 + 3 x 3 = 11 and 6 + 5 + 5 = 16, interleaved in the rows."""
    rows = [row([9] * 4, [1] * 2) if order % 2 else row([8] * 2, [1] * 3) for order in range(6)]
    rows += [row([7] * 6, [1] * 5) for _ in range(2)]
    assert batches(rows, 21, packed=True) == [[0, 2, 4, 1, 3, 5], [6, 7]]
    assert batches(rows, 20, packed=True) == [[0, 2, 4], [1, 3, 5], [6, 7]]
    # No batch of 15 holds the last group: its first row alone is 11, its second one 5 more.
    assert batches(rows, 15, packed=True) == [[0, 2, 4], [1, 3, 5], [6], [7]]


def test_a_shared_prompt_goes_through_the_model_once(training: Any) -> None:
    scorer, encoder = scorer_of(training, "bradley-terry")
    candidates = candidates_of(encoder, scorer)
    seen: list[int] = []
    scorer.model.get_input_embeddings().register_forward_hook(lambda _, given, __: seen.append(given[0].numel()))
    scores(scorer, candidates, 100_000)
    prompts = sum(len(one.row.prompt_token_ids) for one in candidates[::4] if one.row is not None)
    # Each row has one more token, behind the state that is read.
    assert seen == [
        rounded_pack(prompts + sum(len(one.row.token_ids) + 1 for one in candidates if one.row is not None))
    ]


def test_a_model_that_cannot_be_packed_is_padded(tmp_path: Path) -> None:
    """GPT-2 has learned positions: a row as long as its context has no room for a token more."""
    import transformers

    torch.manual_seed(0)
    made: Any = transformers.GPT2Config
    config = made(
        vocab_size=61, n_positions=16, n_embd=16, n_layer=1, n_head=2, num_labels=1, pad_token_id=0, resid_pdrop=0.0
    )
    model: Any = transformers.GPT2ForSequenceClassification(config).eval()
    scorer = ScalarScorer(model)
    assert not scorer.packed
    candidates = [
        Candidate(order, "r", "p", row=row([5, 6], list(range(7, 7 + length))))
        for order, length in enumerate((14, 1, 6))
    ]
    together, alone = (scores(scorer, candidates, budget) for budget in (1000, 1))
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-5)
    with torch.inference_mode():
        expected = model(torch.tensor([[5, 6, *range(7, 21)]])).logits.item()
    assert together[0].score == pytest.approx(expected, abs=1e-5)


def test_packed_batches_are_larger_where_none_is_given() -> None:
    assert batch_tokens_of(7, packed=True) == batch_tokens_of(7, packed=False) == 7
    assert batch_tokens_of(None, packed=True) >= batch_tokens_of(None, packed=False)
