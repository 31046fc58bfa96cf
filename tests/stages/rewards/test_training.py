import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from whet.artifacts import Artifact, Draft, Preference, Stopped, Weights, WrongArtifact, WrongOption
from whet.stages.batching import pad
from whet.stages.learner import Learner
from whet.stages.loop import Loop
from whet.stages.models import load_policy
from whet.stages.optimization import Optimization
from whet.stages.packing import pack, packs
from whet.stages.pairing import Pairing
from whet.stages.rewards.folder import Reference, read_settings
from whet.stages.rewards.heads import last_logits, state_logits
from whet.stages.rewards.loading import load_headed, load_reward_model
from whet.stages.rewards.losses import HeadLoss
from whet.stages.rewards.methods import BradleyTerry, Implicit, Polar, Token
from whet.stages.rewards.polar_packing import Packer, Packing
from whet.stages.rewards.reward_rows import RewardRow, ended, reward_totals
from whet.stages.tokens import load_encoder
from whet.stages.train_rm import TrainRmOptions, plan

from .right_texts import LETTERS, TEXTS

LN2 = math.log(2)
FAST = Optimization(learning_rate=3e-3, precision="float32", max_grad_norm=0)
POLAR = Polar(separator_token="<|system|>", reward_token="<|user|>")
OPTIONS = TrainRmOptions(method=Token(), rows_per_step=4, optimization=FAST)


def logged(made: Artifact[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (made.path / "metrics.jsonl").read_text().splitlines()]


def token_ids(made: Artifact[Any], text: str, question: str = "0?") -> tuple[torch.Tensor, int]:
    """Prompt and completion as a model sees them, and where the completion begins."""
    encoder = load_encoder(made.path)
    prompt = encoder.encode_prompt([{"role": "user", "content": question}])
    return torch.tensor([[*prompt, *encoder.encode(text), encoder.end_id]]), len(prompt)


def preferences(folder: Path, rows: list[dict[str, Any]]) -> Artifact[Preference]:
    draft = Draft.create(folder, kind="preferences", stage="test", options={"rows": rows})
    for chunk in draft.chunks([0]):
        for order, row in enumerate(rows):
            chunk.write({"messages": [{"role": "user", "content": "0?"}], **row}, order)
    return draft.publish()


# --- token ------------------------------------------------------------------------------------------------------------


def test_a_token_model_learns_what_is_right_and_transformers_reads_it(train):
    from transformers import AutoModelForTokenClassification

    made = train("out", replace(OPTIONS, loop=Loop(steps=60)))
    lines = logged(made)
    assert lines[0]["loss"] == pytest.approx(LN2, abs=1e-6)
    assert lines[-1]["loss"] < 0.1
    assert lines[-1]["accuracy"] == 1
    assert made.manifest.kind == "reward-model"
    assert json.loads((made.path / "reward-model.json").read_text()) == {
        "format": 1, "method": "token", "chat": True, "token_alignment": "before",
    }  # fmt: skip
    model: Any = AutoModelForTokenClassification.from_pretrained(made.path).eval()
    assert model.config.num_labels == 1
    assert model.score.bias is None or model.score.bias.item() == 0
    means = {}
    for text in ("ya", "nab"):
        ids, start = token_ids(made, text)
        means[text] = model(ids).logits[0, start - 1 : -1, 0].mean().item()
    assert means["ya"] > 0 > means["nab"]


def test_the_weight_of_a_token_is_transformers_logit_one_place_earlier(training):
    model = load_headed(training.policy(), "token")
    with torch.no_grad():
        model.score.weight.normal_()
    prompt, completion = np.array([9, 8, 7], np.int32), np.array([20, 21, 22, 1], np.int32)
    row = RewardRow(rollout_id="r", prompt_token_ids=prompt, token_ids=completion)
    ours_T = state_logits(model, pad([row]))[0]
    theirs_S = model(torch.tensor([[9, 8, 7, 20, 21, 22, 1]])).logits[0, :, 0]
    # Token j stands at 3 + j and is weighed by the state before it, at 2 + j: the last prompt token is read, the end
    # token (place 6) never.
    torch.testing.assert_close(ours_T, theirs_S[2:6], atol=1e-5, rtol=1e-5)
    changed = RewardRow(rollout_id="r", prompt_token_ids=prompt, token_ids=np.array([20, 21, 22, 5], np.int32))
    torch.testing.assert_close(state_logits(model, pad([changed]))[0], ours_T)


def test_balanced_pairs_take_as_many_right_as_wrong_and_other_choices_take_more(training, train):
    rollouts = training.rollouts("r", [["y", "ya", "yb", "n"], ["y", "yy", "yyy"]])
    given = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["ccci", "ccc"])]}
    counted = {}
    for keep in ("pairs", "mixed-groups", "all"):
        made = train(keep, replace(OPTIONS, method=Token(keep=keep)), **given)
        counted[keep] = sum(line["rows"] for line in logged(made))
    # One right and one wrong of the one mixed group; its four rows; all seven.
    assert counted == {"pairs": 2, "mixed-groups": 4, "all": 7}


