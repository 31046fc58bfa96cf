import pytest

from whet.stages.answers.text import compare, token_f1


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("Tuesday", r"\text{tuesday}"),
        ("east", "East."),
        ("yes", '"Yes"'),
        ("4:30 p.m.", r"4:30 \text{ p.m.}"),
        ("dlrow olleh", "dlrow  olleh"),
        (">", ">"),
        ("=", "="),
        ("3 1 2", "3 1 2"),
        ("北京", "北京。"),
        ("the Beatles", "Beatles"),
        ("a dog", "dog"),
        ("well-known", "well known"),
        ("Paris, France", "Paris France"),
    ],
)
def test_the_same_words_are_equal(expected, answer):
    assert compare(expected, answer).equal is True
    assert compare(answer, expected).equal is True


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("Tuesday", "Thursday"),
        ("Tuesday", "not Tuesday"),
        ("east", "southeast"),
        ("4:30 p.m.", "4:30 a.m."),
        ("4:30p..", r"4:30 \text{ p.m.}"),
        (">", "<"),
        ("3 1 2", "312"),
        ("yes", ""),
        ("", ""),
        ("12", "1 2"),
        ("vitamin A", "vitamin"),
        ("the", "a"),
        ("3.5", "35"),
        ("1-2", "1 2"),
        ("Paris", "Paris, Texas"),
    ],
)
def test_other_words_are_not(expected, answer):
    assert compare(expected, answer).equal is False
    assert compare(answer, expected).equal is False


@pytest.mark.parametrize(
    ("expected", "answer", "overlap"),
    [
        # 2 shared of 2 and 4 tokens: precision 2/4, recall 2/2, 2 * 1/2 * 1 / (3/2) = 2/3
        ("Eiffel Tower", "in the Eiffel Tower, Paris", 4 / 6),
        ("the cat", "a cat", 1.0),
        ("cat", "dog", 0.0),
        # a token counts as often as it occurs in both: 1 shared of 2 and 1
        ("no no", "no", 2 / 3),
        # 2 shared characters of 2 and 3
        ("北京", "北京市", 4 / 5),
        ("北京 Opera", "opera", 2 / 4),
        ("", "cat", 0.0),
        ("", "", 1.0),
        ("the", "a", 1.0),
        ("U.S.", "US", 1.0),
    ],
)
def test_the_overlap_of_tokens_is_the_f1_of_squad(expected, answer, overlap):
    assert token_f1(expected, answer) == pytest.approx(overlap)
    assert token_f1(answer, expected) == pytest.approx(overlap)


def test_a_comparison_of_words_carries_their_overlap():
    assert compare("Eiffel Tower", "in the Eiffel Tower").token_f1 == pytest.approx(4 / 5)
    assert compare("Eiffel Tower", r"\text{eiffel tower}").token_f1 == 1.0
