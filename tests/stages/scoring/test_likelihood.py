"""Likelihood and confidence of rollouts and texts under tiny real policies."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from whet.artifacts import Artifact, Draft, Failed, Weights, WrongArtifact, WrongOption
from whet.stages.models import load_policy
from whet.stages.score import ScoreOptions, resolve
from whet.stages.scoring.methods import Confidence, Implicit, Likelihood
from whet.stages.tokens import load_encoder

TEXTS = [["7", "12345", "3"], ["9 9 9 9 9", "", "1"]]
Scored = Callable[..., Artifact[Any]]


def alone(model: Any, prompt: list[int], token_ids: list[int]) -> np.ndarray:
    """ln p of the completion's tokens, one plain forward pass of one row."""
    with torch.inference_mode():
        logits_SV = model(torch.tensor([[*prompt, *token_ids]])).logits[0].float()
    logprobs_SV = logits_SV.log_softmax(-1)
    return np.array([logprobs_SV[len(prompt) + t - 1, token].item() for t, token in enumerate(token_ids)])


def test_token_scores_are_the_log_probabilities_and_the_score_is_their_mean(training: Any, scored: Scored) -> None:
    rollouts, policy = training.rollouts("r", TEXTS), training.policy()
    found = scored("s", rollouts, policy, method=Likelihood())
    model = load_policy(policy, dtype="float32")
    for row, rollout in zip(found.rows(), rollouts.rows(), strict=True):
        assert row["rollout_id"] == rollout["rollout_id"]
        expected = alone(model, rollout["prompt_token_ids"], rollout["token_ids"])
        np.testing.assert_allclose(row["token_scores"], expected, atol=1e-5)
        assert row["score"] == pytest.approx(expected.mean(), abs=1e-5)
    assert found.manifest.counts["scored"] == 6
    assert found.manifest.facts["belongs_to"] == {"rollouts": rollouts.digest}
    assert found.manifest.facts["comparable"] == "all"


def test_scores_do_not_depend_on_batches_padding_or_order(training: Any, scored: Scored) -> None:
    """Batches of one row against one batch, and against a forward pass that is padded on the left."""
    policy = training.policy()
    texts = [["1" * length for length in (1, 40, 3)], ["2" * length for length in (25, 7, 33)]]
    rollouts = training.rollouts("r", texts)
    one = list(scored("one", rollouts, policy, method=Likelihood(), batch_tokens=1).rows())
    many = list(scored("many", rollouts, policy, method=Likelihood(), batch_tokens=100_000).rows())
    turned = training.rollouts("turned", [list(reversed(group)) for group in texts])
    other = list(scored("other", turned, policy, method=Likelihood(), batch_tokens=128).rows())
    places = [2, 1, 0, 5, 4, 3]
    for index, (row, equal) in enumerate(zip(one, many, strict=True)):
        assert abs(row["score"] - equal["score"]) < 1e-5
        assert abs(row["score"] - other[places[index]]["score"]) < 1e-5
        np.testing.assert_allclose(row["token_scores"], equal["token_scores"], atol=1e-5)
    model = load_policy(policy, dtype="float32")
    rows = list(rollouts.rows())
    width = max(len(row["prompt_token_ids"]) + len(row["token_ids"]) for row in rows)
    tokens_BS, mask_BS = torch.zeros(6, width, dtype=torch.long), torch.zeros(6, width, dtype=torch.long)
    for place, row in enumerate(rows):
        ids = torch.tensor([*row["prompt_token_ids"], *row["token_ids"]])
        tokens_BS[place, width - len(ids) :], mask_BS[place, width - len(ids) :] = ids, 1
    with torch.inference_mode():
        logprobs_BSV = model(tokens_BS, attention_mask=mask_BS).logits.log_softmax(-1)
    for place, (row, mine) in enumerate(zip(rows, many, strict=True)):
        length = len(row["token_ids"])
        expected = [
            logprobs_BSV[place, width - length + t - 1, token].item() for t, token in enumerate(row["token_ids"])
        ]
        assert abs(mine["score"] - np.mean(expected)) < 1e-5


def test_check_invariance_measures_it_and_counts_it(training: Any, scored: Scored) -> None:
    rollouts = training.rollouts("r", TEXTS)
    counts = scored("s", rollouts, training.policy(), method=Likelihood(), check_invariance=4).manifest.counts
    assert counts["invariance_rows"] == 3  # every second of six rows
    assert 0 <= counts["invariance_max_difference"] < 1e-4
    assert "invariance_rows" not in scored("t", rollouts, training.policy(), method=Likelihood()).manifest.counts


