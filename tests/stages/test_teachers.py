import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from whet.artifacts import Artifact, Draft, Weights, WrongArtifact, WrongOption
from whet.cli.options import record
from whet.stages.loop import Loop
from whet.stages.objectives.distill import Distill
from whet.stages.objectives.kdrl import Kdrl
from whet.stages.objectives.oreal import Oreal
from whet.stages.optimization import Optimization
from whet.stages.sampling import Sampling
from whet.stages.score import ScoreOptions, score
from whet.stages.scoring.methods import Confidence, Likelihood
from whet.stages.train_policy import TrainPolicyOptions, resolve

TEXTS = [["right", "wrong", "no"], ["right", "right", "bad"], ["7", "1"]]
LETTERS = ["cii", "cci", "ii"]
FAST = Optimization(learning_rate=3e-3, precision="float32")
OPTIONS = TrainPolicyOptions(objective=Distill(), rows_per_step=4, optimization=FAST, loop=Loop(steps=3))


def logged(policy: Artifact[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (policy.path / "metrics.jsonl").read_text().splitlines()]


def weights_of(policy: Artifact[Any]) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(policy.path / "model.safetensors")


def scored(training: Any, rollouts: Artifact[Any], teacher: Weights, method: Any = None) -> Artifact[Any]:
    """What `whet score ROLLOUTS TEACHER --method likelihood` makes."""
    options = ScoreOptions(method=method or Likelihood(), precision="float32")
    inputs = {"rollouts": rollouts, "model": teacher}
    name = f"{rollouts.path.parent.name}-{type(options.method).__name__}"
    draft = Draft.create(
        training.folder / name, kind="scores", stage="score", options=record(options)[0], inputs=inputs
    )
    score(rollouts, teacher, draft, options)
    return draft.publish()


def divergence(policy: Any, teacher: Weights) -> float:
    """KL(policy || teacher) of the first token, the mean over three prompts; nats."""
    from transformers import AutoModelForCausalLM

    from whet.stages.tokens import load_encoder

    assert teacher.path is not None
    encoder = load_encoder(teacher.path)
    one, other = (AutoModelForCausalLM.from_pretrained(str(model.path)) for model in (policy, teacher))
    found = 0.0
    for number in range(3):
        ids = torch.tensor([encoder.encode_prompt([{"role": "user", "content": f"{number}?"}])])
        with torch.no_grad():
            p, q = (model(ids).logits[0, -1].log_softmax(-1) for model in (one, other))
        found += float((p.exp() * (p - q)).sum()) / 3
    return found


def test_scores_of_a_teacher_and_the_teacher_itself_are_the_same_training(training):
    teacher, rollouts = training.policy("teacher", seed=5), training.rollouts("r", TEXTS)
    one = training.train("scores", OPTIONS, rollouts=[rollouts], teacher=[scored(training, rollouts, teacher)])
    other = training.train("model", OPTIONS, rollouts=[rollouts], teacher_policy=teacher)
    for name, value in weights_of(one).items():
        torch.testing.assert_close(value, weights_of(other)[name], atol=1e-5, rtol=1e-4)
    assert logged(one)[0]["loss"] == pytest.approx(logged(other)[0]["loss"], rel=1e-4)
    assert logged(one)[-1]["loss"] < logged(one)[0]["loss"]


def test_distillation_on_own_rollouts_comes_near_the_teacher(training):
    teacher = training.policy("teacher", seed=5)
    options = replace(
        OPTIONS,
        rows_per_step=None,
        groups_per_step=4,
        sampling=Sampling(rollouts_per_problem=8, max_tokens=8),
        loop=Loop(steps=30),
    )
    made = training.train("out", options, problems=training.problems_artifact(), teacher_policy=teacher)
    assert divergence(made, teacher) < divergence(training.policy(), teacher) / 2
    lines = logged(made)
    assert lines[-1]["distill/kl"] < lines[0]["distill/kl"]
    # Rollouts that hit the limit are trained on too: they are as much the policy's own as others.
    assert lines[0]["rows"] == 32
    assert lines[0]["completions/clipped_ratio"] > 0


def test_what_is_distilled_on_follows_the_verdicts(training):
    teacher, rollouts = training.policy("teacher", seed=5), training.rollouts("r", TEXTS)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)], "teacher_policy": teacher}
    wrong = replace(OPTIONS, objective=Distill(distill_on="wrong-only"), rows_per_step=8, loop=Loop())
    made = training.train("wrong", wrong, **inputs)
    # ii, i and ii are not correct
    assert logged(made)[0]["rows"] == 5
    dead = replace(wrong, objective=Distill(distill_on="dead-groups-only"), rows_per_step=None, groups_per_step=3)
    assert logged(training.train("dead", dead, **inputs))[0]["rows"] == 2