# --- bradley-terry ----------------------------------------------------------------------------------------------------


def test_a_scalar_model_learns_pairs_and_transformers_reads_the_same_score(train):
    from transformers import AutoModelForSequenceClassification

    made = train("out", replace(OPTIONS, method=BradleyTerry(), loop=Loop(steps=60)))
    lines = logged(made)
    assert (lines[0]["loss"], lines[0]["accuracy"]) == (pytest.approx(LN2, abs=1e-6), 0.5)
    assert lines[-1]["accuracy"] == 1
    model: Any = AutoModelForSequenceClassification.from_pretrained(made.path).eval()
    loaded = load_reward_model(Weights(str(made.path)))
    scores = {}
    for text in ("yb", "nb"):
        ids, _ = token_ids(made, text)
        scores[text] = model(ids).logits.item()
        ours = last_logits(loaded.model, ids, torch.tensor([ids.shape[1]])).item()
        assert ours == pytest.approx(scores[text], abs=1e-5)
    assert scores["yb"] > scores["nb"] + 1


def test_the_halves_of_a_pair_packed_score_as_each_alone(training):
    model = load_headed(training.policy(), "bradley-terry")
    with torch.no_grad():
        model.score.weight.normal_()
    prompt = np.array([9, 8, 7], np.int32)
    rows = [ended(prompt, np.array(ids, np.int32), rollout_id="r", unit=0) for ids in ([20, 1], [21, 22, 1])]
    assert packs(model)
    both = state_logits(model, pack(rows))
    for index, row in enumerate(rows):
        alone = torch.tensor([[9, 8, 7, *row.read_token_ids.tolist()]])
        expected = last_logits(model, alone, torch.tensor([alone.shape[1]])).item()
        # All other places are 0.
        assert both[index].sum().item() == pytest.approx(expected, abs=1e-5)


def test_votes_margins_and_the_centring_penalty_reach_the_loss(training, train, tmp_path):
    rows = [{"chosen": "y", "rejected": "n", "chosen_votes": 4, "rejected_votes": 1, "margin": 1.0}]
    pairs = preferences(tmp_path / "pairs", rows)
    method = BradleyTerry(preferred="votes", margin=0.25, margin_weight=0.25, centring=0.01)
    made = train("out", replace(OPTIONS, method=method), preferences=[pairs])
    # A head of zeros: d - m = -.5; .8 ln(1 + e^.5) + .2 ln(1 + e^-.5) = .8 * .97408 + .2 * .47408
    assert logged(made)[0]["loss"] == pytest.approx(0.87408, abs=1e-5)
    assert logged(made)[0]["loss_centring"] == 0
    bare = preferences(tmp_path / "bare", [{"chosen": "y", "rejected": "n"}])
    with pytest.raises(WrongArtifact, match="has no votes, expected chosen_votes and rejected_votes"):
        train("bare-votes", replace(OPTIONS, method=BradleyTerry(preferred="votes")), preferences=[bare])
    with pytest.raises(WrongArtifact, match="has no margin, expected one: give --scores"):
        train("bare-margin", replace(OPTIONS, method=BradleyTerry(preferred="margin")), preferences=[bare])


def test_the_pairs_made_of_rollouts_are_published(training, train):
    out = Draft.create(training.folder / "pairs", kind="preferences", stage="train-rm", options={})
    options = replace(OPTIONS, method=BradleyTerry(), pairing=Pairing(pairs="all"))
    made = train(
        "out", options, rollouts=[(rollouts := training.rollouts("r", TEXTS))],
        verdicts=[training.verdicts(rollouts, LETTERS)], pairs_out=out,
    )  # fmt: skip
    rows = list(out.publish().rows())
    # Two right and two wrong of three problems; the fourth has one pair of equal right ones: 4 pairs either.
    assert len(rows) == made.manifest.facts["rollouts"]["pairs"] == 16
    assert all(row["chosen"][0] == "y" and row["rejected"][0] == "n" for row in rows)


