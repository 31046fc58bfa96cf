from whet.artifacts.wording import counted


def test_one_has_no_plural_and_thousands_are_grouped() -> None:
    assert [counted(number, "row") for number in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
    assert counted(2, "problem has", "problems have") == "2 problems have"