def test_check_invariance_counts_where_the_first_text_is_cut_into_pieces(
    training: Any, scored: Scored, tmp_path: Any
) -> None:
    found = scored(
        "s", texts_of(tmp_path / "t", ["0123456789" * 10]), training.policy(), method=Likelihood(), check_invariance=1
    )  # fmt: skip
    assert (found.manifest.counts["invariance_rows"], found.manifest.counts["cut_texts"]) == (1, 1)


def test_the_mean_leaves_out_tokens_that_the_policy_did_not_write(training: Any, scored: Scored) -> None:
    segments = [{"start": 0, "end": 2, "origin": "prefill"}, {"start": 2, "end": 4, "origin": "policy"}]
    rollouts = training.rollouts("r", [["123"]], row=lambda problem, draw: {"segments": segments})
    (row,) = scored("s", rollouts, training.policy(), method=Likelihood()).rows()
    assert len(row["token_scores"]) == 4
    assert row["score"] == pytest.approx(np.mean(row["token_scores"][2:]))


def test_failed_and_empty_rollouts_have_no_score_and_a_reason(training: Any, scored: Scored) -> None:
    def row(problem: int, draw: int) -> dict[str, Any]:
        return [{"error": "no answer"}, {"token_ids": []}, {}][draw]

    found = scored("s", training.rollouts("r", [["1", "2", "3"]], row=row), training.policy(), method=Likelihood())
    assert [one["score"] is None for one in found.rows()] == [True, True, False]
    assert found.manifest.counts["null_failed"] == found.manifest.counts["null_empty"] == 1


def test_a_rollout_beyond_the_context_fails_unless_that_is_allowed(training: Any, scored: Scored) -> None:
    rollouts, policy = training.rollouts("r", [["1" * 80, "2"]]), training.policy()
    with pytest.raises(Failed, match="1 of 2 rows of a chunk got no score .too long: 1.*--allow-failed"):
        scored("s", rollouts, policy, method=Likelihood())
    found = scored("s", rollouts, policy, method=Likelihood(), allow_failed=0.5)
    assert [row["score"] is None for row in found.rows()] == [True, False]
    assert found.manifest.counts["null_too_long"] == 1


def test_a_rollout_beyond_the_reference_s_context_is_too_long_too(training: Any, scored: Scored) -> None:
    """The policy has 64 positions and the reference 21: 21 tokens fit into it, 44 do not."""
    rollouts, policy = training.rollouts("r", [["1" * 38, "2" * 15]]), training.policy()
    assert sorted(len(row["prompt_token_ids"]) + len(row["token_ids"]) for row in rollouts.rows()) == [21, 44]
    reference = training.policy("other", seed=1)
    config = json.loads((reference.path / "config.json").read_text())
    (reference.path / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 21}))
    given = {"reference_policy": Weights(str(reference.path))}
    with pytest.raises(Failed, match="1 of 2 rows of a chunk got no score .too long: 1"):
        scored("s", rollouts, policy, given, method=Implicit())
    found = scored("t", rollouts, policy, given, method=Implicit(), allow_failed=0.5)
    assert [row["score"] is None for row in found.rows()] == [True, False]
    assert found.manifest.counts["null_too_long"] == 1


def test_confidence_reads_the_tokens_of_the_boxed_answer(training: Any, scored: Scored) -> None:
    r"""Characters are tokens: of "so \boxed{12}" the tokens 10 and 11, whatever follows."""
    rollouts, policy = training.rollouts("r", [[r"so \boxed{12} ok", "no idea"]]), training.policy()
    found = scored("s", rollouts, policy, method=Confidence())
    rows, (first, _) = list(found.rows()), rollouts.rows()
    logprobs = alone(load_policy(policy, dtype="float32"), first["prompt_token_ids"], first["token_ids"])
    assert rows[0]["score"] == pytest.approx(np.exp(logprobs[10:12]).mean(), abs=1e-6)
    assert rows[0]["token_scores"] is None
    assert rows[1]["score"] is None
    assert found.manifest.counts["null_no_answer"] == 1
    geometric = next(iter(scored("g", rollouts, policy, method=Confidence(mean="geometric")).rows()))
    assert geometric["score"] == pytest.approx(np.exp(logprobs[10:12].mean()), abs=1e-6)


