import pytest

from whet.stages.answers.expression import NotUnderstood, bare_log, natural_log, read_expression, spelled_out


def test_decimals_become_exact_fractions():
    assert spelled_out("2.5x") == (r"(\frac{5}{2})x", True)
    assert spelled_out("x^.5") == (r"x^{\frac{1}{2}}", True)
    assert spelled_out("2x") == ("2x", False)


def test_letters_are_factors_and_those_the_parser_misreads_are_renamed():
    assert spelled_out("abc") == ("a*b*c", False)
    assert spelled_out("ad") == ("a*K_{100}", False)  # ord("d") = 100
    assert spelled_out("sin(x)") == ("\\sin (x)", False)


@pytest.mark.parametrize("text", ["and", "banana", "2 3", "x2", "10_2", "(x)_2", r"\foo", "5 # 3", "a;b", "a'"])
def test_a_token_without_clear_meaning_is_refused(text):
    with pytest.raises(NotUnderstood):
        spelled_out(text)


@pytest.mark.parametrize("text", ["x^{2", "(x", "x)", "+", r"\frac{1}", "1,2", "x=2", r"\frac{1}{0}", "a" * 3000])
def test_the_parser_must_accept_all_of_it_as_one_value(text):
    with pytest.raises(NotUnderstood):
        read_expression(text)


def test_a_log_without_a_base_is_natural_where_it_is_said():
    assert read_expression(r"\log 8", natural=True) == read_expression(r"\ln 8")
    assert read_expression(r"\log 8") == read_expression(r"\log_{10} 8") == read_expression(r"\lg 8")
    assert read_expression(r"\log_2 8", natural=True) == read_expression(r"\log_2 8")
    assert read_expression("log(8)", natural=True) == read_expression(r"\ln(8)")


def test_logs_are_seen_in_a_text():
    assert all(map(bare_log, [r"2\log x", "log(x)"]))
    assert not any(map(bare_log, [r"\log_2 x", r"\lg x", "catalog"]))
    assert natural_log(r"\ln x")
    assert not natural_log(r"\log x")
