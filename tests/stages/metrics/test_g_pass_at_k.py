"""G-Pass@k, mG-Pass@k and pass@k against exact values and the properties their definitions imply."""

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.stats import hypergeom

from whet.stages.metrics.g_pass_at_k import correct_needed, g_pass_at_k, mg_pass_at_k, mg_pass_at_k_exact
from whet.stages.metrics.hypergeometric import over_problems, ways_at_least
from whet.stages.metrics.pass_at_k import pass_at_k

G_PASS = [  # n, c, k, tau, m, value; all computed by hand from binomial coefficients
    (4, 2, 2, "1/2", 1, "5/6"),
    (4, 2, 2, "1", 2, "1/6"),
    (8, 5, 4, "1/4", 1, "1"),
    (8, 5, 4, "1/2", 2, "13/14"),
    (8, 5, 4, "3/4", 3, "1/2"),
    (8, 5, 4, "1", 4, "1/14"),
    (10, 7, 5, "1/2", 3, "11/12"),
    (10, 7, 5, "1", 5, "1/12"),
    (10, 4, 3, "1/2", 2, "1/3"),
    (10, 4, 3, "1", 3, "1/30"),
    (6, 1, 4, "1/4", 1, "2/3"),
    (6, 0, 4, "1/4", 1, "0"),
    (6, 6, 4, "1", 4, "1"),
    (16, 8, 16, "1/2", 8, "1"),
    (16, 8, 16, "9/16", 9, "0"),
    (48, 36, 16, "1/2", 8, "1338609202/1339779509"),
    (48, 36, 16, "3/4", 12, "863120910/1339779509"),
    (48, 36, 16, "1", 16, "188790/58251283"),
    (48, 24, 16, "1/2", 8, "1900664/3065857"),
    (48, 24, 16, "1", 16, "1/3065857"),
    (48, 47, 16, "1", 16, "2/3"),
    (48, 12, 16, "1/2", 8, "10070407/1339779509"),
    (80, 8, 16, "0", 1, "646351889/762829925"),
]
MG_PASS = [  # n, c, k, official discrete form, exact integral
    (4, 2, 2, "1/6", "1/6"),
    (8, 5, 4, "2/7", "2/7"),
    (6, 6, 4, "1", "1"),
    (12, 9, 8, "1/2", "1/2"),
    (48, 36, 16, "670046276/1339779509", "670046276/1339779509"),
    (48, 24, 16, "245157/3065857", "245157/3065857"),
    (48, 47, 16, "23/24", "23/24"),
    (48, 40, 8, "83905159/125782998", "83905159/125782998"),
    (10, 7, 5, "7/30", "5/12"),
    (10, 4, 3, "1/45", "2/15"),
    (6, 6, 3, "2/3", "1"),
    (5, 3, 1, "0", "3/5"),
]
TAUS = [Fraction(i, 20) for i in range(21)]
SMALL = [(n, c, k) for n in range(1, 11) for c in range(n + 1) for k in range(1, n + 1)]


@pytest.mark.parametrize(("n", "c", "k", "tau", "m", "value"), G_PASS)
def test_g_pass_at_k_has_the_exact_value(n: int, c: int, k: int, tau: str, m: int, value: str) -> None:
    assert correct_needed(k, Fraction(tau)) == m
    assert g_pass_at_k(n, c, k, Fraction(tau)) == Fraction(value)


@pytest.mark.parametrize(("n", "c", "k", "official", "exact"), MG_PASS)
def test_mg_pass_at_k_has_the_exact_value_in_both_forms(n: int, c: int, k: int, official: str, exact: str) -> None:
    assert mg_pass_at_k(n, c, k) == Fraction(official)
    assert mg_pass_at_k_exact(n, c, k) == Fraction(exact)


def test_g_pass_at_k_is_the_share_of_subsets_with_enough_correct_ones() -> None:
    for n, c, k in SMALL:
        subsets = list(combinations([1] * c + [0] * (n - c), k))
        for tau in (Fraction(1, 4), Fraction(1, 2), Fraction(2, 3), Fraction(1)):
            enough = sum(sum(subset) >= tau * k for subset in subsets)
            assert g_pass_at_k(n, c, k, tau) == Fraction(enough, len(subsets)), (n, c, k, tau)