def test_an_implicit_reward_is_beta_times_the_log_ratio(training: Any, scored: Scored) -> None:
    rollouts, policy, reference = training.rollouts("r", TEXTS), training.policy(), training.policy("other", seed=1)
    given = {"reference_policy": reference}
    rows = list(scored("s", rollouts, policy, given, method=Implicit(beta=0.5)).rows())
    models = [load_policy(weights, dtype="float32") for weights in (policy, reference)]
    for row, rollout in zip(rows, rollouts.rows(), strict=True):
        ours, theirs = (alone(model, rollout["prompt_token_ids"], rollout["token_ids"]) for model in models)
        np.testing.assert_allclose(row["token_scores"], 0.5 * (ours - theirs), atol=1e-5)
        assert row["score"] == pytest.approx(0.5 * (ours - theirs).sum(), abs=1e-4)
    least = list(scored("m", rollouts, policy, given, method=Implicit(beta=0.5, aggregate="min", step_end=" ")).rows())
    tokens = np.array(rows[3]["token_scores"])  # "9 9 9 9 9" and the end token: steps of two tokens
    assert least[3]["score"] == pytest.approx(tokens.reshape(5, 2).sum(1).min(), abs=1e-5)
    same = scored("zero", rollouts, policy, {"reference_policy": policy}, method=Implicit())
    assert [row["score"] for row in same.rows()] == [0.0] * 6
    assert same.manifest.facts["method"]["beta"] == 0.05


def test_a_step_that_the_policy_did_not_write_is_no_least_step(training: Any, scored: Scored) -> None:
    """Tokens "1", " ", "2", " ", "3", end: the environment wrote the second step, which has no reward."""
    segments = [
        {"start": 0, "end": 2, "origin": "policy"}, {"start": 2, "end": 4, "origin": "environment"},
        {"start": 4, "end": 6, "origin": "policy"},
    ]  # fmt: skip
    texts = [["1 2 3", "4 5 6", "7 8 9"]]
    rollouts = training.rollouts("r", texts, row=lambda problem, draw: {"segments": segments})
    pair = training.policy(), training.policy("other", seed=1)
    method = Implicit(beta=0.5, aggregate="min", step_end=" ")
    for name, (policy, reference) in {"one": pair, "back": pair[::-1]}.items():
        for row in scored(name, rollouts, policy, {"reference_policy": reference}, method=method).rows():
            first, _, last = np.array(row["token_scores"]).reshape(3, 2).sum(1)
            assert row["score"] == pytest.approx(min(first, last), abs=1e-5)


def test_group_normalisation_holds_groups_together_over_parts(training: Any, scored: Scored, tmp_path: Any) -> None:
    """The second group stands in two parts: both become one chunk; the first part is one of its own."""
    source = list(training.rollouts("r", [["1", "22"], ["3", "444"]]).rows())
    problems = training.problems(2)
    draft = Draft.create(tmp_path / "cut", kind="rollouts", stage="test", options={})
    draft.embed_problems(problems)
    for chunk in draft.chunks([0, 1, 2]):
        for order, row in enumerate([source[:2], source[2:3], source[3:]][chunk.index]):
            chunk.write(row, order)
    rollouts = draft.publish()
    raw = [row["score"] for row in scored("raw", rollouts, training.policy(), method=Likelihood()).rows()]
    found = scored("g", rollouts, training.policy(), method=Likelihood(), normalize="group")
    signs = [float(np.sign(raw[0] - raw[1])), float(np.sign(raw[2] - raw[3]))]
    assert [row["score"] for row in found.rows()] == pytest.approx([signs[0], -signs[0], signs[1], -signs[1]])
    assert [part.rows for part in found.parts] == [2, 2]
    assert found.manifest.facts["comparable"] == "within-problem"


def test_running_normalisation_follows_the_order_of_the_rows(training: Any, scored: Scored) -> None:
    rollouts = training.rollouts("r", TEXTS)
    raw = [row["score"] for row in scored("raw", rollouts, training.policy(), method=Likelihood()).rows()]
    found = scored("n", rollouts, training.policy(), method=Likelihood(), normalize="running", batch_tokens=16)
    expected = [0.0, *((raw[i] - np.mean(raw[: i + 1])) / np.std(raw[: i + 1]) for i in range(1, 6))]
    assert [row["score"] for row in found.rows()] == pytest.approx(expected, abs=1e-4)


def texts_of(folder: Any, texts: list[str]) -> Artifact[Any]:
    draft = Draft.create(folder, kind="texts", stage="test", options={"texts": texts})
    for chunk in draft.chunks([0]):
        for order, text in enumerate(texts):
            chunk.write({"text_id": f"t{order}", "text": text}, order)
    return draft.publish()