# --- polar ------------------------------------------------------------------------------------------------------------


def two_policies(training: Any) -> dict[str, Any]:
    """Rollouts of two policies on the same problems: one writes a, the other b."""
    groups = {"one": [["aa", "aaa", "aaaa"]] * 4, "two": [["bb", "bbb", "bbbb"]] * 4}
    made = [
        training.rollouts(name, texts, {"policy": {"spec": f"runs/{name}", "digest": name}})
        for name, texts in groups.items()
    ]
    return {"rollouts": made}


def polar_score(made: Artifact[Any], reference: str, candidate: str) -> float:
    loaded = load_reward_model(Weights(str(made.path)))
    assert loaded.settings.packing is not None
    (row,) = Packer(load_encoder(made.path), loaded.settings.packing).pack("0?", reference, [candidate])
    return last_logits(loaded.model, torch.tensor([row.token_ids]), torch.tensor([len(row.token_ids)])).item()


@pytest.mark.slow
def test_pretraining_tells_whether_a_candidate_is_by_the_policy_of_the_reference(training, train):
    options = replace(OPTIONS, method=replace(POLAR, pairs_per_policy=2), loop=Loop(steps=80))
    made = train("out", options, **two_policies(training))
    lines = logged(made)
    assert lines[0]["loss"] == pytest.approx(LN2, abs=1e-6)
    assert lines[-1]["accuracy"] == 1
    settings = read_settings(made.path)
    assert settings is not None
    assert settings.packing == Packing(separator_token="<|system|>", reward_token="<|user|>", max_length=63)
    # The same candidates, either reference: no preference for a or b by itself explains it.
    assert polar_score(made, "aaa", "aa") > polar_score(made, "aaa", "bb")
    assert polar_score(made, "bbb", "bb") > polar_score(made, "bbb", "aa")
    facts = made.manifest.facts
    # Four problems, two policies, twice.
    assert facts["rollouts"]["pairs"] == 16
    (distance,) = facts["policy_distances"]
    assert distance["policies"] == ["runs/one", "runs/two"]
    # aa is a trigram of its own; aaa and aaaa are the same one: within (1 + 0 + 0) / 3 either, across 0.
    assert distance["distance"] == pytest.approx(2 / 3, abs=1e-6)


def test_the_triples_of_pretraining_are_published_with_who_wrote_them(training, train):
    out = Draft.create(training.folder / "pairs", kind="preferences", stage="train-rm", options={})
    train("out", replace(OPTIONS, method=POLAR), **two_policies(training), pairs_out=out)
    rows = list(out.publish().rows())
    assert len(rows) == 8
    for row in rows:
        one, other = ("a", "b") if row["source"] == "runs/one against runs/two" else ("b", "a")
        assert set(row["reference"] + row["chosen"]) == {one}
        assert set(row["rejected"]) == {other}


def test_policies_that_are_too_near_are_not_compared(training, train):
    given = two_policies(training)
    given["rollouts"].append(
        training.rollouts("three", [["aaa", "aaaa"]] * 4, {"policy": {"spec": "s", "digest": "3"}})
    )
    made = train("out", replace(OPTIONS, method=replace(POLAR, min_distance=0.5)), **given)
    facts = made.manifest.facts
    left_out = {tuple(item["digests"]): item["left_out"] for item in facts["policy_distances"]}
    assert left_out == {("3", "one"): True, ("3", "two"): False, ("one", "two"): False}
    with pytest.raises(WrongArtifact, match="nothing to compare"):
        train("none", replace(OPTIONS, method=replace(POLAR, min_distance=2.5)), **given)


def test_rollouts_of_one_policy_are_no_pretraining(training, train):
    with pytest.raises(WrongArtifact, match="all rollouts are of one policy, expected two or more"):
        train("out", replace(OPTIONS, method=POLAR), rollouts=two_policies(training)["rollouts"][:1])


def test_finetuning_takes_the_best_rollout_as_the_reference_of_the_others(training, train):
    out = Draft.create(training.folder / "pairs", kind="preferences", stage="train-rm", options={})
    rollouts = training.rollouts("r", [["y1", "y2", "n1", "n2"], ["y1", "n1", "n2", "n3"]])
    verdicts = training.verdicts(rollouts, ["ccii", "ciii"])
    made = train(
        "out", replace(OPTIONS, method=POLAR, pairing=Pairing(pairs="all")), rollouts=[rollouts], verdicts=[verdicts],
        pairs_out=out,
    )  # fmt: skip
    rows = list(out.publish().rows())
    # The second problem has one right rollout: without it nothing is left to compare.
    assert {row["reference"] for row in rows} in ({"y1"}, {"y2"})
    (reference,) = {row["reference"] for row in rows}
    assert {row["chosen"] for row in rows} == {"y1", "y2"} - {reference}
    assert sorted(row["rejected"] for row in rows) == ["n1", "n2"]
    assert made.manifest.facts["compares"] == "completions"


