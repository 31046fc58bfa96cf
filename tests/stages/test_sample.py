"""Rollouts of real, tiny policies."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from whet.artifacts import Artifact, Draft, Problem, Stop, Stopped, Weights, WrongArtifact, WrongOption, make_problem
from whet.stages.engines.options import VllmOptions
from whet.stages.init import InitOptions, init
from whet.stages.problems import ProblemsOptions
from whet.stages.problems import problems as make_problems
from whet.stages.prompting import Prompting
from whet.stages.rollouts import chunk_plan
from whet.stages.sample import SampleOptions, plan, resolve, sample
from whet.stages.sampling import Sampling

SAMPLING = Sampling(rollouts_per_problem=4, max_tokens=24, temperature=0.8, top_p=0.95)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    draft = Draft.create(tmp_path_factory.mktemp("policy") / "policy", kind="policy", stage="init")
    init(draft, InitOptions(context=96))
    return Weights(str(draft.publish().path))


@pytest.fixture(scope="module")
def additions(tmp_path_factory: pytest.TempPathFactory) -> Artifact[Problem]:
    draft = Draft.create(tmp_path_factory.mktemp("problems") / "problems", kind="problems", stage="problems")
    make_problems("addition", draft, ProblemsOptions(count=20, length="1..3"))
    return draft.publish()


@pytest.fixture
def draw(tmp_path: Path, additions: Artifact[Problem], policy: Weights) -> Callable[..., Artifact[Any]]:
    """Run the stage on its declared inputs and publish; `name` tells the folders apart, not the recipes."""

    def run(
        name: str = "rollouts",
        problems: Artifact[Problem] = additions,
        weights: Weights = policy,
        sampling: Sampling = SAMPLING,
        tokenizer: Weights | None = None,
        stop: Stop | None = None,
        **options: Any,
    ) -> Artifact[Any]:
        chosen = resolve(SampleOptions(sampling=sampling, **options), problems, weights, tokenizer)
        inputs = {"problems": problems, "policy": weights, "tokenizer": tokenizer}
        recipe = {"precision": chosen.precision, "engine": chosen.engine, "format": chosen.prompting.prompt_format}
        draft = Draft.create(tmp_path / name, kind="rollouts", stage="sample", options=recipe, inputs=inputs, stop=stop)
        try:
            sample(problems, weights, draft, chosen, tokenizer=tokenizer)
        except BaseException:
            draft.close()
            raise
        return draft.publish()

    return run


def _rows(rollouts: Artifact[Any]) -> list[dict[str, Any]]:
    return list(rollouts.rows())


def _assert_equal(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    numbers = ("logprobs", "sampling_logprobs")
    assert [{k: v for k, v in row.items() if k not in numbers} for row in found] == [
        {k: v for k, v in row.items() if k not in numbers} for row in expected
    ]
    for column in numbers:
        for one, other in zip(found, expected, strict=True):
            assert list(one[column]) == pytest.approx(list(other[column]), abs=1e-4)


def test_every_problem_gets_its_rollouts_with_tokens_and_both_logprobs(
    draw: Callable[..., Artifact[Any]], additions: Artifact[Problem], policy: Weights
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rollouts = draw(precision="float32")
    rows = _rows(rollouts)
    asked = [problem["problem_id"] for problem in additions.rows()]
    assert [(row["problem_id"], row["draw"]) for row in rows] == [(key, n) for key in asked for n in range(4)]
    assert len({row["rollout_id"] for row in rows}) == len({row["seed"] for row in rows}) == 80
    assert rollouts.problems().keys() == set(asked)
    assert policy.path is not None
    model: Any = AutoModelForCausalLM.from_pretrained(policy.path)
    tokenizer: Any = AutoTokenizer.from_pretrained(policy.path)
    for row in rows[:12]:
        prompt, drawn = list(row["prompt_token_ids"]), list(row["token_ids"])
        messages = rollouts.problems()[row["problem_id"]]["messages"]
        assert prompt == tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
        assert row["text"] == tokenizer.decode(drawn, skip_special_tokens=True)
        with torch.no_grad():
            logits = model(torch.tensor([prompt + drawn])).logits[0, len(prompt) - 1 : -1]
        expected = torch.log_softmax(logits, dim=-1).gather(1, torch.tensor(drawn)[:, None])[:, 0]
        assert list(row["logprobs"]) == pytest.approx(expected.tolist(), abs=1e-4)
        assert list(row["sampling_logprobs"]) != pytest.approx(list(row["logprobs"]), abs=1e-3)
        assert row["finish_reason"] == ("stop" if drawn[-1] == 1 else "length")
        origin = {"start": 0, "end": len(drawn), "origin": "policy", "policy": policy.digest, "turn": 0}
        assert row["segments"] == [origin]


def test_the_manifest_tells_how_they_were_drawn(draw: Callable[..., Artifact[Any]], policy: Weights) -> None:
    rollouts = draw(precision="float32")
    facts, counts = rollouts.manifest.facts, rollouts.manifest.counts
    assert facts["engine"] == "decode"
    assert facts["policy"]["digest"] == policy.digest
    assert facts["tokenizer_digest"] == policy.tokenizer_digest
    assert facts["stop_rule"] == "fixed"
    assert facts["sampling"]["temperature"] == 0.8
    rows = _rows(rollouts)
    assert counts["rollouts"] == 80
    assert counts["tokens"] == sum(len(row["token_ids"]) for row in rows)
    assert counts["truncated"] == sum(row["finish_reason"] == "length" for row in rows)
    assert counts["empty"] == sum(not row["text"].strip() for row in rows)


@pytest.mark.parametrize("runtime", [{"max_batch_rows": 3}, {"batch_tokens": 200}])
def test_runtime_options_change_no_row(draw: Callable[..., Artifact[Any]], runtime: dict[str, int]) -> None:
    few = Sampling(rollouts_per_problem=2, max_tokens=16)
    expected = draw("one", sampling=few, precision="float32")
    _assert_equal(_rows(draw("other", sampling=few, precision="float32", **runtime)), _rows(expected))


def test_the_generate_engine_draws_what_the_decode_loop_draws(draw: Callable[..., Artifact[Any]]) -> None:
    few = Sampling(rollouts_per_problem=1, max_tokens=12)
    # Other engines are other recipes, so other ids and seeds; greedy rows need no seed.
    greedy = Sampling(rollouts_per_problem=1, max_tokens=12, temperature=0)
    loop, plain = (_rows(draw(e, sampling=greedy, engine=e, precision="float32")) for e in ("decode", "generate"))
    assert [row["token_ids"] for row in loop] == [row["token_ids"] for row in plain]
    assert {row["rollout_id"] for row in loop}.isdisjoint(row["rollout_id"] for row in plain)
    assert len(_rows(draw("few", sampling=few, engine="generate"))) == 20


def test_a_stopped_run_goes_on_to_the_same_rows(
    draw: Callable[..., Artifact[Any]],
) -> None:
    expected = _rows(draw("whole", precision="float32"))

    class StopAfter(Stop):
        """A stop request that comes when it has been looked at a number of times."""

        def __init__(self, looks: int) -> None:
            self.looks = looks

        @property
        def requested(self) -> bool:  # type: ignore[override]
            self.looks -= 1
            return self.looks < 0

    for looks in (12, 9, 30):
        with pytest.raises(Stopped):
            draw("parts", precision="float32", stop=StopAfter(looks), max_batch_rows=32)
    found = draw("parts", precision="float32", max_batch_rows=32)
    _assert_equal(_rows(found), expected)


def test_a_program_writes_solutions_that_end(
    draw: Callable[..., Artifact[Any]], policy: Weights, additions: Artifact[Problem]
) -> None:
    program = Weights("program:tail-compact", allow=("program",))
    rollouts = draw(weights=program, tokenizer=policy, sampling=Sampling(max_tokens=200))
    answers = {problem["problem_id"]: problem["answer"] for problem in additions.rows()}
    for row in _rows(rollouts):
        assert row["text"].endswith(f"\\boxed{{{answers[row['problem_id']]}}}")
        assert row["finish_reason"] == "stop"
        assert set(row["logprobs"]) == {0.0}
        assert row["segments"][0]["policy"] == program.digest
    assert rollouts.manifest.facts["engine"] == "program"


def test_repeated_problems_get_rollouts_of_their_own(
    draw: Callable[..., Artifact[Any]], small: Any, additions: Artifact[Problem]
) -> None:
    first = next(iter(additions.rows()))
    repeated = small.make("repeated", "problems", [[first, first]])
    rows = _rows(draw(problems=repeated, sampling=Sampling(max_tokens=12)))
    assert [row["occurrence"] for row in rows] == [0, 1]
    assert rows[0]["rollout_id"] != rows[1]["rollout_id"]
    assert rows[0]["token_ids"] != rows[1]["token_ids"]


def test_what_cannot_be_drawn_is_refused_before_anything_is(
    draw: Callable[..., Artifact[Any]], small: Any, policy: Weights
) -> None:
    def ask(name: str, content: str, **columns: Any) -> Artifact[Any]:
        problem = make_problem([{"role": "user", "content": content}], "1")
        return small.make(name, "problems", [[{**problem, **columns}]])

    with pytest.raises(WrongArtifact, match="holds no problems"):
        draw("a", problems=small.make("none", "problems", [[]]))
    # 96 characters, <|user|>, <|end|> and <|assistant|>
    with pytest.raises(WrongArtifact, match=r"1 prompt fills the context of 96 tokens .* has 99\)"):
        draw("b", problems=ask("long", "1" * 96))
    with pytest.raises(WrongArtifact, match="has no token for 'é'"):
        draw("c", problems=ask("accent", "é"))
    with pytest.raises(WrongArtifact, match="1 problem has images"):
        draw("d", problems=ask("image", "see", images=["abc"]))
    with pytest.raises(WrongArtifact, match="no program"):
        draw("e", problems=ask("own", "1+1"), weights=Weights("program:tail", allow=("program",)), tokenizer=policy)


def test_options_that_do_not_go_together_are_refused(additions: Artifact[Problem], policy: Weights) -> None:
    program = Weights("program:tail", allow=("program",))
    with pytest.raises(WrongOption, match="program:tail has no tokenizer of its own: give --tokenizer"):
        resolve(SampleOptions(), additions, program)
    with pytest.raises(WrongOption, match="--engine decode cannot run program:tail"):
        resolve(SampleOptions(engine="decode"), additions, program, policy)
    with pytest.raises(WrongOption, match="--engine program writes rollouts of program:NAME"):
        resolve(SampleOptions(engine="program"), additions, policy)
    with pytest.raises(WrongOption, match="--tokenizer is for program:NAME"):
        resolve(SampleOptions(), additions, policy, policy)
    with pytest.raises(WrongOption, match="--top-p is 0, expected"):
        Sampling(top_p=0)
    with pytest.raises(WrongOption, match="--batch-tokens is 0"):
        SampleOptions(batch_tokens=0)


def test_an_unknown_architecture_goes_to_the_generate_engine(tmp_path: Path, additions: Artifact[Problem]) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    weights = Weights(str(tmp_path))
    assert resolve(SampleOptions(), additions, weights).engine == "generate"
    with pytest.raises(WrongOption, match="--engine decode cannot run .*'gpt2'.*--engine generate can"):
        resolve(SampleOptions(engine="decode"), additions, weights)


def test_chunks_are_whole_problems_and_share_well() -> None:
    quick = chunk_plan(500, 8, 64)
    assert quick[:2] == [[0, 64], [64, 128]]
    assert quick[-1] == [448, 500]
    assert len(quick) == 8
    # 2^19 / 32,768 = 16 rows would not fill a batch: at least 128
    assert chunk_plan(100, 16, 32768)[0] == [0, 8]
    assert chunk_plan(3, 1000, 64) == [[0, 1], [1, 2], [2, 3]]


def test_a_dry_run_shows_the_prompt_and_imports_no_torch(additions: Artifact[Problem], policy: Weights) -> None:
    program = f"""
