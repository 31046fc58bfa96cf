import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whet.artifacts import Artifact, Draft, Salience, Score, SourceFile, WrongArtifact, WrongOption
from whet.stages.capability import storage
from whet.stages.capability.buckets import buckets_of, means_of
from whet.stages.capability.fitting import measured
from whet.stages.capability.joint import fit_jointly
from whet.stages.capability.losses import read_losses
from whet.stages.salience import SalienceOptions, resolve, salience

TOKENS = {"t1": 3, "t2": 2}
FAST = SalienceOptions(rounds=2, steps=5)


@pytest.fixture
def losses(tmp_path: Path) -> Callable[..., list[Artifact[Score]]]:
    """Publish likelihood scores of two texts of three and two tokens, one artifact a row of losses."""

    def make(losses_MN: Sequence[Sequence[float]], cut: int = 0, **facts: Any) -> list[Artifact[Score]]:
        made = []
        for place, row in enumerate(losses_MN):
            draft = Draft.create(
                tmp_path / f"losses-{place}", kind="scores", stage="import", options={"of": f"{cut} {facts}"}
            )
            draft.facts |= {"method": {"name": "likelihood"}, "tokenizer_digest": "t", **facts}
            start = 0
            for chunk in draft.chunks([0]):
                for order, (key, count) in enumerate(TOKENS.items()):
                    values = [-value for value in row[start : start + count]]
                    start += count
                    ids = {"rollout_id": key, "problem_id": key, "score": sum(values) / count}
                    chunk.write({**ids, "token_scores": values}, order, {"cut_texts": cut} if cut else {})
            made.append(draft.publish())
        return made

    return make


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., SourceFile]:
    def write(rows: Sequence[dict[str, Any]]) -> SourceFile:
        path = tmp_path / "accuracies.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        return SourceFile(str(path))

    return write


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., Artifact[Salience]]:
    def run(scores: list[Artifact[Score]], options: SalienceOptions = FAST, **inputs: Any) -> Artifact[Salience]:
        out = Draft.create(tmp_path / "salience", kind="salience", stage="salience", options={"of": str(len(inputs))})
        try:
            salience(scores, out, resolve(options, scores, **inputs), **inputs)
        except BaseException:
            out.close()
            raise
        return out.publish()

    return run


# The third token carries the capability: the accuracy falls with its loss alone.
WORLD = [
    [2.9, 1.0, 0.2, 1.1, 2.0],
    [0.1, 1.4, 0.8, 1.0, 0.3],
    [2.2, 0.2, 1.4, 1.9, 1.1],
    [0.4, 1.9, 2.0, 1.1, 2.7],
    [1.3, 0.6, 2.6, 1.6, 0.2],
]
LINES = [
    {"checkpoint": f"losses-{place}", "benchmark": "sums", "accuracy": accuracy, "mixture": "ab"[place % 2]}
    for place, accuracy in enumerate((0.9, 0.75, 0.5, 0.25, 0.1))
]


def at(tmp_path: Path, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**line, "checkpoint": str(tmp_path / line["checkpoint"])} for line in lines]


def test_the_token_that_tells_gets_the_weight(losses, write_csv, fit, tmp_path) -> None:
    made = fit(losses(WORLD), SalienceOptions(kl_weight=[1e-4]), accuracies=write_csv(at(tmp_path, LINES)))
    summary, weights, predictions = storage.read(made)
    assert weights["sums"].argmax() == 2
    assert weights["sums"].sum() == pytest.approx(1.0, abs=1e-6)
    assert summary["texts"] == [["t1", 3], ["t2", 2]]
    assert predictions[0]["predicted"]["salience"] == pytest.approx([0.9, 0.75, 0.5, 0.25, 0.1], abs=0.15)
    assert set(predictions[0]["out_of_mixture"]) >= {"salience", "mean loss"}