def test_texts_follow_the_end_token_and_long_ones_are_cut(training: Any, scored: Scored, tmp_path: Any) -> None:
    """A context of 64 tokens: 63 of a text of 100 follow the prefix, 37 more the last token before them."""
    policy = training.policy()
    encoder = load_encoder(policy.path)
    text = "0123456789" * 10
    found = scored("s", texts_of(tmp_path / "t", ["57", text, ""]), policy, method=Likelihood())
    rows = list(found.rows())
    model = load_policy(policy, dtype="float32")
    np.testing.assert_allclose(rows[0]["token_scores"], alone(model, [encoder.end_id], encoder.encode("57")), atol=1e-5)
    ids = encoder.encode(text)
    expected = [*alone(model, [encoder.end_id], ids[:63]), *alone(model, ids[62:63], ids[63:])]
    np.testing.assert_allclose(rows[1]["token_scores"], expected, atol=1e-5)
    assert rows[1]["score"] == pytest.approx(np.mean(expected), abs=1e-5)
    assert rows[2]["score"] is None
    assert (rows[0]["rollout_id"], rows[0]["problem_id"]) == ("t0", "t0")
    assert found.manifest.counts["cut_texts"] == 1
    assert found.manifest.facts["tokenizer_digest"] == policy.tokenizer_digest


def test_tokens_of_another_tokenizer_are_refused_or_encoded_again(training: Any, scored: Scored) -> None:
    policy = training.policy()
    foreign = training.rollouts("r", [["12"]], facts={"tokenizer_digest": "other"})
    with pytest.raises(WrongArtifact, match="another tokenizer.*--retokenize"):
        scored("s", foreign, policy, method=Likelihood())
    again = scored("again", foreign, policy, method=Likelihood(), retokenize=True)
    same = scored("same", training.rollouts("own", [["12"]]), policy, method=Likelihood())
    assert next(iter(again.rows()))["token_scores"] == next(iter(same.rows()))["token_scores"]
    assert again.manifest.facts["retokenized"] is True


def test_text_without_tokens_is_refused_or_encoded(training: Any, scored: Scored) -> None:
    def without(problem: int, draw: int) -> dict[str, Any]:
        return {"token_ids": None, "prompt_token_ids": None}

    rollouts = training.rollouts("r", [["12"]], row=without)
    with pytest.raises(WrongArtifact, match="text without token ids.*--retokenize"):
        scored("s", rollouts, training.policy(), method=Likelihood())
    found = scored("again", rollouts, training.policy(), method=Likelihood(), retokenize=True)
    assert len(next(iter(found.rows()))["token_scores"]) == 3  # 1, 2 and the end


@pytest.mark.parametrize(
    ("options", "inputs", "message"),
    [
        ({}, {}, "is a language model, which scores in several ways: give --method likelihood"),
        ({"method": Implicit()}, {}, "--reference-policy is missing"),
        ({"method": Likelihood()}, {"reference_policy": "policy"}, "--reference-policy is read by --method implicit"),
        ({"method": Likelihood()}, {"verdicts": "v"}, "--verdicts is read by --method polar"),
    ],
)
def test_what_would_not_be_read_is_refused(
    training: Any, options: dict[str, Any], inputs: dict[str, Any], message: str
) -> None:
    policy: Weights = training.policy()
    given: dict[str, Any] = {name: policy if value == "policy" else value for name, value in inputs.items()}
    with pytest.raises(WrongOption, match=message):
        resolve(ScoreOptions(**options), training.rollouts("r", [["1"]]), policy, **given)


def test_a_policy_is_no_token_model(training: Any) -> None:
    from whet.stages.scoring.methods import Token

    with pytest.raises(WrongArtifact, match="holds a language model, expected a token reward model"):
        resolve(ScoreOptions(method=Token()), training.rollouts("r", [["1"]]), training.policy())


def test_texts_take_likelihood_alone(training: Any, tmp_path: Any) -> None:
    texts = texts_of(tmp_path / "t", ["1"])
    with pytest.raises(WrongOption, match="--method confidence scores rollouts"):
        resolve(ScoreOptions(method=Confidence()), texts, training.policy())
    with pytest.raises(WrongOption, match="--normalize group is for rollouts"):
        resolve(ScoreOptions(method=Likelihood(), normalize="group"), texts, training.policy())
