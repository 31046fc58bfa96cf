"""The decode loop against transformers, and against itself in other batches."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch

from whet.stages.engines import Completion, NotNumbers, Request
from whet.stages.engines.decode import DecodeLoop
from whet.stages.sampling import Sampling

END = 5
SAMPLING = Sampling(max_tokens=40, temperature=0.9, top_p=0.95, top_k=50)


def _by_index(completions: Iterable[Completion]) -> dict[int, Completion]:
    return {completion.request.index: completion for completion in completions}


def _tokens(completions: Iterable[Completion]) -> dict[int, list[int]]:
    return {completion.request.index: completion.token_ids for completion in completions}


def _assert_close(found: dict[int, Completion], expected: dict[int, Completion]) -> None:
    assert found.keys() == expected.keys()
    for index, completion in expected.items():
        assert found[index].token_ids == completion.token_ids
        assert found[index].finish_reason == completion.finish_reason
        assert found[index].logprobs == pytest.approx(completion.logprobs, abs=1e-4)
        assert found[index].sampling_logprobs == pytest.approx(completion.sampling_logprobs, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("qwen2", {"tie_word_embeddings": True}),
        ("qwen2", {"num_key_value_heads": 4}),
        ("qwen3", {"head_dim": 16}),
        ("llama", {"attention_bias": True, "mlp_bias": True, "num_key_value_heads": 1}),
        (
            "llama",
            {
                "rope_parameters": {
                    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 4.0, "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
                }
            },
        ),
        ("mistral", {"sliding_window": None}),
    ],
)  # fmt: skip
def test_logprobs_are_those_of_a_fresh_forward_pass(
    make_model: Callable[..., Any],
    recompute: Callable[[Any, Completion], list[float]],
    requests: list[Request],
    kind: str,
    options: dict[str, Any],
) -> None:
    model = make_model(kind, **options)
    completions = list(DecodeLoop(model, [END], max_batch_rows=8).sample(requests, Sampling(max_tokens=40)))
    assert sorted(completion.request.index for completion in completions) == list(range(24))
    assert {completion.finish_reason for completion in completions} == {"stop", "length"}
    for completion in completions:
        assert completion.logprobs == pytest.approx(recompute(model, completion), abs=1e-4)
        assert completion.sampling_logprobs == completion.logprobs


def test_rows_end_with_the_end_token_or_at_the_limit(make_model: Callable[..., Any], requests: list[Request]) -> None:
    for completion in DecodeLoop(make_model(), [END]).sample(requests, SAMPLING):
        ended = completion.token_ids[-1] == END
        assert completion.finish_reason == ("stop" if ended else "length")
        assert ended or len(completion.token_ids) == 40
        assert END not in completion.token_ids[:-1]


@pytest.mark.parametrize(
    "loop",
    [
        {"max_batch_rows": 1},
        {"max_batch_rows": 5},
        {"max_batch_rows": 24, "batch_tokens": 24 * 20},  # too little room: rows are put back and read again
        {"max_batch_rows": 24, "batch_tokens": 10},  # room for less than one row
    ],
)
def test_a_rollout_does_not_depend_on_its_batch(
    make_model: Callable[..., Any], requests: list[Request], loop: dict[str, Any]
) -> None:
    model = make_model()
    expected = _by_index(DecodeLoop(model, [END]).sample(requests, SAMPLING))
    shuffled = requests[::-1][3:] + requests[::-1][:3]
    _assert_close(_by_index(DecodeLoop(model, [END], **loop).sample(shuffled, SAMPLING)), expected)


def test_a_stopped_row_goes_on_to_the_same_end(make_model: Callable[..., Any], requests: list[Request]) -> None:
    loop = DecodeLoop(make_model(), [END], max_batch_rows=6)
    expected = _by_index(loop.sample(requests, SAMPLING))
    calls = 0

    def stopping() -> bool:
        nonlocal calls
        calls += 1
        return calls > 25

    first = _by_index(loop.sample(requests, SAMPLING, stopping))
    begun = {index: c for index, c in first.items() if c.finish_reason is None}
    finished = {index: c for index, c in first.items() if c.finish_reason is not None}
    assert begun
    assert finished
    for index, completion in begun.items():
        assert completion.token_ids == expected[index].token_ids[: len(completion.token_ids)]
    again = [
        Request(r.index, r.prompt_token_ids, r.seed, c.token_ids, c.logprobs, c.sampling_logprobs)
        if (c := begun.get(r.index))
        else r
        for r in requests
        if r.index not in finished
    ]
    _assert_close({**finished, **_by_index(loop.sample(again, SAMPLING))}, expected)


def test_prefixes_of_waiting_rows_survive_a_stop_before_the_first_step(
    make_model: Callable[..., Any], requests: list[Request]
) -> None:
    prefixed = Request(0, [7, 8, 9], 1, [10, 11], [-1.0, -2.0], [-1.5, -2.5])
    completions = list(DecodeLoop(make_model(), [END]).sample([prefixed, *requests[1:]], SAMPLING, lambda: True))
    assert [c.token_ids for c in completions] == [[10, 11]]
    assert completions[0].finish_reason is None


def test_a_prefix_that_is_finished_already_is_given_back(make_model: Callable[..., Any]) -> None:
    loop = DecodeLoop(make_model(), [END])
    ended = Request(0, [7], 1, [9, END], [-1.0, -1.0], [-1.0, -1.0])
    full = Request(1, [7], 1, [9] * 40, [-1.0] * 40, [-1.0] * 40)
    found = _by_index(loop.sample([ended, full], SAMPLING))
    assert (found[0].token_ids, found[0].finish_reason) == ([9, END], "stop")
    assert (found[1].token_ids, found[1].finish_reason) == ([9] * 40, "length")


def test_temperature_zero_is_transformers_greedy_search(
    make_model: Callable[..., Any], requests: list[Request]
) -> None:
    model = make_model()
    found = _by_index(DecodeLoop(model, [END]).sample(requests[:6], Sampling(max_tokens=20, temperature=0)))
    for request in requests[:6]:
        ids = torch.tensor([request.prompt_token_ids])
        mask = torch.ones_like(ids)
        expected = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=20, eos_token_id=END)
        assert found[request.index].token_ids == expected[0, ids.shape[1] :].tolist()
        assert found[request.index].sampling_logprobs == [0.0] * len(found[request.index].token_ids)


def test_rows_of_one_prompt_share_its_reading_and_differ_by_seed(make_model: Callable[..., Any]) -> None:
    loop = DecodeLoop(make_model(), [END])
    same = [Request(index, [7, 8, 9, 10], seed) for index, seed in enumerate([1, 2, 1])]
    found = _tokens(loop.sample(same, Sampling(max_tokens=12)))
    assert found[0] == found[2]
    assert found[0] != found[1]
    alone = _tokens(loop.sample([same[1]], Sampling(max_tokens=12)))
    assert found[1] == alone[1]


def test_the_context_bounds_a_row(make_model: Callable[..., Any]) -> None:
    loop = DecodeLoop(make_model(max_position_embeddings=16), [])
    (completion,) = loop.sample([Request(0, [7] * 10, 3)], Sampling(max_tokens=40))
    assert (len(completion.token_ids), completion.finish_reason) == (6, "length")
    with pytest.raises(ValueError, match="prompt of 16 tokens, which fills the context of 16 tokens"):
        list(loop.sample([Request(0, [7] * 16, 3)], Sampling()))


def test_refresh_lets_it_see_an_update(
    make_model: Callable[..., Any], recompute: Callable[[Any, Completion], list[float]], requests: list[Request]
) -> None:
    model = make_model(tie_word_embeddings=True)
    loop = DecodeLoop(model, [END])
    before = _tokens(loop.sample(requests, SAMPLING))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    loop.refresh()
    after = list(loop.sample(requests, SAMPLING))
    assert _tokens(after) != before
    for completion in after[:5]:
        assert completion.logprobs == pytest.approx(recompute(model, completion), abs=1e-4)


def test_released_weights_give_the_same_rollouts(make_model: Callable[..., Any], requests: list[Request]) -> None:
    expected = _tokens(DecodeLoop(make_model(), [END]).sample(requests, SAMPLING))
    model = make_model()
    loop = DecodeLoop(model, [END], release=True)
    assert sum(parameter.numel() for parameter in model.model.layers.parameters()) == 0
    assert _tokens(loop.sample(requests, SAMPLING)) == expected


def test_bfloat16_stays_near_float32_and_leaves_the_model_alone(
    make_model: Callable[..., Any], recompute: Callable[[Any, Completion], list[float]], requests: list[Request]
) -> None:
    model = make_model(tie_word_embeddings=True)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    differences = [
        abs(found - expected)
        for completion in DecodeLoop(model, [END], precision="bfloat16").sample(requests, SAMPLING)
        for found, expected in zip(completion.logprobs, recompute(model, completion), strict=True)
    ]
    # bfloat16 holds 8 bits: matrix products are off by 1 in 500, which these four-times enlarged weights amplify.
    assert 0 < sum(differences) / len(differences) < 0.05
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())


def test_drawing_leaves_torch_as_it_was(make_model: Callable[..., Any], requests: list[Request]) -> None:
    loop = DecodeLoop(make_model(), [END])
    state, precision = torch.random.get_rng_state(), torch.get_float32_matmul_precision()
    for _ in loop.sample(requests, SAMPLING):
        assert not torch.is_inference_mode_enabled()
        assert torch.get_float32_matmul_precision() == precision
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    "shape",
    [{}, {"temperature": 0}, {"temperature": 0.7, "top_k": 10}, {"temperature": 1.3, "top_p": 0.8}],
    ids=["as it is", "greedy", "top-k", "top-p"],
)
def test_a_network_that_gives_nan_is_one_clear_line(
    make_model: Callable[..., Any], requests: list[Request], shape: dict[str, Any]
) -> None:
    model = make_model()
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")
    with pytest.raises(NotNumbers, match="its weights hold NaN or infinite values"):
        list(DecodeLoop(model, [END]).sample(requests, Sampling(max_tokens=40, **shape)))
