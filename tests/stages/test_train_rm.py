import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from whet.artifacts import Artifact, Draft, SourceFile, Stopped, Weights, WrongArtifact, WrongOption
from whet.cli.main import main
from whet.cli.options import record
from whet.stages.loop import Loop
from whet.stages.lora import Lora
from whet.stages.optimization import Optimization
from whet.stages.policy_folder import Saving
from whet.stages.train_rm import TrainRmOptions, plan, train_rm
from whet.stages.verifier_method import Augmentation, Verifier

# Context 64: the questions are 0? 1? ..., the reference is 1.
TEXTS = [[r"\boxed{1}", r"\boxed{2}", "no", r"\boxed{1}"], [r"\boxed{1}", r"\boxed{3}", "..."], ["4", "1", "hm"]]
LETTERS = ["civc", "civ", "icv"]
FAST = Optimization(learning_rate=3e-3, precision="float32")
NOTHING_ADDED = Augmentation(formulas=0, near_formulas=0, patterns=0, truncations=0, tags=0, prompts=0)
PLAIN = Verifier(augmentation=NOTHING_ADDED)
OPTIONS = TrainRmOptions(method=PLAIN, rows_per_step=4, optimization=FAST)


@pytest.fixture
def prompt(tmp_path: Path) -> SourceFile:
    (tmp_path / "prompt.txt").write_text("{question}{completion}={reference}\n")
    return SourceFile(str(tmp_path / "prompt.txt"))


@pytest.fixture
def train(training, prompt):
    """Train a verifier on TEXTS and publish it."""
    rollouts = training.rollouts("r", TEXTS)
    inputs = {"rollouts": [rollouts], "labels": [training.verdicts(rollouts, LETTERS)], "prompt": prompt}

    def run(name: str, options: TrainRmOptions, stop_after: int | None = None, **changed: Any) -> Any:
        policy = changed.pop("policy", None) or training.policy()
        given = {**inputs, **changed}
        declared = {"stage": "train-rm", "options": record(options)[0], "inputs": {"policy": policy, **given}}
        draft = Draft.create(training.folder / name, kind="verifier", **declared)
        return training.published(draft, lambda: train_rm(policy, draft, options, **given), stop_after)

    run.inputs = inputs  # type: ignore[attr-defined]
    return run


def logged(made: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (made.path / "metrics.jsonl").read_text().splitlines()]


def labels_given(made: Any) -> list[str]:
    """The label that the trained model gives each of TEXTS, by the model's own logits."""
    from transformers import AutoModelForCausalLM

    from whet.stages.tokens import load_encoder
    from whet.stages.verifiers import Case
    from whet.stages.verifiers.prompts import encode_case
    from whet.stages.verifiers.settings import read_settings

    settings, encoder = read_settings(made.path), load_encoder(made.path)
    assert settings is not None
    model = AutoModelForCausalLM.from_pretrained(made.path)
    found = []
    for question, group in enumerate(TEXTS):
        for text in group:
            ids, _ = encode_case(encoder, settings.prompt, Case(f"{question}?", "1", text), 64, settings.chat)
            logits = model(torch.tensor([ids])).logits[0, -1].detach()
            found.append(encoder.decode([int(logits.argmax())]))
    return found


def test_a_verifier_learns_the_labels_of_a_few_rows(training, train):
    made = train("out", replace(OPTIONS, loop=Loop(steps=120)))
    # c i v c | c i v | i c v
    assert "".join(labels_given(made)) == "ABCAABCBAC"
    lines = logged(made)
    assert lines[-1]["loss"] < 0.1 < lines[0]["loss"]
    assert lines[-1]["label_probability"] > 0.8 > lines[0]["label_probability"]


def test_a_trained_verifier_is_a_plain_model_folder_that_says_how_it_is_asked(training, train, prompt):
    from transformers import AutoTokenizer

    made, start = train("out", OPTIONS), training.policy()
    assert json.loads((made.path / "verifier.json").read_text()) == {
        "format": 1, "prompt": "{question}{completion}={reference}", "chat": True,
        "labels": {"A": "correct", "B": "incorrect", "C": "invalid"},
    }  # fmt: skip
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (made.path / name).read_bytes() == (start.path / name).read_bytes()
    assert AutoTokenizer.from_pretrained(made.path)("1+1")["input_ids"]
    assert Weights(str(made.path)).kind == "verifier"
    assert not (made.path / "trainer").exists()
    # 10 rows, 4 a step: 3 steps, the last of 2. Every row has a label and an end token.
    assert [(line["rows"], line["trained_tokens"]) for line in logged(made)] == [(4, 8), (4, 8), (2, 4)]
    facts = made.manifest.facts
    assert (facts["method"], facts["steps"]) == ("verifier", 3)
    assert facts["rollouts"]["trained_on"] == {"correct": 4, "incorrect": 3, "invalid": 3}


