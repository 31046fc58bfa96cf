from whet.stages.selection.picking import Candidate, pick


def rows(
    verdicts: str, scores: list[float | None] | None = None, lengths: list[int | None] | None = None
) -> list[Candidate]:
    names = {"c": "correct", "i": "incorrect", "v": "invalid", "u": "unknown"}
    return [
        Candidate((0, 0, n), f"r{n}", names[letter], scores[n] if scores else None, lengths[n] if lengths else None)
        for n, letter in enumerate(verdicts)
    ]


def ids(picked: list[Candidate]) -> list[str]:
    return [row.rollout_id for row in picked]


def test_the_best_is_a_correct_one_and_among_those_the_highest_score():
    assert ids(pick(rows("icci", [9.0, 1.0, 2.0, 8.0]), "best", 0)) == ["r2"]
    assert ids(pick(rows("iii", [1.0, 3.0, 3.0]), "best", 0)) == ["r1"]
    assert ids(pick(rows("ccc", [None, float("nan"), -5.0]), "best", 0)) == ["r2"]
    assert ids(pick(rows("icc"), "best", 0)) == ["r1"]


def test_the_shortest_has_the_fewest_tokens():
    assert ids(pick(rows("iii", lengths=[5, 3, 3]), "shortest", 0)) == ["r1"]
    assert ids(pick(rows("ii", lengths=[None, 3]), "shortest", 0)) == ["r1"]


def test_one_pair_is_one_correct_and_one_wrong_drawn_by_the_seed():
    group = rows("ccccivvi")
    pairs = {tuple(ids(pick(group, "one-pair", seed))) for seed in range(200)}
    assert {right for right, _ in pairs} == {"r0", "r1", "r2", "r3"}
    assert {wrong for _, wrong in pairs} == {"r4", "r5", "r6", "r7"}
    assert (
        len(pairs) == 16
    )  # 4 x 4 pairs; the chance that one of them is missed in 200 draws is below 16 * (15/16)^200 = 4e-5


def test_one_pair_leaves_out_groups_that_agree_and_unknown_verdicts():
    assert pick(rows("cccc"), "one-pair", 0) == []
    assert pick(rows("iiv"), "one-pair", 0) == []
    assert pick(rows("ccu"), "one-pair", 0) == []


def test_a_number_keeps_that_many_whatever_order_they_come_in():
    group = rows("cicicici")
    assert set(ids(pick(group, 3, 7))) == set(ids(pick(group[::-1], 3, 7)))
    assert len(pick(group, 3, 7)) == 3
    assert len(pick(group[:2], 3, 7)) == 2