import sys
from whet.artifacts import Artifact, Weights
from whet.stages.sample import SampleOptions, plan, resolve
problems, policy = Artifact.open({str(additions.path)!r}), Weights({str(policy.path)!r})
print("\\n".join(plan(resolve(SampleOptions(), problems, policy), problems, policy)))
assert not {{"torch", "transformers"}} & sys.modules.keys(), "a heavy import"
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    question = next(iter(additions.rows()))["messages"][0]["content"]
    assert repr(f"<|user|>{question}<|end|><|assistant|>") in shown
    assert f"  as tokens: <|user|>│{'│'.join(question)}│<|end|>│<|assistant|>" in shown
    assert "MB for 390,784 parameters" in shown
    assert "20 rollouts in 1 chunk," in shown
    options = SampleOptions(engine="program", precision="float32")
    program_lines = plan(options, additions, Weights("program:tail", allow=("program",)), policy)
    assert not any("memory" in line for line in program_lines)


def test_options_that_a_program_does_not_read_are_refused(policy: Weights, additions: Artifact[Problem]) -> None:
    program = Weights("program:tail", allow=("program",))
    for options in (
        SampleOptions(check=3),
        SampleOptions(precision="bfloat16"),
        SampleOptions(allow_failed=0.5),
        SampleOptions(vllm=VllmOptions(max_model_len=9)),
    ):
        with pytest.raises(WrongOption, match="program"):
            resolve(options, additions, program, policy)


def test_a_thinking_budget_leaves_room_for_the_answer() -> None:
    with pytest.raises(WrongOption, match=r"--think-tokens is 64, expected less than --max-tokens \(64\)"):
        SampleOptions(sampling=Sampling(max_tokens=64), prompting=Prompting(think_tokens=64))