@pytest.mark.parametrize("prompt_weight", [0.0, 0.5])
def test_a_stopped_training_publishes_the_same_bytes(train, prompt_weight):
    method = replace(PLAIN, prompt_weight=prompt_weight, augmentation=Augmentation(prompts=0, patterns=0))
    options = replace(OPTIONS, method=method, loop=Loop(steps=6))
    whole = train("whole", options)
    for done in (2, 3):
        with pytest.raises(Stopped):
            train("stopped", options, stop_after=done)
    stopped = train("stopped", options)
    assert stopped.digest == whole.digest
    assert [line["loss"] for line in logged(stopped)] == [line["loss"] for line in logged(whole)]


def test_unknown_labels_are_left_out_and_counted(training, train):
    rollouts = train.inputs["rollouts"][0]
    made = train("out", OPTIONS, labels=[training.verdicts(rollouts, ["cuuc", "civ", "uuu"])])
    counts = made.manifest.facts["rollouts"]
    assert (counts["rollouts"], counts["unknown"], counts["rows"]) == (10, 5, 5)
    assert [line["rows"] for line in logged(made)] == [4, 1]


def test_balance_changes_how_often_rows_come(training, train):
    rollouts = train.inputs["rollouts"][0]
    labels = [training.verdicts(rollouts, ["cccc", "ccc", "icv"])]
    made = train("out", replace(OPTIONS, method=replace(PLAIN, balance="oversample")), labels=labels)
    # 8 correct, 1 incorrect, 1 invalid become 8 of each.
    assert sum(line["rows"] for line in logged(made)) == 24
    assert made.manifest.facts["rollouts"]["rows_an_epoch"] == 24
    weighted = train("weighted", replace(OPTIONS, method=replace(PLAIN, balance="weights")), labels=labels)
    assert sum(line["rows"] for line in logged(weighted)) == 10


def test_rows_made_from_the_rows_given_are_trained_on_and_counted(train):
    method = replace(PLAIN, augmentation=replace(NOTHING_ADDED, near_formulas=1.0))
    made = train("out", replace(OPTIONS, method=method))
    # Every one of the 4 correct rows also stands beside another reference than 1.
    assert made.manifest.facts["rollouts"]["trained_on"] == {
        "correct": 4, "incorrect": 7, "invalid": 3, "made_by": {"near_formulas": 4},
    }  # fmt: skip


def test_cases_that_do_not_fit_are_cut_or_left_out_and_counted(training, train, tmp_path):
    rollouts = training.rollouts("long", [["x" * 100 + r"\boxed{1}", "1"]])
    inputs: dict[str, Any] = {"rollouts": [rollouts], "labels": [training.verdicts(rollouts, ["cc"])]}
    made = train("out", OPTIONS, **inputs)
    assert (made.manifest.facts["rollouts"]["cut"], made.manifest.facts["rollouts"]["too_long"]) == (1, 0)
    (tmp_path / "long.txt").write_text("You compare: {question}{completion}={reference}\n")
    inputs["prompt"] = SourceFile(str(tmp_path / "long.txt"))
    with pytest.raises(WrongArtifact, match="no case fits into 16 tokens"):
        train("short", replace(OPTIONS, method=replace(PLAIN, max_length=16)), **inputs)


def test_the_plan_says_what_there_is_to_learn_from(training, train, prompt):
    lines = plan(replace(OPTIONS, loop=Loop(epochs=2.0)), training.policy(), **train.inputs)
    assert lines[0].startswith("10 rows to learn from")
    assert lines[1] == r"first prompt: '0?\\boxed{1}=1', then correct"
    assert lines[-2].startswith("memory: about ")
    assert lines[-1] == "5 steps of 4 rows"
    adapted = plan(replace(OPTIONS, lora=Lora(rank=2)), training.policy(), **train.inputs)
    # 2 (rows + columns) of q 32x32, k and v 16x32, o 32x32, gate and up 64x32, down 32x64.
    assert adapted[-2].endswith("parameters, 1,024 of them trained")


