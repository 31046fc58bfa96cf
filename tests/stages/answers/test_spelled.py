import pytest

from whet.stages.answers.spelled import read_words


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("zero", 0),
        ("seven", 7),
        ("Nineteen", 19),
        ("twenty", 20),
        ("twenty-five", 25),
        ("one hundred", 100),
        ("two hundred and six", 206),
        ("nineteen hundred", 1900),
        ("five thousand three hundred twenty-one", 5321),
        ("two million three thousand and four", 2_003_004),
        ("one hundred one thousand", 101_000),
        ("a dozen", 12),
        ("three dozen", 36),
        ("a million", 1_000_000),
        ("six billion", 6_000_000_000),
        ("one trillion", 10**12),
    ],
)
def test_numbers_are_read_from_words(words, value):
    assert read_words(words) == value


@pytest.mark.parametrize(
    "words",
    ["", "and", "one two", "twenty twenty", "ten five", "hundred", "five six hundred seven eight", "a cat", "five cats",
     "two hundred million three billion", "one half", "first", "a", "one and", "three thousand thousand"],
)  # fmt: skip
def test_other_words_are_no_number(words):
    assert read_words(words) is None