def test_mg_pass_at_k_is_twice_the_integral_over_the_upper_half() -> None:
    for n, c, k in SMALL:
        # the curve is constant on ((i-1)/2k, i/2k], so cells of width 1/2k integrate it exactly
        cells = [Fraction(i, 2 * k) for i in range(k + 1, 2 * k + 1)]
        assert mg_pass_at_k_exact(n, c, k) == 2 * sum(g_pass_at_k(n, c, k, tau) for tau in cells) / (2 * k)


def test_the_official_form_is_the_expected_surplus_over_half() -> None:
    for n, c, k in SMALL:
        subsets = list(combinations([1] * c + [0] * (n - c), k))
        surplus = sum(max(sum(subset) - -(-k // 2), 0) for subset in subsets)
        assert mg_pass_at_k(n, c, k) == Fraction(2 * surplus, k * len(subsets))


def test_g_pass_at_k_never_falls_with_c_and_never_rises_with_tau() -> None:
    for n, k in sorted({(n, k) for n, _, k in SMALL}):
        table = [[g_pass_at_k(n, c, k, tau) for tau in TAUS] for c in range(n + 1)]
        assert all(low <= high for row, above in pairwise(table) for low, high in zip(row, above, strict=True))
        assert all(later <= earlier for row in table for earlier, later in pairwise(row))
        assert set(table[0]) == {0}
        assert set(table[n]) == {1}


def test_all_correct_is_rarer_than_one_correct_is_rarer_than_any_correct() -> None:
    for n, c, k in SMALL:
        assert g_pass_at_k(n, c, k, Fraction(1)) <= Fraction(c, n) <= pass_at_k(n, c, k)
        assert mg_pass_at_k(n, c, k) <= mg_pass_at_k_exact(n, c, k) <= g_pass_at_k(n, c, k, Fraction(1, 2))
        assert g_pass_at_k(n, c, k, Fraction(0)) == pass_at_k(n, c, k)


def test_the_mean_over_binomial_draws_is_the_value_with_replacement() -> None:
    n, k, m, p = 9, 4, 3, Fraction(2, 3)
    binomial = [Fraction(ways_at_least(n, n, j)[0]) * p**j * (1 - p) ** (n - j) for j in range(1, n + 1)]
    drawn = sum(w * g_pass_at_k(n, c, k, Fraction(m, k)) for c, w in enumerate(binomial, start=1))
    # Binomial(4, 2/3): P(3) = 4 * 8/27 * 1/3 = 32/81, P(4) = 16/81
    assert drawn == Fraction(48, 81)


def test_the_number_needed_is_rounded_exactly_where_floats_round_up() -> None:
    assert correct_needed(25, Fraction("0.28")) == 7  # ceil(25 * .28) is 8 in floats
    assert correct_needed(25, Fraction("0.56")) == 14
    assert [correct_needed(50, Fraction(tau)) for tau in ("0.14", "0.28", "0.56")] == [7, 14, 28]


def test_large_counts_match_scipy() -> None:
    for n, k in ((64, 16), (200, 100), (1024, 32)):
        for c in range(0, n + 1, n // 8):
            for m in (1, k // 2, k):
                ours = float(g_pass_at_k(n, c, k, Fraction(m, k)))
                assert ours == pytest.approx(hypergeom.sf(m - 1, n, c, k), rel=1e-9, abs=1e-14)


def test_an_array_of_counts_is_computed_problem_by_problem() -> None:
    correct_P = np.array([5, 0, 8, 5])
    values_P = over_problems(lambda c: g_pass_at_k(8, c, 4, Fraction(1, 2)), correct_P)
    assert values_P.tolist() == [13 / 14, 0.0, 1.0, 13 / 14]


@pytest.mark.parametrize(("n", "c", "k"), [(4, 2, 5), (4, 5, 2), (4, -1, 2), (4, 2, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        pass_at_k(n, c, k)


def test_a_tau_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a share"):
        g_pass_at_k(4, 2, 2, Fraction(3, 2))
