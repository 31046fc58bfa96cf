import random
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest

from whet.stages.answers.extraction import extract
from whet.stages.verifier_augmentation import MAKERS, PATTERNS, TAGS, VERDICTS, augmented, wrong_answer
from whet.stages.verifier_method import Augmentation
from whet.stages.verifier_rows import Labelled

NONE = Augmentation(**{item.name: 0.0 for item in fields(Augmentation)})
WORKING = (
    "First we look at the two factors of the product.\nEach of them vanishes once, and the sum follows from that.\n"
)
RIGHT = Labelled("r1", "What is (x+2)(x+3)?", "x^2+5x+6", WORKING + r"So it is \boxed{x^2+5x+6}.", "correct")
WRONG = RIGHT._replace(rollout_id="r2", text=WORKING + r"So it is \boxed{x^2+6}.", verdict="incorrect")
NUMBER = Labelled("r3", "How many?", "12", WORKING + "#### 12", "correct")


def made(name: str, row: Labelled, seed: int = 0) -> Any:
    return MAKERS[name](row, random.Random(seed))


def test_every_share_has_a_maker():
    assert set(MAKERS) == {item.name for item in fields(Augmentation)}


def test_nothing_is_made_without_shares_and_one_of_each_with_shares_of_1():
    assert augmented([RIGHT, WRONG], NONE, 0) == []
    all_shares = Augmentation(**{item.name: 1.0 for item in fields(Augmentation)})
    rows = augmented([RIGHT], all_shares, 0)
    # No reasoning tags to rename; the text is too short to be cut.
    assert [row.made_by for row in rows] == ["formulas", "near_formulas", "patterns", "prompts"]
    assert {row.rollout_id for row in rows} == {"r1"}


def test_a_share_is_met_and_does_not_depend_on_the_order_of_rows():
    rows = [RIGHT._replace(rollout_id=f"r{index}") for index in range(2000)]
    found = augmented(rows, replace(NONE, prompts=0.3), 0)
    # 600 with a standard deviation of 20.5
    assert 530 < len(found) < 670
    assert sorted(augmented(rows[::-1], replace(NONE, prompts=0.3), 0)) == sorted(found)
    assert augmented(rows, replace(NONE, prompts=0.3), 1) != found


def test_a_rewritten_reference_keeps_the_label():
    forms = {made("formulas", RIGHT, seed)[1] for seed in range(20)}
    assert r"\left(x + 2\right) \left(x + 3\right)" in forms
    assert "x^2+5x+6" not in forms
    assert {made("formulas", row)[3] for row in (RIGHT, WRONG)} == {"correct", "incorrect"}
    assert made("formulas", NUMBER)[1] == "12.0"
    assert made("formulas", RIGHT._replace(reference="the north wind")) is None


def test_a_reference_that_is_nearly_the_same_makes_a_correct_row_incorrect():
    for seed in range(20):
        _, reference, text, verdict = made("near_formulas", RIGHT, seed)
        assert (text, verdict) == (RIGHT.text, "incorrect")
        assert reference != RIGHT.reference
    assert made("near_formulas", WRONG) is None


def test_a_long_text_is_cut_before_its_answer():
    long = RIGHT._replace(text=WORKING * 5 + RIGHT.text)
    lengths = set()
    for seed in range(20):
        _, _, text, verdict = made("truncations", long, seed)
        assert verdict == "invalid"
        assert long.text.startswith(text)
        lengths.add(round(len(text) / len(long.text), 1))
    assert lengths == {0.2, 0.4, 0.6}
    answered_early = RIGHT._replace(text=RIGHT.text + "\n" + WORKING * 9)
    assert made("truncations", answered_early, 1) is None or extract(made("truncations", answered_early, 1)[2]) is None
    assert made("truncations", RIGHT) is None


def test_reasoning_tags_are_renamed_or_taken_away():
    tagged = RIGHT._replace(text="<think>Hm.</think>" + RIGHT.text)
    texts = {made("tags", tagged, seed)[2] for seed in range(60) if made("tags", tagged, seed)}
    assert texts == {f"<{name}>Hm.</{name}>" + RIGHT.text for name in TAGS if name != "think"} | {"Hm." + RIGHT.text}
    assert made("tags", RIGHT) is None
    assert made("tags", WRONG._replace(text="<think>Hm.</think>no"), 1)[3] == "incorrect"


def test_a_question_in_other_words_still_holds_the_question():
    questions = {made("prompts", RIGHT, seed)[0] for seed in range(100)}
    assert len(questions) == 12
    assert all(RIGHT.question in question for question in questions)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_meta_pattern_of_a_rollout_states_what_its_label_says(name):
    for seed in range(10):
        text = PATTERNS[name](NUMBER, random.Random(seed)) or ""
        found = extract(text)
        if name in ("corrected", "confirmed"):
            assert VERDICTS[name] == "correct"
            assert found is not None
            assert found.text.strip("*. ") == "12"
        elif name == "switched":
            assert VERDICTS[name] == "incorrect"
            assert found is not None
            assert found.text.strip("*. ") != "12"
        else:
            assert "12" not in text.replace(WORKING, "") or name in ("code-only", "garbled")
            assert VERDICTS[name] == ("incorrect" if name in ("unanswerable", "code-only") else "invalid")


def test_only_correct_rows_are_spoiled_and_all_patterns_come():
    assert made("patterns", WRONG) is None
    verdicts = Counter(made("patterns", NUMBER, seed)[3] for seed in range(400))
    # Of 8 patterns 2 are correct, 3 incorrect and 3 invalid: 100, 150 and 150, standard deviations below 10.
    assert 60 < verdicts["correct"] < 140
    assert 110 < verdicts["incorrect"] < 190
    assert 110 < verdicts["invalid"] < 190


def test_a_wrong_answer_is_another_one_or_none():
    rng = random.Random(0)
    assert wrong_answer("B", rng) in ("A", "C", "D")
    assert wrong_answer("yes", rng) == "No"
    assert wrong_answer("so it is #### 12", rng) not in ("12", None)
    assert wrong_answer("3/4", rng) not in ("3/4", None)
    assert wrong_answer("the north wind", rng) is None
