import pytest

from whet.stages.answers.alternatives import alternatives


@pytest.mark.parametrize(
    ("reference", "offered"),
    [
        ("5 or 6 accepted", ("5", "6")),
        ("5 and 6 are both accepted", ("5", "6")),
        ("either 5 or 6", ("5", "6")),
        ("5, 6 or 7 are acceptable", ("5", "6", "7")),
        ("NYC (or New York)", ("NYC", "New York")),
        ("42 (also accept 43)", ("42", "43")),
        ("42 (43 is also accepted)", ("42", "43")),
        ("42 (also accepted: 43 or 44)", ("42", "43", "44")),
        ("42 [or 43]", ("42", "43")),
    ],
)
def test_a_reference_says_that_one_of_several_is_enough(reference, offered):
    assert alternatives(reference, words=False) == offered
    assert alternatives(reference, words=True) == offered


@pytest.mark.parametrize(
    ("reference", "offered"),
    [
        ("autumn or fall", ("autumn", "fall")),
        ("Mumbai / Bombay", ("Mumbai", "Bombay")),
        ("北京或上海", ("北京", "上海")),
    ],
)
def test_words_offer_several_without_saying_so(reference, offered):
    assert alternatives(reference, words=True) == offered
    assert alternatives(reference, words=False) == ()


@pytest.mark.parametrize(
    "reference",
    [
        "5",
        "5, 6",
        "Paris (France)",
        "f(x)",
        "1/2",
        "oregon",
        "(or)",
        "a long way to go for anybody or nobody at all",
        "and/or",
    ],
)
def test_most_references_offer_one_answer(reference):
    assert alternatives(reference, words=True) == ()


def test_both_solutions_are_no_alternatives_in_mathematics():
    assert alternatives("x=5 or x=6", words=False) == ()