def test_a_pretrained_model_is_tuned_on_preferences_with_its_own_head_and_tokens(training, train, tmp_path):
    first = train("first", replace(OPTIONS, method=POLAR, loop=Loop(steps=20)), **two_policies(training))
    rows = [{"reference": "aa", "chosen": "ab", "rejected": "ba"}, {"chosen": "x", "rejected": "y"}]
    pairs = preferences(tmp_path / "pairs", rows)
    head = load_reward_model(Weights(str(first.path))).model.score.weight
    assert head.abs().sum() > 0
    made = train("second", replace(OPTIONS, method=Polar()), policy=Weights(str(first.path)), preferences=[pairs])
    assert read_settings(made.path) == read_settings(first.path)
    assert (made.manifest.facts["rollouts"]["pairs"], made.manifest.facts["rollouts"]["without_reference"]) == (1, 1)
    before = polar_score(first, "aa", "ab") - polar_score(first, "aa", "ba")
    assert logged(made)[0]["loss"] == pytest.approx(math.log1p(math.exp(-before)), abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "loss"),
    # A head of zeros: the factor of the focal form is 1; the barrier costs .01 * -2 ln 5 = -.0321888, the square 0.
    [({"loss": "focal"}, LN2), ({"penalty": "barrier"}, LN2 - 0.0321888), ({"penalty": "square"}, LN2)],
)
def test_the_variants_of_the_loss_begin_as_computed(training, train, changed, loss):
    made = train("out", replace(OPTIONS, method=replace(POLAR, **changed)), **two_policies(training))
    assert logged(made)[0]["loss"] == pytest.approx(loss, abs=1e-6)


# --- implicit ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["ce", "dpo"])
def test_an_implicit_model_learns_and_names_the_model_it_began_from(training, train, loss):
    options = replace(OPTIONS, method=Implicit(loss=loss, beta=0.5), rows_per_step=16, loop=Loop(steps=30))
    made = train("out", options)
    lines = logged(made)
    assert lines[0]["loss"] == pytest.approx(LN2, abs=1e-5)
    assert lines[-1]["accuracy"] > 0.9
    settings, policy = read_settings(made.path), training.policy()
    assert settings is not None
    assert (settings.beta, settings.reference) == (0.5, Reference(spec=policy.spec, digest=policy.digest))
    assert settings.loss == loss
    assert load_policy(Weights(str(made.path))).config.tie_word_embeddings


# --- all --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [BradleyTerry(), POLAR, Implicit(loss="dpo", beta=0.5)], ids=["bt", "polar", "dpo"])
def test_a_stopped_training_publishes_the_same_bytes(train, method):
    options = replace(OPTIONS, method=method, rows_per_step=2, loop=Loop(steps=6, checkpoint_every=2))
    whole = train("whole", options)
    for done in (2, 3):
        with pytest.raises(Stopped):
            train("stopped", options, stop_after=done)
    stopped = train("stopped", options)
    assert stopped.digest == whole.digest
    assert [line["loss"] for line in logged(stopped)] == [line["loss"] for line in logged(whole)]


@pytest.mark.parametrize("method", [Token(), BradleyTerry(centring=0.1), POLAR], ids=["token", "bt", "polar"])
def test_micro_batches_add_up_to_the_step(training, method):
    model = load_headed(training.policy(), "token" if isinstance(method, Token) else "bradley-terry")
    with torch.no_grad():
        model.score.weight.normal_()
    learner = Learner(model, FAST)
    rng = np.random.default_rng(0)
    rows = []
    for unit in range(3):
        prompt = rng.integers(5, 60, 4).astype(np.int32)
        for reward in (1.0, 0.0):
            ids = rng.integers(5, 60, rng.integers(1, 9)).astype(np.int32)
            if isinstance(method, Token):
                rows.append(RewardRow(rollout_id="", prompt_token_ids=prompt, token_ids=ids, reward=reward))
            else:
                rows.append(ended(prompt, ids, rollout_id="", reward=reward, unit=unit))
    totals, loss = reward_totals(rows), HeadLoss(learner, method)
    assert totals.units == (6 if isinstance(method, Token) else 3)

    def gradients(pieces: list[list[RewardRow]]) -> tuple[float, dict[str, torch.Tensor]]:
        learner.discard_gradients()
        value = 0.0
        for piece in pieces:
            terms = loss(piece, totals)
            whole = torch.stack(list(terms.losses.values())).sum()
            learner.backward(whole)
            value += whole.item()
        return value, {n: p.grad.clone() for n, p in learner.parameters.items() if p.grad is not None}

    whole, at_once = gradients([rows])
    summed, in_pieces = gradients([rows[start : start + 2] for start in (0, 2, 4)])
    assert summed == pytest.approx(whole, abs=1e-5)
    for name, gradient in at_once.items():
        torch.testing.assert_close(in_pieces[name], gradient, atol=1e-5, rtol=1e-4)


