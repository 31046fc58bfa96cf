"""Scores of reward models: what the folder says, OREAL's alignment, the last token, POLAR's references."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from whet.artifacts import Artifact, Weights, WrongArtifact, WrongOption
from whet.stages.rewards.folder import Reference, Settings, write_settings
from whet.stages.rewards.loading import load_headed
from whet.stages.rewards.polar_packing import Packer, Packing
from whet.stages.score import ScoreOptions, plan, resolve
from whet.stages.scoring.methods import Implicit, Polar, Token
from whet.stages.tokens import load_encoder

TEXTS = [["7", "12345", "3"], ["9 9 9 9 9", "", "1"]]
PACKING = Packing(separator_token="<|system|>", reward_token="<|user|>")
Scored = Callable[..., Artifact[Any]]


def reward_model(training: Any, method: Literal["token", "bradley-terry", "polar"], plain: bool = False) -> Weights:
    """A head of random numbers on the tiny policy; a plain one has no reward-model.json."""
    folder: Path = training.folder / f"{method}-{'plain' if plain else 'ours'}"
    policy = training.policy()
    model = load_headed(policy, method)
    with torch.no_grad():
        model.score.weight.normal_(generator=torch.Generator().manual_seed(7))
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json"):
        if (policy.path / name).is_file():
            (folder / name).write_bytes((policy.path / name).read_bytes())
    if not plain:
        alignment: Any = "before" if method == "token" else None
        packing = PACKING if method == "polar" else None
        write_settings(folder, Settings(method=method, token_alignment=alignment, packing=packing))
    return Weights(str(folder))


@pytest.mark.parametrize("plain", [False, True], ids=["ours", "plain"])
def test_a_token_model_gives_each_token_the_logit_before_it(training: Any, scored: Scored, plain: bool) -> None:
    """Whet's number of token j of the completion is Hugging Face's logit at the position before it; score: the mean."""
    from transformers import AutoModelForTokenClassification

    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "token", plain)
    found = scored("s", rollouts, model)
    theirs = AutoModelForTokenClassification.from_pretrained(str(model.path)).eval()
    for row, rollout in zip(found.rows(), rollouts.rows(), strict=True):
        prompt, completion = rollout["prompt_token_ids"], rollout["token_ids"]
        with torch.inference_mode():
            logits = theirs(torch.tensor([[*prompt, *completion]])).logits[0, :, 0].numpy()
        expected = logits[len(prompt) - 1 : len(prompt) + len(completion) - 1]
        np.testing.assert_allclose(row["token_scores"], expected, atol=1e-5)
        assert row["score"] == pytest.approx(expected.mean(), abs=1e-5)
    assert found.manifest.facts["token_alignment"] == "before"
    assert found.manifest.facts["method"]["name"] == "token"


def test_a_token_model_scores_a_rollout_by_its_lowest_step_where_asked(training: Any, scored: Scored) -> None:
    """One token a character and the end token: "1 2 3" has steps of two tokens each."""
    rollouts, model = training.rollouts("r", [["1 2 3", "4"]]), reward_model(training, "token")
    found = list(scored("m", rollouts, model, method=Token(aggregate="min", step_end=" ")).rows())
    tokens = [np.array(row["token_scores"]) for row in found]
    assert found[0]["score"] == pytest.approx(tokens[0].reshape(3, 2).mean(1).min(), abs=1e-6)
    assert found[1]["score"] == pytest.approx(tokens[1].mean(), abs=1e-6)


@pytest.mark.parametrize("plain", [False, True], ids=["ours", "plain"])
@pytest.mark.parametrize("batch_tokens", [1, 4096])
def test_a_scalar_model_is_read_after_the_last_token(
    training: Any, scored: Scored, plain: bool, batch_tokens: int
) -> None:
    """The end token is the last one, in batches too, although transformers would pass it over as padding."""
    from transformers import AutoModelForSequenceClassification

    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "bradley-terry", plain)
    found = scored("s", rollouts, model, batch_tokens=batch_tokens)
    theirs: Any = AutoModelForSequenceClassification.from_pretrained(str(model.path)).eval()
    theirs.config.pad_token_id = None  # one row at a time needs none
    for row, rollout in zip(found.rows(), rollouts.rows(), strict=True):
        with torch.inference_mode():
            ids = torch.tensor([[*rollout["prompt_token_ids"], *rollout["token_ids"]]])
            assert row["score"] == pytest.approx(theirs(ids).logits.item(), abs=1e-5)
        assert row["token_scores"] is None


def by_hand(model: Weights, prompt: str, reference: str, candidate: str) -> float:
    """The head's number at the reward token, from one plain forward pass."""
    loaded = load_headed(model, "polar")
    (packed,) = Packer(load_encoder(str(model.path)), PACKING).pack(prompt, reference, [candidate])
    with torch.inference_mode():
        hidden = loaded.base_model(torch.tensor([packed.token_ids])).last_hidden_state[0, -1]
        return loaded.score(hidden).item()


