"""From logits to tokens, on distributions small enough for paper."""

import math

import numpy as np
import pytest
import torch

from whet.stages.engines import drawing
from whet.stages.engines.drawing import draw, invert, truncate
from whet.stages.engines.uniforms import uniforms
from whet.stages.sampling import Sampling

PROBABILITIES = (0.5, 0.3, 0.2)


def _draw(
    uniform: float, sampling: Sampling, probabilities: tuple[float, ...] = PROBABILITIES
) -> tuple[int, float, float]:
    # An added constant changes no probability: logits are not log-probabilities.
    logits = torch.tensor([probabilities]).log() + 3
    tokens, logprobs, sampling_logprobs = draw(logits, torch.tensor([uniform], dtype=torch.float64), sampling)
    return int(tokens), float(logprobs), float(sampling_logprobs)


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 0), (0.49, 0), (0.51, 1), (0.79, 1), (0.81, 2), (0.999999, 2)])
def test_a_token_is_where_the_cumulative_probability_passes_the_number(uniform: float, token: int) -> None:
    found, logprob, sampling_logprob = _draw(uniform, Sampling())
    assert found == token
    assert logprob == pytest.approx(math.log(PROBABILITIES[token]), abs=1e-6)
    assert sampling_logprob == logprob


def test_temperature_changes_the_sampling_logprob_and_not_the_raw_one() -> None:
    # temperature 1/2 squares: .25, .09, .04 of .38, so 1 is drawn between .25/.38 = .6579 and .34/.38 = .8947.
    assert _draw(0.65, Sampling(temperature=0.5))[0] == 0
    assert _draw(0.66, Sampling(temperature=0.5)) == (
        1,
        pytest.approx(math.log(0.3), abs=1e-6),
        pytest.approx(math.log(0.09 / 0.38), abs=1e-6),
    )
    assert _draw(0.90, Sampling(temperature=0.5))[0] == 2


def test_temperature_zero_takes_the_most_likely_and_is_certain_of_it() -> None:
    assert _draw(0.99, Sampling(temperature=0)) == (0, pytest.approx(math.log(0.5), abs=1e-6), 0.0)
    tied = torch.tensor([[1.0, 2.0, 2.0]])
    assert int(draw(tied, torch.tensor([0.9], dtype=torch.float64), Sampling(temperature=0))[0]) == 1


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (Sampling(top_k=2), {0: 0.5 / 0.8, 1: 0.3 / 0.8}),
        (Sampling(top_k=7), {0: 0.5, 1: 0.3, 2: 0.2}),
        (Sampling(top_p=0.4), {0: 1.0}),  # the token that reaches p is kept, so one always is
        (Sampling(top_p=0.6), {0: 0.5 / 0.8, 1: 0.3 / 0.8}),
        (Sampling(top_p=0.81), {0: 0.5, 1: 0.3, 2: 0.2}),
        # top-k first leaves 5/8 and 3/8; 5/8 alone reaches .6.
        (Sampling(top_k=2, top_p=0.6), {0: 1.0}),
    ],
)
def test_top_k_and_top_p_renormalise_what_they_keep(sampling: Sampling, kept: dict[int, float]) -> None:
    drawn = {token: (raw, cut) for u in np.linspace(0, 0.9999, 97) for token, raw, cut in [_draw(float(u), sampling)]}
    assert drawn.keys() == kept.keys()
    for token, (raw, cut) in drawn.items():
        assert raw == pytest.approx(math.log(PROBABILITIES[token]), abs=1e-6)
        assert cut == pytest.approx(math.log(kept[token]), abs=1e-6)


def test_an_impossible_token_is_never_drawn() -> None:
    probabilities = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]])
    for uniform in (0.0, 0.5, 1 - 2.0**-52):
        assert int(invert(probabilities, torch.tensor([uniform], dtype=torch.float64))) in (1, 3)


def test_drawn_shares_are_the_probabilities() -> None:
    count = 60_000
    logits = torch.tensor(PROBABILITIES).log().expand(count, 3)
    numbers = torch.from_numpy(uniforms(np.arange(count), np.full(count, 17)))
    shares = np.bincount(draw(logits, numbers, Sampling())[0].numpy(), minlength=3) / count
    # The standard deviation of a share is at most sqrt(.25 / 60,000) = .002.
    assert shares == pytest.approx(PROBABILITIES, abs=0.01)


@pytest.mark.parametrize("scale", [0.1, 5.0])
def test_a_nucleus_found_among_the_first_candidates_is_the_one_a_full_sort_finds(scale: float) -> None:
    torch.manual_seed(0)
    logprobs = torch.log_softmax(scale * torch.randn(8, 3000), dim=-1)
    found = truncate(logprobs, top_p=0.7)
    for row, cut in zip(logprobs.tolist(), found, strict=True):
        total, kept = 0.0, set()
        for token in sorted(range(3000), key=lambda i: -row[i]):
            kept.add(token)
            total += math.exp(row[token])
            if total >= 0.7:
                break
        assert set(cut.isfinite().nonzero()[:, 0].tolist()) == kept
        assert float(cut.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_drawing_in_pieces_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits, numbers = torch.randn(50, 40), torch.rand(50, dtype=torch.float64)
    whole = draw(logits, numbers, Sampling(top_p=0.8))
    monkeypatch.setattr(drawing, "_ELEMENTS_AT_ONCE", 40 * 7)
    pieces = draw(logits, numbers, Sampling(top_p=0.8))
    assert all(torch.equal(a, b) for a, b in zip(whole, pieces, strict=True))