def test_a_joint_fit_predicts_left_out_mixtures_jointly_too(losses, write_csv, fit, tmp_path) -> None:
    """Mixture b is predicted by what is fitted, buckets too, on the three of a; two of b are too few for a."""
    options = SalienceOptions(buckets=4, joint=True, kl_weight=[1e-2])
    made = fit(losses(WORLD), options, accuracies=write_csv(at(tmp_path, LINES)))
    _, _, predictions = storage.read(made)
    losses_MN = np.array(WORLD, np.float32).astype(float)
    columns_MB, sizes_B = means_of(losses_MN, buckets_of(losses_MN[::2], np.zeros(5, int), 4))
    accuracies_M = np.array([line["accuracy"] for line in LINES])
    one = measured(accuracies_M, np.ones(5), np.arange(5) % 2 == 0)
    by_hand = fit_jointly(columns_MB, [one], [0.0], 1e-2, sizes_B).predict(columns_MB)[:, 0]
    found = predictions[0]["out_of_mixture"]["salience"]
    assert found[1::2] == pytest.approx(by_hand[1::2], abs=1e-9)
    assert found[::2] == [None, None, None]


def test_new_checkpoints_are_predicted_by_the_curve_and_their_losses(losses, write_csv, fit, tmp_path) -> None:
    scores = losses(WORLD)
    made = fit(scores, accuracies=write_csv(at(tmp_path, LINES)))
    summary, weights, known = storage.read(made)
    again = fit(scores[:2], SalienceOptions(), predict=made)
    _, same, found = storage.read(again)
    assert (same["sums"] == weights["sums"]).all()
    assert found[0]["predicted"]["salience"] == pytest.approx(known[0]["predicted"]["salience"][:2], abs=1e-6)
    # by hand: the weighted loss of the first checkpoint through the curve
    curve = summary["capabilities"]["sums"]["curves"]["sums"]
    loss = float(np.dot(weights["sums"], WORLD[0]))
    by_hand = 1 / (1 + np.exp(curve["slope"] * (loss - curve["middle"])))
    assert found[0]["predicted"]["salience"][0] == pytest.approx(by_hand, abs=1e-5)


def test_the_loss_on_answers_stands_beside_salience(losses, write_csv, fit, tmp_path) -> None:
    """One benchmark: all answers are its own. Their losses are 1 to 5, in the order of the falling accuracies."""
    lines, scores = write_csv(at(tmp_path, LINES)), losses(WORLD)
    made_of = {"method": {"name": "likelihood"}}
    answers = []
    for place in range(5):
        draft = Draft.create(tmp_path / f"answers-{place}", kind="scores", stage="import", options={})
        draft.facts |= made_of
        for chunk in draft.chunks([0]):
            chunk.write({"rollout_id": "r", "problem_id": "p", "score": -1.0 - place}, 0)
        answers.append(draft.publish())
    _, _, predictions = storage.read(fit(scores, accuracies=lines, answer_losses=answers))
    found = predictions[0]["predicted"]["answer loss"]
    assert found == pytest.approx([0.9, 0.75, 0.5, 0.25, 0.1], abs=0.02)
    # of the three checkpoints of mixture a
    assert predictions[0]["out_of_mixture"]["answer loss"][1::2] == pytest.approx([0.75, 0.25], abs=0.05)
    with pytest.raises(WrongOption, match="leave out the options of fitting"):
        fit(scores, SalienceOptions(), predict=fit(scores, accuracies=lines), answer_losses=answers)


def test_new_losses_of_texts_cut_otherwise_are_refused(losses, write_csv, fit, tmp_path) -> None:
    made = fit(losses(WORLD, cut=1, context=3), accuracies=write_csv(at(tmp_path, LINES)))
    again = fit(losses(WORLD, cut=1, context=3)[:1], SalienceOptions(), predict=made)
    assert again.manifest.facts["counts"]["checkpoints"] == 1
    for new, pieces in ((losses(WORLD, cut=1, context=4), "pieces of 3 tokens"), (losses(WORLD), "no pieces")):
        with pytest.raises(WrongArtifact, match=f"cut the texts into {pieces}, .* was fitted on pieces of 2 tokens"):
            fit(new[:1], SalienceOptions(), predict=made)


