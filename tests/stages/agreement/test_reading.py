"""Which rows of verdicts and labels go together, and what is refused."""

from typing import Any

import pytest

from whet.artifacts import WrongArtifact, WrongOption
from whet.stages.agreement.reading import read_labelled


def test_rows_with_a_verdict_and_a_known_label_are_joined(judging: Any) -> None:
    verdicts = judging.verdicts("verdicts", ["cci", "iu "])
    labels = judging.verdicts("labels", ["cu ", "cic"])
    found = read_labelled([verdicts], labels)
    assert [(row.label, row.verdict) for row in found.rows] == [
        ("correct", "correct"), ("correct", "incorrect"), ("incorrect", "unknown"),
    ]  # fmt: skip
    # labels: one unknown, one missing; verdicts: one missing
    assert found.counts == {"without_label": 2, "without_verdict": 1}


def test_the_answer_type_is_the_verdicts_and_else_the_labels(judging: Any) -> None:
    verdicts = judging.verdicts("v", ["cc"], row=lambda _, draw: {"answer_type": "number" if draw else None})
    labels = judging.verdicts("l", ["cc"], row=lambda _, __: {"answer_type": "math"})
    assert [row.answer_type for row in read_labelled([verdicts], labels).rows] == ["math", "number"]


def test_sources_come_from_the_rollouts_given_or_behind_the_verdicts(judging: Any) -> None:
    rollouts = judging.rollouts("r", [1, 1], ["algebra", "geometry"], source="a file")
    labels = judging.verdicts("l", ["c", "i"])  # imported from the file that the rollouts came from
    verdicts = judging.verdicts("v", ["c", "c"], of=rollouts)
    for artifacts in ([verdicts], [rollouts, verdicts]):
        assert [row.source for row in read_labelled(artifacts, labels).rows] == ["algebra", "geometry"]
    alone = judging.verdicts("w", ["c", "c"])
    assert [row.source for row in read_labelled([alone], labels).rows] == [None, None]


def test_only_the_rollouts_given_count(judging: Any) -> None:
    verdicts, labels = judging.verdicts("v", ["cc", "ci"]), judging.verdicts("l", ["cc", "cc"])
    part = judging.rollouts("r", [2], source="a file")
    assert len(read_labelled([part, verdicts], labels).rows) == 2
    assert len(read_labelled([verdicts], labels).rows) == 4


def test_verdicts_of_other_rollouts_are_refused_and_the_rollouts_that_join_them_are_asked_for(judging: Any) -> None:
    rollouts = judging.rollouts("r", [2], source="a file")
    labels = judging.verdicts("l", ["ci"])
    verdicts = judging.verdicts("v", ["cc"], of=rollouts)
    read_labelled([verdicts], labels)  # their lineage leads to rollouts of that file
    (rollouts.path / "manifest.json").unlink()
    with pytest.raises(WrongArtifact, match=r"v/v1 and .*l/v1 hold verdicts of different rollouts.*give the rollouts"):
        read_labelled([verdicts], labels)
    other = judging.verdicts("o", ["cc"], belongs_to={"source": "another file"})
    with pytest.raises(WrongArtifact, match="hold verdicts of different rollouts"):
        read_labelled([other], labels)


def test_labels_that_share_no_row_are_refused(judging: Any) -> None:
    with pytest.raises(WrongArtifact, match=r"l/v1 has no known label of a rollout that .*v/v1 has a verdict of"):
        read_labelled([judging.verdicts("v", ["c "])], judging.verdicts("l", [" c"]))


def test_rollouts_alone_and_two_verdicts_are_refused(judging: Any) -> None:
    labels, rollouts = judging.verdicts("l", ["c"]), judging.rollouts("r", [1], source="a file")
    with pytest.raises(WrongOption, match=r"--labels tell how right verdicts are, but .*r/v1 holds none"):
        read_labelled([rollouts], labels)
    verdicts = [judging.verdicts(name, ["c"]) for name in ("v", "w")]
    with pytest.raises(WrongOption, match="both hold verdicts, expected at most one"):
        read_labelled(verdicts, labels)
    with pytest.raises(WrongOption, match=r"l/v1 is given as --labels of itself"):
        read_labelled([labels], labels)


def test_a_step_of_an_on_policy_run_is_measured_alone(judging: Any) -> None:
    verdicts = judging.verdicts("v", ["cc", "ci"], row=lambda place, _: {"step": place})
    labels = judging.verdicts("l", ["cc", "cc"])
    assert len(read_labelled([verdicts], labels).rows) == 4
    assert [row.verdict for row in read_labelled([verdicts], labels, step="last").rows] == ["correct", "incorrect"]
    with pytest.raises(WrongOption, match="--step 7: .* has the steps 0 to 1"):
        read_labelled([verdicts], labels, step="7")


def test_a_confidence_that_is_none_is_refused(judging: Any) -> None:
    verdicts = judging.verdicts("v", ["c"], row=lambda *_: {"confidence": 1.5})
    with pytest.raises(WrongArtifact, match=r"has the confidence 1.5 of rollout 0-0, expected 0 to 1"):
        read_labelled([verdicts], judging.verdicts("l", ["c"]))