def test_wrong_options_are_refused():
    with pytest.raises(WrongOption, match="--steps and --epochs"):
        TrainRmOptions(loop=Loop(steps=1, epochs=1.0))
    with pytest.raises(WrongOption, match="--augmentation.near-formulas is 1.5, expected a share from 0 to 1"):
        Augmentation(near_formulas=1.5)
    with pytest.raises(WrongOption, match="--prompt-weight is -1"):
        Verifier(prompt_weight=-1)


@pytest.mark.parametrize("merge", [False, True], ids=["adapter", "merged"])
def test_a_verifier_is_trained_through_an_adapter_and_goes_on_bit_for_bit(training, train, merge):
    from whet.stages.models import load_policy

    options = replace(OPTIONS, lora=Lora(rank=4, dropout=0.1, merge=merge), loop=Loop(steps=5))
    whole = train("whole", options)
    with pytest.raises(Stopped):
        train("stopped", options, stop_after=2)
    assert train("stopped", options).digest == whole.digest
    assert (whole.path / "verifier.json").is_file()
    names = sorted(path.name for path in whole.path.glob("*.safetensors"))
    assert names == (["model.safetensors"] if merge else ["adapter_model.safetensors"])
    start = load_policy(training.policy(), dtype="float32")
    if merge:
        model = load_policy(Weights(str(whole.path)), dtype="float32")
    else:
        adapter = Weights(str(whole.path), allow=("adapter",))
        model = load_policy(training.policy().adapted(adapter), dtype="float32")
        with pytest.raises(WrongArtifact, match="holds an adapter, expected a model"):
            Weights(str(whole.path))
    with torch.no_grad():
        ids = torch.arange(5, 20)[None]
        assert (model(ids).logits - start(ids).logits).abs().max() > 1e-3


def test_verifiers_are_published_on_the_way(training, train):
    options = replace(OPTIONS, loop=Loop(steps=5), saving=Saving(save_every=2))
    with pytest.raises(Stopped):
        train("out", options, stop_after=3)
    made = train("out", options)
    assert train("whole", options).digest == made.digest
    short = train("short", replace(OPTIONS, loop=Loop(steps=4)))
    for step in (2, 4):
        parts = [Artifact.open(training.folder / f"{name}-step-{step:04d}") for name in ("out", "whole")]
        assert [(part.kind, part.path.name, part.manifest.facts["steps"]) for part in parts] == [
            ("verifier", "v1", step)
        ] * 2
        assert parts[0].digest == parts[1].digest
        assert Weights(str(parts[0].path)).kind == "verifier"
    four = Artifact.open(training.folder / "out-step-0004")
    assert (four.path / "model.safetensors").read_bytes() == (short.path / "model.safetensors").read_bytes()
    assert (four.path / "verifier.json").read_bytes() == (made.path / "verifier.json").read_bytes()


def test_verify_asks_a_verifier_with_its_adapter_as_it_asks_the_merged_one(training, train, capsys):
    folder = training.folder
    start = train("start", replace(OPTIONS, loop=Loop(steps=60)))
    base, policy = Weights(str(start.path)), str(start.path)
    options = replace(OPTIONS, loop=Loop(steps=10))
    train("alone", replace(options, lora=Lora(rank=8)), policy=base)
    train("merged", replace(options, lora=Lora(rank=8, merge=True)), policy=base)
    found = {}
    for out, words in {
        "of-merged": [str(folder / "merged")], "of-alone": [policy, "--adapter", str(folder / "alone")]
    }.items():  # fmt: skip
        ask = ["verify", str(folder / "r"), "--by", "model", "--precision", "float32", "--max-unknown", "1"]
        assert main([*ask, "--verifier", *words, "--out", str(folder / out), "-q"]) == 0
        made = Artifact.open(folder / out)
        found[out] = list(made.rows(["rollout_id", "verdict"]))
        # Both are asked as they were trained to be.
        assert made.manifest.facts["verifier"]["prompt"] == "{question}{completion}={reference}"
    assert found["of-alone"] == found["of-merged"]
    assert len({row["verdict"] for row in found["of-alone"]}) > 1
    assert Artifact.open(folder / "of-alone").manifest.facts["verifier"]["adapter"]["spec"] == str(folder / "alone")
    words = ["verify", str(folder / "r"), "--adapter", str(folder / "alone"), "--out", str(folder / "x"), "-q"]
    assert main(words) == 2
    assert "--adapter is of a verifier" in capsys.readouterr().err