@pytest.mark.parametrize(
    ("splits", "refused"),
    [
        (["fit", "stop", "stop", "stop", "stop"], "1 checkpoint is left to fit"),
        (["fit", "fit", "fit", "stop", "test"], None),
    ],
)
def test_checkpoints_that_stop_a_fit_are_none_to_fit(
    losses, write_csv, fit, tmp_path, splits: list[str], refused: str | None
) -> None:
    lines = [{**line, "split": split} for line, split in zip(at(tmp_path, LINES), splits, strict=True)]
    if refused is None:
        assert fit(losses(WORLD), accuracies=write_csv(lines)).manifest.facts["counts"]["tested"] == 1
        return
    with pytest.raises(WrongArtifact, match=refused):
        fit(losses(WORLD), accuracies=write_csv(lines))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": {"name": "confidence"}}, "holds scores by confidence, expected log-probabilities"),
        ({"tokenizer_digest": "other"}, "have other tokenizers, expected one"),
    ],
)
def test_scores_that_cannot_be_put_side_by_side_are_refused(
    losses, write_csv, fit, tmp_path, change: dict[str, Any], message: str
) -> None:
    scores = [*losses(WORLD)[:4], losses(WORLD, **change)[4]]
    with pytest.raises(WrongArtifact, match=message):
        fit(scores, accuracies=write_csv(at(tmp_path, LINES)))


@pytest.mark.parametrize(
    ("contexts", "cut", "refused"), [((64, 128), 1, True), ((64, 64), 1, False), ((64, 128), 0, False)]
)
def test_texts_cut_into_other_pieces_are_refused(
    tmp_path: Path, contexts: tuple[int, int], cut: int, refused: bool
) -> None:
    made = []
    for place, context in enumerate(contexts):
        draft = Draft.create(tmp_path / f"cut-{place}", kind="scores", stage="score", options={"of": context})
        draft.facts |= {"method": {"name": "likelihood"}, "context": context}
        for chunk in draft.chunks([0]):
            row = {"rollout_id": "t", "problem_id": "t", "score": -1.0, "token_scores": [-1.0]}
            chunk.write(row, 0, {"cut_texts": cut} if cut and not place else {})
        made.append(draft.publish())
    if not refused:
        assert read_losses(made).losses_MN.shape == (2, 1)
        return
    with pytest.raises(WrongArtifact, match="context of 128 tokens, .*cut-0/v1 of 64, and some texts are longer"):
        read_losses(made)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"checkpoint": "losses-0", "benchmark": "sums"}], "lacks the column accuracy"),
        ([{**LINES[0], "colour": "red"}], "has the column colour, which nothing reads"),
        ([{**LINES[0], "accuracy": "high"}], "line 2: accuracy is high, expected a number from 0 to 1"),
        ([{**LINES[0], "accuracy": 90}], "line 2: accuracy is 90, expected a number from 0 to 1"),
        (LINES[:4], "has no line for .*losses-4"),
        ([*LINES, LINES[0]], "line 7 says .*losses-0, sums again"),
        ([{**line, "split": "dev"} for line in LINES], "split is dev, expected fit, stop or test"),
        ([{**line, "split": "test" if line["mixture"] == "a" else "fit"} for line in LINES], "2 checkpoints are left"),
        ([{**line, "questions": "100" if line["mixture"] == "a" else ""} for line in LINES], "of some accuracies only"),
    ],
)
def test_a_csv_that_cannot_be_read_is_refused_with_its_line(
    losses, write_csv, fit, tmp_path, lines: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(WrongArtifact, match=message):
        fit(losses(WORLD), accuracies=write_csv(at(tmp_path, lines)))


def test_a_checkpoint_may_be_named_by_its_digest(losses, write_csv, fit) -> None:
    scores = losses(WORLD)
    named = [{**line, "checkpoint": one.digest[:12]} for line, one in zip(LINES, scores, strict=True)]
    assert fit(scores, accuracies=write_csv(named)).manifest.facts["counts"]["benchmarks"] == 1


def test_accuracies_count_by_how_sure_they_are() -> None:
    from whet.stages.capability.accuracies import _cell, _table

    rows = [_cell({"accuracy": "0.5", "questions": count}, "") for count in ("100", "400")]
    found = _table({(0, "x"): rows[0], (1, "x"): rows[1]}, 2, "the CSV")
    # .5 * .5 / 100 and .5 * .5 / 400
    assert found.variances_MT[:, 0] == pytest.approx([0.0025, 0.000625])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"joint": True}, "--joint fits buckets"),
        ({"joint": True, "buckets": 5, "kl_weight": [0.0]}, "--joint needs one --kl-weight above 0"),
        ({"joint": True, "buckets": 5, "learning_rate": 0.1}, "--learning-rate is about fitting by turns"),
        ({"kl_weight": [-1.0]}, "--kl-weight"),
        ({"steps": 0}, "--steps is 0, expected at least 1"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongOption, match=message):
        SalienceOptions(**options)