def test_polar_compares_with_the_reference_answer(training: Any, scored: Scored) -> None:
    """Problem 0 asks "0?", its answer is 1."""
    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "polar")
    found = scored("s", rollouts, model, batch_tokens=64)
    rows = list(found.rows())
    assert rows[1]["score"] == pytest.approx(by_hand(model, "0?", "1", "12345"), abs=1e-5)
    assert rows[4]["score"] == pytest.approx(by_hand(model, "1?", "1", ""), abs=1e-5)
    assert found.manifest.facts["comparable"] == "within-problem"
    alone = [row["score"] for row in scored("alone", rollouts, model, batch_tokens=1).rows()]
    assert [row["score"] for row in rows] == pytest.approx(alone, abs=1e-5)


def test_polar_compares_with_the_first_correct_rollout_which_gets_no_score(training: Any, scored: Scored) -> None:
    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "polar")
    verdicts = training.verdicts(rollouts, ["ici", "iii"])
    found = scored("s", rollouts, model, {"verdicts": verdicts}, method=Polar(reference="best-rollout"))
    rows = list(found.rows())
    assert rows[0]["score"] == pytest.approx(by_hand(model, "0?", "12345", "7"), abs=1e-5)
    assert [row["score"] is None for row in rows] == [False, True, False, True, True, True]
    assert found.manifest.counts["null_its_own_reference"] == 1
    assert found.manifest.counts["null_no_reference"] == 3


def test_the_plan_shows_a_candidate_beside_its_reference(training: Any) -> None:
    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "polar")
    options = resolve(ScoreOptions(precision="float32", method=Polar()), rollouts, model)
    lines = plan(options, rollouts, model)
    assert "first row, 10 tokens: '0?\\n1<|system|>0?\\n7<|user|>'" in lines


def test_polar_counts_the_rollouts_that_lost_tokens(training: Any, scored: Scored) -> None:
    """Of 8 tokens at most an answer, "9 9 9 9 9" keeps its first 8; the others are shorter."""
    packing = Packing(separator_token="<|system|>", reward_token="<|user|>", max_answer_tokens=8)
    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "polar")
    write_settings(Path(str(model.path)), Settings(method="polar", packing=packing))
    counts = scored("s", rollouts, Weights(str(model.path)), check_invariance=2).manifest.counts
    assert (counts["cut"], counts["invariance_rows"]) == (1, 2)


def test_polar_compares_with_the_rollouts_of_another_policy(training: Any, scored: Scored) -> None:
    """The first rollout of each problem there, or the first correct one where verdicts say which are."""
    rollouts, model = training.rollouts("r", TEXTS), reward_model(training, "polar")
    others = training.rollouts("others", [["8", "88"], ["6", "66"]])
    given: dict[str, Any] = {"reference_rollouts": others}
    first = next(iter(scored("first", rollouts, model, given).rows()))
    assert first["score"] == pytest.approx(by_hand(model, "0?", "8", "7"), abs=1e-5)
    given["verdicts"] = training.verdicts(others, ["ic", "ic"])
    second = next(iter(scored("second", rollouts, model, given).rows()))
    assert second["score"] == pytest.approx(by_hand(model, "0?", "88", "7"), abs=1e-5)


