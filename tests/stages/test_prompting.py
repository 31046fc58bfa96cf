"""What a policy reads first, and how its rollouts go on: real tokenizers, templates and draws."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Draft, SourceFile, Weights, WrongArtifact, WrongOption, make_problem
from whet.stages.courses import Course, stops_at
from whet.stages.engines import Completion, Foreign, Request
from whet.stages.engines.decode import DecodeLoop
from whet.stages.init import InitOptions, init
from whet.stages.models import load_policy
from whet.stages.prompting import Prompting, Prompts, read_examples
from whet.stages.rollouts import prefix_of, segments_of, with_prefix
from whet.stages.sampling import Sampling
from whet.stages.tokens import Encoder, load_encoder

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh policy with a byte tokenizer and a template that names its roles."""
    draft = Draft.create(tmp_path_factory.mktemp("policy") / "p", kind="policy", stage="init", options={})
    init(draft, InitOptions(context=768, tokenizer="byte"))
    made = shutil.copytree(
        draft.publish().path, draft.out.parent / "own", ignore=shutil.ignore_patterns("manifest.json")
    )
    (made / "chat_template.jinja").write_text(TEMPLATE)
    return made


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


@pytest.fixture(scope="module")
def engine(folder: Path, encoder: Encoder) -> DecodeLoop:
    return DecodeLoop(load_policy(Weights(str(folder)), dtype="float32"), encoder.end_token_ids)


def problem(*turns: str, system: str | None = None) -> Any:
    messages: list[Any] = [{"role": "user", "content": turn} for turn in turns]
    return make_problem([*([{"role": "system", "content": system}] if system else []), *messages], "4")


def shown(encoder: Encoder, prompting: Prompting, asked: Any, examples: Any = ()) -> str:
    return encoder.decode(Prompts(encoder, prompting, examples).encode(asked), skip_special=False)


def test_a_system_message_takes_the_place_of_the_problems_own(encoder: Encoder) -> None:
    assert shown(encoder, Prompting(), problem("2+2?", system="old")).startswith("<|im_start|>system\nold<|im_end|>")
    found = shown(encoder, Prompting(system="new"), problem("2+2?", system="old"))
    assert found == ("<|im_start|>system\nnew<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n")


def test_examples_stand_between_the_system_message_and_the_problem(encoder: Encoder, tmp_path: Path) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_text(
        json.dumps({"question": "1+1?", "answer": "2"}) + "\n\n"
        + json.dumps({"messages": [{"role": "user", "content": "1+2?"}, {"role": "assistant", "content": "3"}]}) + "\n"
    )  # fmt: skip
    examples = read_examples(SourceFile(str(file)))
    found = shown(encoder, Prompting(system="s"), problem("2+2?"), examples)
    assert [part.split("<|im_end|>")[0] for part in found.split("<|im_start|>")[1:]] == [
        "system\ns", "user\n1+1?", "assistant\n2", "user\n1+2?", "assistant\n3", "user\n2+2?", "assistant\n",
    ]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), [("no json", ":2 is no example"), ('{"question": "a"}', "KeyError")])
def test_a_line_that_is_no_example_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n" + line + "\n")
    with pytest.raises(WrongArtifact, match=said):
        read_examples(SourceFile(str(file)))


def run(
    encoder: Encoder, engine: DecodeLoop, prompting: Prompting, problems: list[Any], max_tokens: int, **options: Any
) -> list[Completion]:
    prompts = Prompts(encoder, prompting)
    course = Course(encoder, prompts, Sampling(max_tokens=max_tokens), problems.__getitem__)
    requests = options.pop("requests", None) or [
        Request(index, prompts.encode(each), 77 + index) for index, each in enumerate(problems)
    ]
    return sorted(course.draw(engine, requests, **options), key=lambda completion: completion.request.index)


def test_first_words_belong_to_the_rollout_and_are_marked(encoder: Encoder, engine: DecodeLoop) -> None:
    words = encoder.encode("<think>Let")
    for completion in run(encoder, engine, Prompting(prefill="<think>Let"), [problem("a"), problem("b")], 20):
        assert completion.token_ids[: len(words)] == words
        assert completion.request.foreign == [Foreign(0, len(words), "prefill")]
        assert completion.logprobs[: len(words)] == [0.0] * len(words)
        assert len(completion.token_ids) <= len(words) + 20
        segments = segments_of(completion.request.foreign, len(completion.token_ids), "p")
        assert [(part["start"], part["end"], part["origin"]) for part in segments] == [
            (0, len(words), "prefill"), (len(words), len(completion.token_ids), "policy"),
        ]  # fmt: skip