def test_exactly_one_of_accuracies_reports_and_predict_is_needed(losses, write_csv, fit, tmp_path) -> None:
    scores = losses(WORLD)
    with pytest.raises(WrongOption, match="none of --accuracies, --reports and --predict was given"):
        fit(scores)
    made = fit(scores, accuracies=write_csv(at(tmp_path, LINES)))
    with pytest.raises(WrongOption, match="--accuracies and --predict"):
        fit(scores, accuracies=write_csv(at(tmp_path, LINES)), predict=made)
    with pytest.raises(WrongOption, match="leave out the options of fitting"):
        fit(scores, FAST, predict=made)
    with pytest.raises(WrongOption, match="--metric names a number of --reports"):
        fit(scores, SalienceOptions(metric="maj@2"), accuracies=write_csv(at(tmp_path, LINES)))


def whet(*words: str, cwd: Path) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "whet.cli", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_from_three_checkpoints_to_the_report(tmp_path: Path) -> None:
    sums = [f"{a} + {b} = {a + b}" for a in range(1, 9) for b in range(1, 9)]
    texts = [{"text": "\n".join(sums[i : i + 8]), "source": "sums" if i % 16 else "more"} for i in range(0, 64, 8)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts))
    shown = [
        {"messages": [{"role": "user", "content": f"{a}+{b}"}], "answer": str(a + b), "text": f"{a} + {b} = {a + b}"}
        for a in range(1, 9)
        for b in range(1, 9)
    ]
    (tmp_path / "shown.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shown))
    whet("import", "texts.jsonl", "--kind", "texts", "--out", "texts", cwd=tmp_path)
    policies = [whet("init", "--size", "nano", "--out", "policy", cwd=tmp_path)]
    whet("import", "shown.jsonl", "--kind", "rollouts", "--tokenizer", "policy", "--out", "shown", cwd=tmp_path)
    training = ["--objective", "supervised", "--learning-rate", "3e-3", "--rollouts", "shown"]
    for steps in ("2", "12"):
        out = f"trained-{steps}"
        policies.append(whet("train-policy", "policy", *training, "--steps", steps, "--out", out, cwd=tmp_path))
    lines = ["checkpoint,benchmark,accuracy,questions,compute"]
    scores = []
    for place, (policy, accuracy) in enumerate(zip(policies, (0.1, 0.3, 0.6), strict=True)):
        made = whet("score", "texts", policy, "--method", "likelihood", "--out", f"losses-{place}", cwd=tmp_path)
        scores.append(made)
        lines.append(f"losses-{place},sums,{accuracy},64,{10.0 ** (6 + place)}")
    (tmp_path / "accuracies.csv").write_text("\n".join(lines) + "\n")
    given = ["--accuracies", "accuracies.csv", "--texts", "texts", "--tokenizer", policies[0]]
    fitted = whet("salience", *scores, *given, "--out", "salience", cwd=tmp_path)
    report = tmp_path / whet("eval", fitted, "--resamples", "100", "--out", "report", cwd=tmp_path)
    _, weights, predictions = storage.read(Artifact.open(tmp_path / fitted))
    assert weights["sums"].sum() == pytest.approx(1.0, abs=1e-5)
    # trained checkpoints read the sums better, so a falling curve through three points predicts them in this order
    assert predictions[0]["predicted"]["salience"] == sorted(predictions[0]["predicted"]["salience"])
    assert {"README.md", "metrics.json", "predicted.png", "salience.html"} <= {path.name for path in report.iterdir()}
    tokens = sum(length for _, length in storage.read(Artifact.open(tmp_path / fitted))[0]["texts"])
    assert (report / "salience.html").read_text().count("<span") == tokens
    predicted = whet("salience", scores[1], "--predict", fitted, "--out", "predicted", cwd=tmp_path)
    _, _, new = storage.read(Artifact.open(tmp_path / predicted))
    assert new[0]["predicted"]["salience"][0] == pytest.approx(predictions[0]["predicted"]["salience"][1], abs=1e-5)