def test_an_implicit_folder_says_its_beta_and_warns_of_another_reference(
    training: Any, scored: Scored, capsys: pytest.CaptureFixture[str]
) -> None:
    from loguru import logger

    policy, start = training.policy("trained", seed=1), training.policy()
    write_settings(policy.path, Settings(method="implicit", beta=0.2, reference=Reference(spec="s", digest="other")))
    said: list[str] = []
    handler = logger.add(said.append, format="{message}", level="WARNING")
    found = scored("s", training.rollouts("r", TEXTS), Weights(str(policy.path)), {"reference_policy": start})
    logger.remove(handler)
    assert found.manifest.facts["method"] == {
        "name": "implicit", "beta": 0.2, "aggregate": "sum", "step_end": "\n\n",
    }  # fmt: skip
    assert "was trained against s (other)" in said[0]


def test_scores_tell_the_loss_of_an_implicit_model_where_they_are_the_rewards_of_its_training(
    training: Any, scored: Scored
) -> None:
    policy, start = training.policy("trained", seed=1), training.policy()
    reference = Reference(spec="s", digest=start.digest)
    write_settings(policy.path, Settings(method="implicit", beta=0.2, reference=reference, loss="ce"))
    rollouts, model, given = training.rollouts("r", TEXTS), Weights(str(policy.path)), {"reference_policy": start}
    found = [scored(f"s{beta}", rollouts, model, given, method=Implicit(beta=beta)) for beta in (None, 0.3)]
    assert [one.manifest.facts["method"].get("loss") for one in found] == ["ce", None]


def test_a_folder_of_another_method_is_refused(training: Any) -> None:
    rollouts, model = training.rollouts("r", [["1"]]), reward_model(training, "token")
    with pytest.raises(WrongArtifact, match="holds a token reward model, which gives no token probabilities"):
        resolve(ScoreOptions(method=Implicit()), rollouts, model)
    with pytest.raises(WrongArtifact, match="holds a token reward model, expected a polar reward model"):
        resolve(ScoreOptions(method=Polar()), rollouts, model)


def test_options_of_the_method_that_a_folder_holds_need_no_method(
    training: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from whet.cli.main import main

    rollouts = training.rollouts("r", [["7", "12345"]])
    verdicts = training.verdicts(rollouts, ["ci"])
    asked = ["--reference", "best-rollout", "--verdicts", str(verdicts.path), "--out", str(tmp_path / "s"), "-q"]
    polar, token = (str(reward_model(training, method).path) for method in ("polar", "token"))
    assert main(["score", str(rollouts.path), polar, *asked]) == 0
    found = Artifact[Any].open(tmp_path / "s")
    assert found.manifest.options["method"] == "polar"
    assert found.manifest.options["reference"] == "best-rollout"
    capfd.readouterr()
    assert main(["score", str(rollouts.path), token, *asked]) == 2
    assert "--reference is read by --method polar, but the inputs ask for token" in capfd.readouterr().err


def test_vllm_runs_scalar_models_alone(training: Any) -> None:
    rollouts, model = training.rollouts("r", [["1"]]), reward_model(training, "token")
    with pytest.raises(WrongOption, match="--engine vllm runs bradley-terry models, the method is token"):
        resolve(ScoreOptions(engine="vllm"), rollouts, model)


def test_references_of_polar_must_be_told_apart(training: Any) -> None:
    rollouts, model = training.rollouts("r", [["1"]]), reward_model(training, "polar")
    verdicts = training.verdicts(rollouts, ["c"])
    best = ScoreOptions(method=Polar(reference="best-rollout"))
    for options, inputs, message in (
        (best, {}, "say which are, with --verdicts"),
        (best, {"reference_rollouts": rollouts}, "name a reference each"),
        (ScoreOptions(), {"verdicts": verdicts}, "give --reference best-rollout as well"),
        (ScoreOptions(retokenize=True), {}, "polar always encodes the texts"),
    ):
        with pytest.raises(WrongOption, match=message):
            resolve(options, rollouts, model, **inputs)


def test_several_labels_are_no_reward_model(training: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification

    model: Any = AutoModelForTokenClassification.from_pretrained(training.policy().path, num_labels=3)
    model.save_pretrained(tmp_path / "three")
    with pytest.raises(WrongArtifact, match="a head with 3 labels, expected one"):
        resolve(ScoreOptions(), training.rollouts("r", [["1"]]), Weights(str(tmp_path / "three")))
