from fractions import Fraction

import pytest

from whet.artifacts import WrongOption
from whet.stages.selection.pass_rates import copies_of, parse_bins, parse_range, tally

OREAL = "0..0.2=6,0.2..0.4=4,0.4..0.6=4,0.6..0.8=2"


def test_the_bins_of_oreal_hold_their_lower_edge_and_not_their_upper_one():
    bins = parse_bins(OREAL, "--repeat")
    # of 10 rollouts: 0 and 1 correct, 2, 3, 4, 5, 6, 7, 8 (.8 is dropped), 9, 10
    copies = [copies_of(Fraction(correct, 10), bins) for correct in range(11)]
    assert copies == [6, 6, 4, 4, 4, 4, 2, 2, 0, 0, 0]
    assert copies_of(None, bins) == 0


def test_a_range_without_an_upper_edge_holds_one():
    assert [parse_range("0.5..", "--pass-rate").holds(Fraction(n, 4)) for n in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert not parse_range("0.5..1", "--pass-rate").holds(Fraction(1))


def rated(verdict: str, reason: str | None = None) -> dict[str, str | None]:
    return {"problem_id": "p", "verdict": verdict, "reason": reason}


def test_unknown_verdicts_are_left_out_of_a_pass_rate():
    rows = [rated(verdict) for verdict in ("correct", "incorrect", "invalid", "unknown")]
    assert tally(rows)["p"].rate == Fraction(1, 3)
    assert tally([rated("unknown")])["p"].rate is None


def test_a_problem_that_is_broken_has_no_pass_rate():
    assert tally([rated("correct"), rated("invalid", "truncated")])["p"].rate == Fraction(1, 2)
    assert tally([rated("correct"), rated("invalid", "problem: it has no reference answer")])["p"].rate is None
    assert tally([rated("correct"), rated("unknown", "problem with the server")])["p"].rate == 1


@pytest.mark.parametrize("text", ["0.2", "0.8..0.2", "a..b", "0..2", "-1..1", "1/0..1", "0.5..0.5"])
def test_a_wrong_range_is_refused(text: str):
    with pytest.raises(WrongOption, match="--pass-rate"):
        parse_range(text, "--pass-rate")


@pytest.mark.parametrize("text", ["0..0.2", "0..0.2=x", "0..0.2=0", "0..0.5=2,0.4..0.6=1", "0..=2,0.4..0.6=1"])
def test_wrong_bins_are_refused(text: str):
    with pytest.raises(WrongOption, match="--repeat"):
        parse_bins(text, "--repeat")
