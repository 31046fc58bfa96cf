"""maj@k against brute force, and what counts as the same vote."""

from collections import Counter
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest

from whet.stages.metrics.ballots import ballot_of, vote_of
from whet.stages.metrics.majority import first_majority_at_k, majority_at_k


def by_enumeration(ballot: tuple[tuple[int, float], ...], blanks: int, k: int) -> float:
    """The mean over every k-subset of the mean value of its leading answers."""
    rollouts = [answer for answer, (votes, _) in enumerate(ballot) for _ in range(votes)] + [None] * blanks
    total = 0.0
    for subset in combinations(rollouts, k):
        votes = Counter(answer for answer in subset if answer is not None)
        most = max(votes.values(), default=0)
        leaders = [ballot[answer][1] for answer in votes if votes[answer] == most]
        total += sum(leaders) / len(leaders) if leaders else 0.0
    return total / comb(len(rollouts), k)


def test_maj_at_k_is_the_mean_over_all_subsets() -> None:
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(60):
        answers = int(rng.integers(0, 5))
        votes = rng.integers(1, 5, answers).tolist()
        ballot = tuple(zip(votes, rng.choice([0.0, 0.5, 1.0], answers).tolist(), strict=True))
        blanks = int(rng.integers(0, 3))
        for k in range(1, sum(votes) + blanks + 1):
            assert majority_at_k(ballot, blanks, k) == pytest.approx(by_enumeration(ballot, blanks, k), abs=1e-12)
            compared += 1
    assert compared > 300


def test_three_of_four_right_with_one_wrong_by_hand() -> None:
    ballot = ((1, 0.0), (3, 1.0))
    assert majority_at_k(ballot, 0, 1) == pytest.approx(3 / 4)
    # pairs: 3 of 6 are right-right (1), 3 of 6 are a tie (1/2)
    assert majority_at_k(ballot, 0, 2) == pytest.approx(3 / 4)
    assert majority_at_k(ballot, 0, 3) == pytest.approx(1.0)


def test_a_tie_counts_as_its_expected_value() -> None:
    assert majority_at_k(((4, 0.0), (4, 1.0)), 0, 8) == pytest.approx(0.5)
    assert majority_at_k(((2, 0.0), (2, 0.0), (2, 1.0)), 2, 8) == pytest.approx(1 / 3)


def test_rollouts_without_an_answer_vote_for_nothing() -> None:
    assert majority_at_k((), 4, 2) == 0.0
    # one right answer among three blanks is found when it is drawn: 2 of 4
    assert majority_at_k(((1, 1.0),), 3, 2) == pytest.approx(0.5)


def test_a_large_group_stays_exact() -> None:
    # by symmetry two equal camps share the vote, whatever k
    assert majority_at_k(((300, 0.0), (300, 1.0)), 0, 77) == pytest.approx(0.5, abs=1e-12)


def test_more_rollouts_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected k in 1\.\.n"):
        majority_at_k(((1, 1.0),), 0, 2)
    with pytest.raises(ValueError, match=r"expected k in 1\.\.n"):
        first_majority_at_k(["4"], {"4": 1.0}, 2)


def test_the_first_seen_answer_takes_a_tie() -> None:
    values = {"4": 1.0, "5": 0.0}
    assert first_majority_at_k(["4", "5", "5", "4"], values, 4) == 1.0
    assert first_majority_at_k(["5", "4", "5", "4"], values, 4) == 0.0
    assert first_majority_at_k([None, "4", "5", "5"], values, 3) == 1.0
    assert first_majority_at_k([None, None], {}, 2) == 0.0


def test_maj_at_k_is_the_first_seen_vote_averaged_over_orders() -> None:
    answers, values = ["4", "4", "5", "6", None], {"4": 1.0, "5": 0.0, "6": 0.5}
    for k in range(1, 6):
        votes = [first_majority_at_k(order, values, k) for order in permutations(answers)]
        assert majority_at_k(((2, 1.0), (1, 0.0), (1, 0.5)), 1, k) == pytest.approx(sum(votes) / len(votes))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10,000", "10000"),
        ("10{,}000", "10000"),
        (r"\dfrac{3}{4}", r"\frac{3}{4}"),
        (r"\left( 1, 2 \right)", "(1,2)"),
        ("$42$.", " 42"),
        (r"1{,}234{,}567.5", "1234567.5"),
    ],
)
def test_the_same_answer_in_another_layout_is_the_same_vote(one: str, other: str) -> None:
    assert vote_of(one) == vote_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("4", "4t"), ("A", "a"), ("0.5", "5"), ("1,2", "12"), ("1,23,456", "123456"), (r"\leftarrow", r"arrow")],
)
def test_different_answers_are_different_votes(one: str, other: str) -> None:
    assert vote_of(one) != vote_of(other)


def test_nothing_extracted_is_no_vote() -> None:
    assert [vote_of(text) for text in (None, "", " ", "$$", ".")] == [None] * 5


def test_an_answer_is_as_correct_as_its_verdicts_say() -> None:
    extracted = ["4", "4", "5", "6", "6", "7", None]
    verdicts = ["correct", "unknown", "incorrect", "unknown", "invalid", "invalid", "invalid"]
    ballot = ballot_of(extracted, verdicts)
    assert ballot.value_of == {"4": 1.0, "5": 0.0, "6": 0.0, "7": 0.0}
    assert ballot.best_value_of == {"4": 1.0, "5": 0.0, "6": 1.0, "7": 0.0}
    assert ballot.counts() == (((1, 0.0), (1, 0.0), (2, 0.0), (2, 1.0)), 1)


def test_verdicts_that_contradict_each_other_share_the_answer() -> None:
    assert ballot_of(["4", "4", "4"], ["correct", "incorrect", "incorrect"]).value_of == {"4": pytest.approx(1 / 3)}


@pytest.mark.parametrize(
    ("answer_type", "same", "other"),
    [
        ("boolean", ["Yes", "yes.", "True", r"\text{yes}"], "No"),
        ("choice", ["B", "(B)", "B. Paris", "b"], "C"),
        ("text", ["The cat", "the cat.", '"THE CAT"'], "a dog"),
        ("sequence", ["1, 2, 3", "[1,2,3]", "1 2 3"], "1, 3, 2"),
        ("json", ['{"a": 1, "b": [2.0]}', '{"b":[2],"a":1}'], '{"a": 2, "b": [1]}'),
        ("number", ["1,250", "$1250$"], "1251"),
        (None, [r"\dfrac{1}{2}", r"\frac{1}{2}."], "0.5"),
    ],
)
def test_votes_are_read_as_their_answer_type_says(answer_type: str | None, same: list[str], other: str) -> None:
    votes = {vote_of(text, answer_type) for text in same}
    assert len(votes) == 1
    assert vote_of(other, answer_type) not in votes | {None}


@pytest.mark.parametrize(
    "answer_type", ["text", "number", "math", "choice", "boolean", "sequence", "multi", "json", "new"]
)
def test_an_answer_that_its_type_does_not_explain_still_votes(answer_type: str) -> None:
    for text in ("maybe ?", "{" * 5000, "x" * 20_000):
        assert vote_of(text, answer_type)
    assert vote_of("  ", answer_type) is None
