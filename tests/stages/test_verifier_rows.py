from collections import Counter
from typing import Any

import numpy as np
import pytest

from whet.artifacts import WrongArtifact
from whet.stages.tokens import load_encoder
from whet.stages.verifier_rows import Encoded, balanced, label_token_ids, read_labelled

TEXTS = [[r"\boxed{1}", r"\boxed{2}", "no", "?"], [r"\boxed{1}"]]


def test_labels_of_every_kind_are_read_or_counted(training):
    rollouts = training.rollouts("r", TEXTS, row=lambda problem, draw: {"error": "gone"} if problem else {})
    labelled, counts = read_labelled([rollouts], [training.verdicts(rollouts, ["civu", "c"])])
    assert [row.verdict for row in labelled] == ["correct", "incorrect", "invalid"]
    assert (labelled[1].question, labelled[1].reference, labelled[1].text) == ("0?", "1", r"\boxed{2}")
    assert counts == {"rollouts": 5, "correct": 1, "incorrect": 1, "invalid": 1, "unknown": 1, "failed": 1}


def test_labels_may_cover_a_part_of_the_rollouts(training):
    first, second = training.rollouts("r", TEXTS), training.rollouts("s", TEXTS)
    labelled, counts = read_labelled([first, second], [training.verdicts(second, ["civu", "c"])])
    assert {row.rollout_id[0] for row in labelled} == {"s"}
    assert counts["without_label"] == 5


def test_labels_of_other_rollouts_and_labels_that_are_all_unknown_are_refused(training):
    first, second = training.rollouts("r", TEXTS), training.rollouts("s", TEXTS)
    with pytest.raises(WrongArtifact, match="verdicts of other rollouts"):
        read_labelled([first], [training.verdicts(second, ["civu", "c"])])
    with pytest.raises(
        WrongArtifact, match=r"no rollout has a label \(.*'unknown': 5.*\), expected correct, incorrect"
    ):
        read_labelled([first], [training.verdicts(first, ["uuuu", "u"])])


def test_reasoning_is_not_shown_to_the_verifier(training):
    rollouts = training.rollouts("r", [["<think>it is 2</think>So 1."]])
    (row,), _ = read_labelled([rollouts], [training.verdicts(rollouts, ["c"])])
    assert row.case.completion == "So 1."


def test_a_row_is_shown_as_verify_shows_it(training):
    from whet.stages.cascade import case_of

    for text in (r" so \boxed{1} ", "<think>2</think>1", "<think>never ends"):
        rollouts = training.rollouts(f"r{len(text)}", [[text]])
        (row,), _ = read_labelled([rollouts], [training.verdicts(rollouts, ["c"])])
        (problem,) = rollouts.problems().values()
        assert row.case == case_of(text, problem)


VERDICTS = ["correct"] * 5 + ["incorrect"] * 2 + ["invalid"]


def test_no_balance_takes_every_row_once():
    assert balanced(VERDICTS, "none", 0) == [(index, 1.0) for index in range(8)]


def test_weights_give_every_label_the_same_weight_in_all():
    found = balanced(VERDICTS, "weights", 0)
    # 8 rows of 3 labels: 8/15, 8/6 and 8/3 a row, 8/3 a label, 1 a row on average.
    assert found == [(i, pytest.approx(weight)) for i, weight in enumerate([8 / 15] * 5 + [8 / 6] * 2 + [8 / 3])]
    assert sum(weight for _, weight in found) == pytest.approx(8)


def test_oversampling_repeats_rows_of_rare_labels_until_all_are_as_frequent():
    found = balanced(VERDICTS, "oversample", 0)
    times = Counter(index for index, _ in found)
    assert {weight for _, weight in found} == {1.0}
    assert [times[index] for index in range(5)] == [1] * 5
    # 5 from 2 rows: both twice and one a third time; 5 from 1.
    assert sorted(times[index] for index in (5, 6)) == [2, 3]
    assert times[7] == 5
    assert balanced(VERDICTS, "oversample", 0) == found
    assert {tuple(balanced(VERDICTS, "oversample", seed)) for seed in range(9)} != {tuple(found)}


def test_a_label_is_one_token_and_the_end(training):
    encoder = load_encoder(training.policy().path)
    assert label_token_ids(encoder) == {
        "correct": [*encoder.encode("A"), encoder.end_id],
        "incorrect": [*encoder.encode("B"), encoder.end_id],
        "invalid": [*encoder.encode("C"), encoder.end_id],
    }
    with pytest.raises(WrongArtifact, match="writes the label AB with 2 tokens, expected one"):
        label_token_ids(encoder, {"AB": "correct"})


def test_a_row_trains_the_label_or_the_prompt_too():
    encoded = Encoded("r", np.array([4, 5, 6], np.int32), np.array([7, 1], np.int32))
    plain: Any = encoded.row(2.0, whole=False)
    assert (list(plain.prompt_token_ids), list(plain.token_ids), plain.trained_tokens) == ([4, 5, 6], [7, 1], 2)
    whole: Any = encoded.row(2.0, whole=True)
    # The first token has nothing before it.
    assert (list(whole.prompt_token_ids), list(whole.token_ids), whole.trained_tokens) == ([], [4, 5, 6, 7, 1], 4)
    assert (plain.weight, plain.label_tokens, plain.length) == (2.0, 2, 5)