def test_kdrl_distills_also_where_no_advantage_is_and_less_and_less(training):
    teacher = training.policy("teacher", seed=5)
    # Every token as likely as 1/2 for the sampler.
    rollouts = training.rollouts("r", TEXTS, row=lambda problem, draw: halves(TEXTS[problem][draw]))
    objective = Kdrl(distill_weight=1.0, distill_weight_end=0.0, distill_on="all")
    options = replace(OPTIONS, objective=objective, rows_per_step=None, groups_per_step=3)
    options = replace(options, optimization=replace(FAST, learning_rate=1e-6))
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)], "teacher_policy": teacher}
    lines = logged(training.train("out", options, **inputs))
    # The last group is all wrong: it has no advantage, and is computed for the teacher.
    assert [line["rows"] for line in lines] == [8, 8, 8]
    assert lines[1]["loss_distill"] == pytest.approx(lines[0]["loss_distill"] / 2, rel=1e-2)
    assert lines[2]["loss_distill"] == pytest.approx(0, abs=1e-9)


def halves(text: str) -> dict[str, Any]:
    logprobs = [-0.6931] * (len(text) + 1)
    return {"logprobs": logprobs, "sampling_logprobs": logprobs}


def test_a_wrong_teacher_is_refused(training):
    policy: Weights = training.policy()
    rollouts, others = training.rollouts("r", TEXTS), training.rollouts("s", TEXTS)
    teacher = training.policy("teacher", seed=5)
    scores = scored(training, rollouts, teacher)
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (Distill(), {"rollouts": [rollouts]}, "--objective distill needs a teacher: --teacher with its scores"),
        (Distill(), {"problems": training.problems_artifact()}, "needs a teacher: --teacher-policy with the model"),
        (Distill(), {"rollouts": [rollouts], "teacher": [scores], "teacher_policy": policy}, "the same in two ways"),
        (Distill(), {"problems": training.problems_artifact(), "teacher": [scores]}, "give --teacher-policy"),
        (Distill(), {"rollouts": [rollouts], "verdicts": [rollouts], "teacher": [scores]}, "leave out --verdicts, or"),
        (Distill(distill_on="wrong-only"), {"rollouts": [rollouts], "teacher": [scores]}, "needs --verdicts"),
        (Oreal(), {"rollouts": [rollouts], "verdicts": [rollouts], "teacher": [scores]}, "oreal has no teacher"),
    ]
    for objective, inputs, message in wrong:
        options = replace(OPTIONS, objective=objective, rows_per_step=None)
        with pytest.raises(WrongOption, match=message):
            resolve(options, policy, **inputs)
    with pytest.raises(WrongArtifact, match="holds scores of other rollouts"):
        training.train("a", OPTIONS, rollouts=[others], teacher=[scores])
    confident = scored(training, rollouts, teacher, Confidence())
    with pytest.raises(WrongArtifact, match="made with --method confidence, expected log-probabilities"):
        training.train("b", OPTIONS, rollouts=[rollouts], teacher=[confident])
    warm = training.rollouts(
        "w", TEXTS, facts={"sampling": {"temperature": 0.7}}, row=lambda problem, draw: halves(TEXTS[problem][draw])
    )
    kdrl = replace(OPTIONS, objective=Kdrl(), rows_per_step=None, groups_per_step=3)
    judged = {"rollouts": [warm], "verdicts": [training.verdicts(warm, LETTERS)]}
    with pytest.raises(WrongArtifact, match=r"that of the rollouts, 0\.7: give the teacher itself"):
        training.train("c", kdrl, **judged, teacher=[scored(training, warm, teacher)])


def test_a_teacher_with_another_tokenizer_is_refused(training):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from whet.stages.alphabets import write_tokenizer

    folder = training.folder / "bytes"
    folder.mkdir()
    config = Qwen2Config(
        vocab_size=write_tokenizer("byte", folder), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    rollouts = training.rollouts("r", TEXTS)
    with pytest.raises(WrongArtifact, match="has another tokenizer than"):
        training.train("out", OPTIONS, rollouts=[rollouts], teacher_policy=Weights(str(folder)))
