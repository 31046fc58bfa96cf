from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from whet.cli.values import Form, convert, form_of, jsonable, parse, parse_all, spell


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("16_384", int, 16384),
        ("-3", int, -3),
        ("1e-3", float, 0.001),
        ("3", int | float, 3),
        ("3.5", int | float, 3.5),
        ("1/3", Fraction, Fraction(1, 3)),
        ("a/b", Path, Path("a/b")),
        ("none", int | None, None),
        ("none", str, "none"),
        ("auto", Literal["auto"] | int, "auto"),
        ("8", Literal[2, 8], 8),
        ("7", Annotated[int | None, "mark"], 7),
        ("yes", bool, True),
    ],
)
def test_texts_become_values(text: str, annotation: Any, value: Any) -> None:
    found = parse(text, form_of(annotation))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "message"),
    [
        ("1.0", int, "expected an integer"),
        ("inf", float, "expected a number"),
        ("", float, "expected a number"),
        ("maybe", bool, "expected true or false"),
        ("x", int | None, "expected an integer or none"),
        ("beast", Literal["best", "worst"], r"expected best or worst: did you mean best\?"),
    ],
)
def test_a_wrong_text_says_what_was_expected(text: str, annotation: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text, form_of(annotation))


def test_lists_repeat_their_flag_or_hold_commas_where_no_text_could() -> None:
    assert parse_all(["1", "2,3"], form_of(list[int])) == [1, 2, 3]
    assert parse_all(["a,b", "c"], form_of(list[str])) == ["a,b", "c"]
    assert parse_all(["0.5"], form_of(tuple[float, ...])) == (0.5,)
    assert parse_all(["none"], form_of(list[int] | None)) is None
    assert parse_all(["1", "2"], form_of(int)) == 2


@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        (True, int, r"found true \(a truth value\), expected an integer"),
        ("3", int, r"found '3' \(text\), expected an integer"),
        (3, str, r"found 3 \(an integer\), expected text"),
        ({"a": 1}, str, r"\(a section\), expected text"),
        (None, int, "found nothing, expected an integer"),
        (float("nan"), float, "expected a number"),
        (["x"], list[int], "found 'x'"),
    ],
)
def test_a_wrong_yaml_value_says_what_was_found(value: Any, annotation: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convert(value, form_of(annotation))


def test_yaml_values_are_widened_but_not_guessed() -> None:
    assert convert(1, form_of(float)) == 1.0
    assert convert(0.25, form_of(Fraction)) == Fraction(1, 4)
    assert convert(None, form_of(int | None)) is None


def test_values_are_recorded_as_json_and_spelled_as_users_write_them() -> None:
    assert jsonable({"a": 1}) == {"a": 1}
    assert jsonable([Fraction(1, 3), Path("a")]) == ["1/3", "a"]
    assert [spell(value) for value in (None, True, 20.0, 0.5, [1, 2])] == ["none", "true", "20", "0.5", "1,2"]


def test_forms_show_in_usage_lines() -> None:
    assert form_of(Literal["a", "b"]).metavar == "{a,b}"
    assert form_of(int | Literal["auto"] | None).metavar == "INTEGER|auto"
    assert form_of(list[float]).metavar == "NUMBER"
    assert form_of(bool) == Form(types=(bool,))
    with pytest.raises(TypeError, match="an option cannot be of type"):
        form_of(dict)