def test_rows_beyond_the_context_are_left_out_and_counted(training, train):
    rollouts = training.rollouts("r", [["y", "n"], ["y" * 70, "n"]])
    given = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["ci", "ci"])]}
    made = train("out", OPTIONS, **given)
    counts = made.manifest.facts["rollouts"]
    assert (counts["pairs"], counts["too_long"]) == (1, 1)


def test_polar_cuts_what_is_too_long_to_what_fits_and_leaves_nothing_out(training, train):
    """The context is 64: two answers of 40 letters are packed into 63, as one token more stands behind them."""
    rollouts = [
        training.rollouts(letter, [[letter * 40] * 2] * 2, {"policy": {"spec": letter, "digest": letter}})
        for letter in "ab"
    ]
    made = train("out", replace(OPTIONS, method=POLAR), rollouts=rollouts)
    counts = made.manifest.facts["rollouts"]
    assert (counts["cut"], counts["too_long"]) == (counts["triples"], 0)


def test_the_defaults_of_a_method_hold_where_nothing_is_asked(training):
    from whet.stages.train_rm import resolve

    rollouts = training.rollouts("r", TEXTS)
    given: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    found = {}
    for method in (Token(), BradleyTerry(), POLAR, Implicit()):
        options = resolve(TrainRmOptions(method=method), training.policy(), **given)
        found[type(method).__name__] = (options.optimization.learning_rate, options.rows_per_step)
    assert found == {
        "Token": (2e-6, 64), "BradleyTerry": (1e-5, 64), "Polar": (1e-5, 320), "Implicit": (5e-7, 64),
    }  # fmt: skip


def test_the_plan_shows_a_row_and_the_distances(training):
    lines = plan(replace(OPTIONS, method=POLAR), training.policy(), **two_policies(training))
    assert lines[0].startswith("8 pairs to learn from")
    assert lines[1] == "distance 0.6667 +- 0.0000: runs/one and runs/two"
    assert lines[2].startswith("first row, '0?\\na")
    assert "<|user|>': 1" in lines[2]
    assert lines[-1] == "2 steps of 4 pairs"


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        (Token(), ["rollouts"], "--verdicts"),
        (Token(), ["rollouts", "verdicts", "labels"], "--labels are for --method verifier"),
        (Token(), [], "expected --rollouts or --preferences"),
        (Implicit(), ["rollouts"], "give --rollouts and their --verdicts"),
        (replace(POLAR, compare="policies"), ["rollouts", "verdicts"], "--compare policies learns from who wrote"),
        (replace(POLAR, compare="completions"), ["rollouts"], "--compare completions needs"),
        (Polar(), ["rollouts", "verdicts"], "does not have <|reward|>"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_go_together_are_refused(training, train, method, given, message):
    rollouts = training.rollouts("r", TEXTS)
    verdicts = training.verdicts(rollouts, LETTERS)
    inputs = {"rollouts": [rollouts], "verdicts": [verdicts], "labels": [verdicts]}
    chosen: dict[str, Any] = {name: inputs[name] for name in given} or {"scores": []}
    with pytest.raises(WrongOption, match=message.replace("|", r"\|")):
        train("out", replace(OPTIONS, method=method), **chosen)


def test_pairing_options_go_with_methods_that_compare(train):
    options = replace(OPTIONS, method=Implicit(), pairing=Pairing(pairs="all"))
    with pytest.raises(WrongOption, match="--method implicit makes no pairs here"):
        train("out", options)
    with pytest.raises(WrongOption, match="--label-smoothing is 0.5, expected a share below 0.5"):
        BradleyTerry(label_smoothing=0.5)