def test_words_to_stop_at_end_a_rollout_and_change_nothing_before(encoder: Encoder, engine: DecodeLoop) -> None:
    problems = [problem(letter) for letter in "abcdefgh"]
    whole = run(encoder, engine, Prompting(), problems, 200)
    letter = encoder.decode([whole[0].token_ids[7]], skip_special=False)
    cut = run(encoder, engine, Prompting(stop=[letter]), problems, 200)
    for long, short in zip(whole, cut, strict=True):
        text = encoder.decode(long.token_ids, skip_special=False)
        assert short.token_ids == long.token_ids[: len(short.token_ids)]
        if letter in text:
            assert encoder.decode(short.token_ids, skip_special=False).endswith(letter)
            assert encoder.decode(short.token_ids[:-1], skip_special=False).count(letter) == 0
            assert short.finish_reason == "stop"
    assert len(cut[0].token_ids) <= 8


def test_a_spent_thinking_budget_makes_the_policy_answer(encoder: Encoder, engine: DecodeLoop) -> None:
    prompting = Prompting(think_tokens=30)
    problems = [problem(letter) for letter in "abcdefgh"]
    plain = run(encoder, engine, Prompting(), problems, 100)
    budget = run(encoder, engine, prompting, problems, 100)
    forced = encoder.encode("</think>\n\nThe final answer is")
    assert any(len(completion.token_ids) > 30 for completion in budget)
    for free, bound in zip(plain, budget, strict=True):
        assert bound.token_ids[:30] == free.token_ids[:30]
        if len(free.token_ids) <= 30 and free.finish_reason == "stop":
            assert bound.token_ids == free.token_ids
        else:
            assert bound.request.foreign == [Foreign(30, 30 + len(forced), "prefill")]
            assert bound.token_ids[30 : 30 + len(forced)] == forced
            assert len(bound.token_ids) <= len(forced) + 100


def test_a_policy_that_ended_its_thinking_itself_goes_on_as_it_was(encoder: Encoder, engine: DecodeLoop) -> None:
    """The first words end the thinking already, so the budget of 10 changes nothing."""
    problems = [problem(letter) for letter in "abcd"]
    free = run(encoder, engine, Prompting(prefill="</think>"), problems, 60)
    bound = run(encoder, engine, Prompting(prefill="</think>", think_tokens=10), problems, 60)
    assert [completion.token_ids for completion in bound] == [completion.token_ids for completion in free]
    assert all(len(completion.request.foreign) == 1 for completion in bound)


def test_turns_are_asked_one_after_the_other_as_the_template_writes_them(encoder: Encoder, engine: DecodeLoop) -> None:
    """At temperature 1 a fresh policy ends a turn soon; the second question stands between its two turns."""
    asked = problem("first", "second")
    prompting = Prompting(stop=["e", "t", "a"])  # a turn ends at a common letter at the latest
    found = [c for c in run(encoder, engine, prompting, [asked] * 24, 300) if c.finish_reason == "stop"]
    assert len(found) >= 12
    for completion in found:
        (between,) = completion.request.foreign
        assert between.origin == "environment"
        words = encoder.decode(completion.token_ids[between.start : between.end], skip_special=False)
        assert words.endswith("<|im_start|>user\nsecond<|im_end|>\n<|im_start|>assistant\n")
        own_end = completion.token_ids[between.start - 1] in encoder.end_token_ids
        assert words.startswith("<|im_end|>") is not (own_end and words.startswith("\n"))
        segments = segments_of(completion.request.foreign, len(completion.token_ids), "p")
        assert [(part["origin"], part.get("turn")) for part in segments] == [
            ("policy", 0), ("environment", 1), ("policy", 1),
        ]  # fmt: skip


