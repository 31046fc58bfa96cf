"""`whet eval SCORES --verdicts`: on a world whose numbers are counted by hand, and on real data."""

import json
import os
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, WrongArtifact, WrongOption, make_problem
from whet.cli.main import main
from whet.stages.eval import EvalOptions, resolve
from whet.stages.eval import eval as evaluate

WITHHELD = "nothing tells what these scores are, and they do not all lie in [0, 1]"
ABB = [[{"verdict": v, "extracted": a} for v, a in (("correct", "a"), ("incorrect", "b"), ("incorrect", "b"))]]

Report = Callable[..., dict[str, Any]]


class World:
    """Rollouts "place-draw" of one file, with verdicts as letters and scores as numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, kind: str, name: str, groups: Sequence[Sequence[dict[str, Any]]], **facts: Any) -> Artifact[Any]:
        draft = Draft.create(self.folder / name, kind=kind, stage="test", options={"of": name})
        draft.facts.update({"belongs_to": {"source": "a file"}, **facts})
        problems = [make_problem([{"role": "user", "content": f"{place}?"}], "4") for place in range(len(groups))]
        if kind == "rollouts":
            draft.facts["source"] = "a file"
            draft.embed_problems(problems)
        for chunk in draft.chunks([0]):
            order = 0
            for place, group in enumerate(groups):
                for draw, row in enumerate(group):
                    ids = {"rollout_id": f"{place}-{draw}", "problem_id": problems[place]["problem_id"]}
                    chunk.write({**ids, **({"draw": draw} if kind == "rollouts" else {}), **row}, order)
                    order += 1
        return draft.publish()

    def verdicts(self, letters: Sequence[str], answers: Sequence[str] = ()) -> Artifact[Any]:
        words = {"c": "correct", "i": "incorrect", "u": "unknown"}
        said = [list(text) for text in answers] or [[None] * len(group) for group in letters]
        groups = [
            [{"verdict": words[letter], "extracted": answer} for letter, answer in zip(group, named, strict=True)]
            for group, named in zip(letters, said, strict=True)
        ]
        return self.rows("verdicts", "verdicts", groups)

    def scores(self, numbers: Sequence[Sequence[float | None]], name: str = "scores", **facts: Any) -> Artifact[Any]:
        return self.rows("scores", name, [[{"score": number} for number in group] for group in numbers], **facts)

    def rollouts(self, lengths: Sequence[Sequence[int]]) -> Artifact[Any]:
        groups = [[{"text": "x" * length, "token_ids": [1] * length} for length in group] for group in lengths]
        return self.rows("rollouts", "rollouts", groups)

    def report(self, artifacts: Sequence[Any], verdicts: Any, against: Any = None, **options: Any) -> dict[str, Any]:
        draft = Draft.create(self.folder / "report", kind="report", stage="eval", options={})
        chosen = EvalOptions(**{"resamples": 300, **options})
        evaluate(list(artifacts), draft, chosen, verdicts=verdicts, against=against and list(against))
        published = draft.publish()
        assert (published.path / "best-of-k.png").read_bytes().startswith(b"\x89PNG")
        return json.loads((published.path / "metrics.json").read_text())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def values(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: one["value"] for name, one in metrics["metrics"].items()}


def test_rankings_and_choices_are_those_counted_by_hand(world: World) -> None:
    """Problem 0: right .9 .4, wrong .6: pairs won 1 of 2. Problem 1: right .8, wrong .3 .3: 2 of 2. Problem 2: right.

    Within .75, pairs 3 of 4; pooled: right .9 .4 .8 .5 .5 .5 against .6 .3 .3: 3 + 2 + 3 + 3 * 2 = 14 of 18.
    Best of 3: .9, .8 and right: 1. Best of 2 in problem 0: {.9 .4} 1, {.9 .6} 1, {.4 .6} 0: 2/3; in problem 1 {.8 .3}
    twice 1, {.3 .3} 0: 2/3; in problem 2 1: 7/9.
    """
    verdicts = world.verdicts(["cci", "cii", "ccc"])
    scores = world.scores([[0.9, 0.4, 0.6], [0.8, 0.3, 0.3], [0.5, 0.5, 0.5]])
    metrics = world.report([scores], verdicts, k=[2, 3])
    found = values(metrics)
    assert found["within-problem-auc"] == pytest.approx(0.75)
    assert found["pairwise-accuracy"] == pytest.approx(0.75)
    assert found["pooled-auc"] == pytest.approx(14 / 18)
    assert found["rank"] == 1.0
    assert found["best-of@3"] == 1.0
    assert found["best-of@2"] == pytest.approx(7 / 9)
    assert found["random@2"] == pytest.approx((2 / 3 + 1 / 3 + 1) / 3)
    assert found["oracle@2"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert metrics["mixed_problems"] == 2
    assert metrics["gains"]["best-of@3 - random@3"]["difference"] == pytest.approx(1 / 3)
    assert metrics["settings"]["weights_of_votes"] == "score"
    assert metrics["calibration"]["rows"] == 9


def test_votes_are_weighted_by_scores(world: World) -> None:
    """b has two votes of weight .2 and .3, a one of .9: the majority says b (wrong), the weighted vote a (right)."""
    metrics = world.report([world.scores([[0.9, 0.2, 0.3]])], world.verdicts(["cii"], ["abb"]), k=[3])
    found = values(metrics)
    assert (found["majority@3"], found["weighted-majority@3"]) == (0.0, 1.0)


def test_unknown_verdicts_are_left_out_of_rankings_and_bound_the_choice(world: World) -> None:
    metrics = world.report([world.scores([[3.0, 2.0, 1.0]])], world.verdicts(["uci"]), k=[3])
    assert values(metrics)["within-problem-auc"] == 1.0
    assert metrics["metrics"]["best-of@3"]["unknown_bounds"] == {"incorrect": 0.0, "correct": 1.0}


def test_rollouts_without_a_score_rank_nowhere_and_are_chosen_last(world: World) -> None:
    metrics = world.report([world.scores([[None, 0.1, 0.2]])], world.verdicts(["cic"]), k=[1, 3])
    assert values(metrics)["within-problem-auc"] == 1.0
    assert values(metrics)["best-of@3"] == 1.0
    assert metrics["counts"]["without_score"] == 1


def test_scores_that_compare_within_a_problem_get_no_pooled_auc_and_no_calibration(world: World) -> None:
    scores = world.scores([[3.0, 1.0], [-9.0, -8.0]], comparable="within-problem")
    metrics = world.report([scores], world.verdicts(["ci", "ci"], ["ab", "ab"]))
    assert "pooled-auc" not in metrics["metrics"]
    assert metrics["calibration"] == {"read_as": "none", "withheld": WITHHELD}
    assert metrics["comparable"] == "within-problem"
    assert metrics["settings"]["weights_of_votes"] == "softmax"
    assert values(metrics)["within-problem-auc"] == 0.5


@pytest.mark.parametrize(
    ("facts", "read_as"),
    [
        ({"method": {"name": "token", "aggregate": "mean"}}, "log-odds"),
        ({"method": {"name": "token", "aggregate": "min"}}, "none"),
        ({"method": {"name": "token"}, "normalize": "running"}, "none"),
        ({"method": {"name": "implicit", "aggregate": "sum", "loss": "ce"}}, "log-odds"),
        ({"method": {"name": "implicit", "aggregate": "sum"}}, "preference"),
        ({"method": {"name": "implicit", "aggregate": "min"}}, "none"),
        ({"method": {"name": "implicit", "aggregate": "mean", "loss": "ce"}}, "none"),
        ({"method": {"name": "bradley-terry"}}, "preference"),
        ({"method": {"name": "polar"}, "comparable": "within-problem"}, "preference"),
        ({"method": {"name": "likelihood"}}, "none"),
        ({}, "none"),
    ],
)
def test_only_what_says_how_likely_is_calibrated(world: World, facts: dict[str, Any], read_as: str) -> None:
    """Deviations from a running mean, single steps, log-probabilities and unknown numbers only rank."""
    metrics = world.report([world.scores([[2.0, -1.0], [0.5, 0.1]], **facts)], world.verdicts(["ci", "ic"]))
    found = metrics["calibration"]
    assert found["read_as"] == read_as
    assert found.get("rows", 0) == (4 if read_as == "log-odds" else 0)
    assert found.get("pairs", 0) == (2 if read_as == "preference" else 0)
    page = (world.folder / "report" / "v1" / "README.md").read_text()
    assert ("Not measured: " in page) is ("withheld" in found) is (read_as == "none")


def test_bradley_terry_scores_are_calibrated_as_preferences_whatever_their_shift(world: World) -> None:
    """Differences ln 3 (right) and ln 9 (wrong): |1 - .75| / 2 + |0 - .9| / 2; read as log-odds 50 would be sure.

    A shift takes no vote away either: of the answers a, b and b with odds 3 to 1 to 1, a has the greatest weight.
    """
    scores = world.scores([[log(3), 0.0], [50.0, 50.0 + log(9)]], method={"name": "bradley-terry"})
    metrics = world.report([scores], world.verdicts(["ci", "ci"]))
    assert metrics["calibration"]["ece@10"]["value"] == pytest.approx((0.25 + 0.9) / 2)
    assert metrics["calibration"]["ece@10"]["by_chance"] is None
    assert metrics["calibration"]["brier"]["value"] == pytest.approx((0.25**2 + 0.9**2) / 2)
    assert "which moves the pooled AUC" in (world.folder / "report" / "v1" / "README.md").read_text()
    votes = world.scores([[50 + log(3), 50.0, 50.0]], "votes", method={"name": "bradley-terry"})
    metrics = world.report([votes], world.rows("verdicts", "others", ABB), k=[3])
    assert metrics["settings"]["weights_of_votes"] == "softmax"
    assert values(metrics)["weighted-majority@3"] == 1.0


def test_what_the_others_are_compared_with_has_no_part_in_any_choice(world: World) -> None:
    """Of three rollouts two are left beside a correct reference; a group without any reference stays as it is.

    Random: 1/2 and 0. With the references random would be worth 2/3, and the best by score, which is never one, 1/2 at
    k = 1 where it is 2/3 of three.
    """
    scores = world.scores([[None, 2.0, 1.0], [None, None, None]])
    draft = Draft.create(world.folder / "polar", kind="scores", stage="test", options={})
    draft.facts.update({**scores.manifest.facts, "comparable": "within-problem"})
    for chunk in draft.chunks([0]):
        for order, row in enumerate(scores.rows()):
            chunk.write(row, order, {"null_its_own_reference": 1} if order == 0 else {})
    metrics = world.report([draft.publish()], world.verdicts(["cci", "iii"]))
    assert metrics["counts"]["own_references"] == 1
    assert metrics["counts"]["without_score"] == 3
    assert metrics["counts"]["rollouts"] == 5
    found = values(metrics)
    assert (found["random@1"], found["best-of@1"], found["best-of@2"]) == (0.25, 0.25, 0.5)


def test_lengths_are_all_tokens_or_all_characters(world: World) -> None:
    """A text without token ids, encoded for scoring: rows without token scores leave only characters to compare."""
    texts = world.rows("rollouts", "rollouts", [[{"text": "x" * 9}, {"text": "xx"}], [{"text": "x"}, {"text": "xxx"}]])
    groups: list[list[dict[str, Any]]] = [
        [{"score": 2.0, "token_scores": [1.0, 3.0]}, {"score": 1.0, "token_scores": [1.0]}],
        [{"score": None}, {"score": 1.0, "token_scores": [1.0]}],
    ]
    judged = [world.rows("scores", "scores", groups), texts]
    metrics = world.report(judged, world.verdicts(["ci", "ci"]))
    assert values(metrics)["longest@2"] == 0.5  # mixed, 1 character against 1 token would be a tie: .75
    page = (world.folder / "report" / "v1" / "README.md").read_text()
    assert "Length is in characters." in page


def test_a_score_of_length_is_found_out(world: World) -> None:
    """The score is the length: correlation 1, its AUC that of length, and nothing is left without length."""
    lengths = [[1, 5, 3], [2, 8, 4]]
    scores = world.scores([[float(n) for n in group] for group in lengths])
    metrics = world.report([scores, world.rollouts(lengths)], world.verdicts(["cic", "ici"]), k=[3])
    found = values(metrics)
    assert found["score-length-correlation"] == pytest.approx(1.0)
    assert found["length-auc"] == found["within-problem-auc"] == pytest.approx((0.0 + 1.0) / 2)
    assert found["auc-without-length"] == 0.5
    assert found["longest@3"] == found["best-of@3"]
    assert found["shortest@3"] == 0.5


def test_what_length_leaves_of_a_score_does_not_depend_on_the_scale_of_scores(world: World) -> None:
    """Lengths 1 1 3 3 and scores 0 1 0 1: length tells nothing of them, right is the score 1: AUC 1 at any scale."""
    rollouts, verdicts = world.rollouts([[1, 1, 3, 3]]), world.verdicts(["icic"])
    for scale in (1.0, 1e-12):
        scores = world.scores([[0.0, scale, 0.0, scale]], f"scores-{scale}")
        assert values(world.report([scores, rollouts], verdicts))["auc-without-length"] == 1.0


def test_a_correlation_of_one_problem_leaves_nearly_everything_open(world: World) -> None:
    """Of 1 problem none was seen to differ: up to 1.96^2 / (1 + 1.96^2) = .7935 of others may lie at -1."""
    found = world.report([world.scores([[2.0, 1.0]])], world.verdicts(["ci"]))["metrics"]["score-verdict-correlation"]
    assert (found["value"], found["high"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found["low"] == pytest.approx(1 - 2 * 0.7935, abs=1e-3)


def test_two_scores_are_compared_in_pairs_and_by_their_distance(world: World) -> None:
    """1,2,3 | 0,1,5 against 3,2,1 | 0,1,5: rho .75, distance .3536."""
    one, other = world.scores([[1, 2, 3], [0, 1, 5]]), world.scores([[3, 2, 1], [0, 1, 5]], "others")
    metrics = world.report([one], world.verdicts(["iic", "iic"]), against=[other], k=[3])
    assert metrics["against"]["correlation"]["value"] == pytest.approx(0.75)
    assert metrics["against"]["distance"]["value"] == pytest.approx(0.3536, abs=1e-4)
    assert metrics["comparison"]["best-of@3"]["difference"] == pytest.approx(0.5)
    assert metrics["comparison"]["within-problem-auc"]["difference"] == pytest.approx(0.5)
    assert "best-of@1" not in world.report([one], world.verdicts(["iic", "iic"]), against=[other])["comparison"]


def test_a_report_without_any_score_chooses_at_random(world: World) -> None:
    metrics = world.report([world.scores([[None, None], [None, None]])], world.verdicts(["ci", "ii"]))
    assert values(metrics)["best-of@2"] == values(metrics)["random@2"] == 0.25
    assert metrics["mixed_problems"] == 0


def test_scores_without_a_row_of_both_are_not_compared(world: World) -> None:
    this, other = world.scores([[1.0, None]]), world.scores([[None, 1.0]], "other")
    with pytest.raises(WrongArtifact, match="scores/v1 and .*other/v1 score no rollout both"):
        world.report([this], world.verdicts(["ci"]), against=[other])


def test_groups_of_different_sizes_are_chosen_from_whole(world: World) -> None:
    metrics = world.report([world.scores([[1.0, 2.0], [1.0, 2.0, 3.0]])], world.verdicts(["ic", "icc"]))
    assert values(metrics)["best-of@all"] == 1.0
    assert values(metrics)["random@all"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert metrics["counts"]["rollouts_per_problem"] == "2 to 3"


def test_scores_of_other_rollouts_are_refused(world: World) -> None:
    other = world.scores([[1.0]], belongs_to={"source": "another file"})
    with pytest.raises(WrongArtifact, match="different rollouts"):
        world.report([other], world.verdicts(["c"]))


def test_more_draws_than_a_problem_has_are_refused(world: World) -> None:
    scores, verdicts = world.scores([[2.0, 1.0, 0.0], [1.0, 2.0]]), world.verdicts(["cii", "ci"])
    with pytest.raises(WrongOption, match="--k 3: .* has problems with 2 rollouts, expected k from 1 to 2"):
        world.report([scores], verdicts, k=[1, 3])


def test_what_is_missing_or_too_much_is_refused(world: World) -> None:
    scores, verdicts = world.scores([[1.0]]), world.verdicts(["c"])
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({}, {"artifacts": [scores]}, "give --verdicts"),
        ({}, {"artifacts": [verdicts], "verdicts": verdicts}, "--verdicts tell how well scores rank"),
        ({}, {"artifacts": None}, "ARTIFACTS is missing"),
        ({"scaling": True}, {"artifacts": [scores]}, "--scaling fits trained models, scores were given"),
        ({"scaling": True}, {"artifacts": None}, "--scaling has no runs"),
        ({"loss": "kl"}, {"artifacts": [verdicts]}, "--loss goes with --scaling"),
    ]
    for options, inputs, message in cases:
        with pytest.raises(WrongOption, match=message):
            resolve(EvalOptions(**options), **inputs)


@pytest.mark.skipif("WHET_DATA" not in os.environ, reason="WHET_DATA names no folder with the real data")
def test_the_numbers_of_real_rollouts_scored_by_a_72b_reward_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """800 completions of 100 MATH problems: pooled AUC .968244, within problems .900 over 10, best-of-8 .94."""
    file = Path(os.environ["WHET_DATA"]).resolve() / "math_rollouts_100x8.jsonl"
    monkeypatch.chdir(tmp_path)
    for kind in ("rollouts", "verdicts", "scores"):
        assert main(["import", str(file), "--preset", "qwen-math", "--kind", kind, "--out", kind, "-q"]) == 0
    words = ["eval", "scores", "rollouts", "--verdicts", "verdicts", "--resamples", "500", "--out", "report", "-q"]
    assert main(words) == 0
    metrics = json.loads((tmp_path / "report" / "v1" / "metrics.json").read_text())
    found = values(metrics)
    assert found["pooled-auc"] == pytest.approx(0.968244, abs=5e-7)
    assert found["within-problem-auc"] == pytest.approx(0.9)
    assert metrics["mixed_problems"] == 10
    assert found["best-of@8"] == pytest.approx(0.94)
    assert found["random@8"] == pytest.approx(0.91)
    assert found["majority@8"] == pytest.approx(0.925)
    assert found["oracle@8"] == pytest.approx(0.96)