@pytest.mark.parametrize("steps", [1, 15, 40, 70])
def test_a_stopped_course_goes_on_to_the_same_end(encoder: Encoder, engine: DecodeLoop, steps: int) -> None:
    prompting = Prompting(prefill="Hm", think_tokens=25, stop=["zq"])
    problems = [problem(letter) for letter in "abcdef"]
    quiet = run(encoder, engine, prompting, problems, 60)
    asked = iter(range(10_000))
    begun = run(encoder, engine, prompting, problems, 60, stopping=lambda: next(asked) >= steps)
    kept = {each.request.index: prefix_of(each, each.request.index) for each in begun}
    prompts = Prompts(encoder, prompting)
    requests = [
        with_prefix(Request(index, prompts.encode(each), 77 + index), kept.get(index))
        for index, each in enumerate(problems)
    ]
    resumed = run(encoder, engine, prompting, problems, 60, requests=json_round_trip(requests))
    for one, other in zip(resumed, quiet, strict=True):
        assert one.token_ids == other.token_ids
        assert one.request.foreign == other.request.foreign
        assert one.finish_reason == other.finish_reason


def json_round_trip(requests: list[Request]) -> list[Request]:
    """What is kept of a request passes through JSON."""
    for request in requests:
        request.foreign = [Foreign(*part) for part in json.loads(json.dumps(request.foreign))]
    return requests


def test_several_turns_need_a_chat_template(encoder: Encoder) -> None:
    with pytest.raises(WrongArtifact, match="has 2 turns, which --prompt-format raw cannot tell apart"):
        Prompts(encoder, Prompting(prompt_format="raw")).encode(problem("first", "second"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"think_then": "x"}, "go with --think-tokens"), ({"think_tokens": 0}, "at least 1"),
        ({"stop": [""]}, "expected words"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongOption, match=message):
        Prompting(**options)


def test_a_rollouts_own_tokens_are_told_from_the_rest() -> None:
    """Words put into its mouth, its own, the environment's, its own: turn 1 begins where the environment speaks."""
    foreign = [Foreign(0, 2, "prefill"), Foreign(5, 8, "environment")]
    assert [tuple(part.values()) for part in segments_of(foreign, 10, "p")] == [
        (0, 2, "prefill", None, 0), (2, 5, "policy", "p", 0), (5, 8, "environment", None, 1), (8, 10, "policy", "p", 1),
    ]  # fmt: skip
    assert [tuple(part.values()) for part in segments_of([], 3, "p")] == [(0, 3, "policy", "p", 0)]
    assert [tuple(part.values()) for part in segments_of([], 0, "p")] == [(0, 0, "policy", "p", 0)]


def test_words_put_into_its_mouth_never_end_a_rollout(encoder: Encoder, engine: DecodeLoop) -> None:
    """The template and the first words end in the word to stop at, which the policy has not written yet."""
    for prompting, turns in ((Prompting(prefill="Hm\n", stop=["\n"]), 1), (Prompting(stop=["\n"]), 2)):
        asked = problem(*["again"] * turns)
        for completion in run(encoder, engine, prompting, [asked] * 6, 40):
            *_, last = completion.request.foreign or [Foreign(0, 0, "")]
            assert len(completion.token_ids) > last.end


def test_a_word_to_stop_at_is_found_right_after_the_same_word_of_others(encoder: Encoder) -> None:
    ended = stops_at(encoder, ["\n", "end"])
    assert ended is not None
    assert ended(encoder.encode("Hm\na\n"))
    assert not ended(encoder.encode("Hm\na"))
    assert ended(encoder.encode("end, end"))


def test_words_that_fill_the_context_are_taken_back(encoder: Encoder, folder: Path) -> None:
    """A prompt and 30 tokens of thinking leave 10 tokens of context, fewer than the words that force an answer."""
    asked = [problem(letter) for letter in "abcd"]
    prompt = len(Prompts(encoder, Prompting()).encode(asked[0]))
    model = load_policy(Weights(str(folder)), dtype="float32")
    model.config.max_position_embeddings = prompt + 40
    small = DecodeLoop(model, encoder.end_token_ids)
    for completion in run(encoder, small, Prompting(think_tokens=30), asked, 100):
        assert len(completion.token_ids) <= 30
        assert completion.request.foreign == []
        assert len(completion.logprobs) == len(completion.token_ids)
        assert completion.finish_reason == ("stop" if completion.token_ids[-1] in encoder.end_token_ids else "length")
