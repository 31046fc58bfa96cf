"""Drawing in rounds with a real policy whose pass rate is known, verified for real, stopped and resumed."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Stopped, Weights, WrongArtifact, make_problem
from whet.cli.main import main
from whet.stages.adaptive import Adaptive
from whet.stages.eval import EvalOptions
from whet.stages.eval import eval as evaluate
from whet.stages.init import InitOptions, init
from whet.stages.sample import SampleOptions, resolve, sample
from whet.stages.sampling import Sampling

PROBLEMS = 300


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`problems` with two options, A correct, and `policy`, which says A with probability 1/4, else B, then ends.

    Its layers add nothing, so the next token depends on the last one alone: anything -> A or B -> the end.
    """
    import torch
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("coin")
    draft = Draft.create(folder / "problems", kind="problems", stage="test", options={})
    for chunk in draft.chunks([0]):
        for number in range(PROBLEMS):
            asked = f"Question {number}: which one?\nA. this\nB. that"
            chunk.write(make_problem([{"role": "user", "content": asked}], "A", "choice"), number)
    draft.publish()
    fresh = Draft.create(folder / "fresh", kind="policy", stage="init", options={})
    init(fresh, InitOptions(context=256))
    made = fresh.publish()
    loader: Any = AutoModelForCausalLM
    model = loader.from_pretrained(made.path, tie_word_embeddings=False)
    from whet.stages.tokens import load_encoder

    encoder = load_encoder(made.path)
    a, b, end = encoder.encode("A")[0], encoder.encode("B")[0], encoder.end_id
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if "norm" in name else 0.0)
        width = math.sqrt(model.config.hidden_size)
        embeddings, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        embeddings[:, 0] = 1
        embeddings[[a, b], 0], embeddings[[a, b], 1] = 0.0, 1.0
        head[:, :2] = -40 / width
        head[a, 0], head[b, 0], head[end, 1] = math.log(0.25) / width, math.log(0.75) / width, 0
    (folder / "policy").mkdir()
    model.save_pretrained(folder / "policy")
    for file in made.path.iterdir():
        if "tokenizer" in file.name or file.name == "chat_template.jinja":
            (folder / "policy" / file.name).write_bytes(file.read_bytes())
    return folder


def drawn(inputs: Path, out: Path, stop_after: int | None = None, **adaptive: Any) -> Artifact[Any]:
    problems, policy = Artifact.open(inputs / "problems"), Weights(str(inputs / "policy"))
    options = SampleOptions(
        sampling=Sampling(rollouts_per_problem=4, max_tokens=8), precision="float32", adaptive=Adaptive(**adaptive)
    )
    options = resolve(options, problems, policy)
    draft = Draft.create(out, kind="rollouts", stage="sample", options={"adaptive": str(adaptive)})
    if stop_after is not None:
        told = 0

        def count(*_: Any, **__: Any) -> None:
            nonlocal told
            told += 1
            draft.stop.requested = told >= stop_after

        draft.progress = count  # type: ignore[method-assign]
    sample(problems, policy, draft, options)
    return draft.publish()


def test_it_takes_the_draws_that_were_planned_and_keeps_balanced_groups(inputs: Path, tmp_path: Path) -> None:
    """Pass rate 1/4, group 4, rounds of 8: 11.52 draws a problem; 5 standard errors of 300 problems are 1.4."""
    rollouts = drawn(inputs, tmp_path / "rollouts", until="balanced")
    counts = rollouts.manifest.counts
    assert counts["draws"] / PROBLEMS == pytest.approx(11.52, abs=1.4)
    assert counts["problems_resolved"] >= PROBLEMS - 4  # .9988 of them in four rounds
    assert counts["draws_correct"] / counts["draws"] == pytest.approx(0.25, abs=0.05)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rollouts.rows():
        groups.setdefault(row["problem_id"], []).append(row)
    assert len(groups) == PROBLEMS
    shares = Counter()
    for group in groups.values():
        assert len(group) == 4
        assert {(row["draws_total"], row["correct_total"]) for row in group} == {
            (group[0]["draws_total"], group[0]["correct_total"])
        }
        assert group[0]["draws_total"] in (8, 16, 24, 32)
        shares[sum(row["text"] == "A" for row in group)] += 1
    assert shares[2] >= PROBLEMS - 4
    assert rollouts.manifest.facts["stop_rule"] == "until balanced"
    report = Draft.create(tmp_path / "report", kind="report", stage="eval", options={})
    with pytest.raises(WrongArtifact, match="stop rule 'until balanced'"):
        evaluate([rollouts], report, EvalOptions())


def test_the_draws_of_a_problem_are_those_of_plain_sampling(inputs: Path, tmp_path: Path) -> None:
    """All that was drawn is kept on wish; draw 0, 1, 2 ... of a problem, none left out."""
    rollouts = drawn(inputs, tmp_path / "all", until="positive", keep="all", max_rollouts=12, round_rollouts=5)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rollouts.rows(["problem_id", "draw", "text", "draws_total", "correct_total"]):
        groups.setdefault(row["problem_id"], []).append(row)
    for group in groups.values():
        assert [row["draw"] for row in group] == list(range(group[0]["draws_total"]))
        assert sum(row["text"] == "A" for row in group) == group[0]["correct_total"]
        assert group[0]["draws_total"] in (5, 10, 12)
        assert group[0]["correct_total"] >= 1 or group[0]["draws_total"] == 12


def test_unresolved_problems_are_dropped_on_wish(inputs: Path, tmp_path: Path) -> None:
    """One round of 4: P(2 correct and 2 wrong) = 6 (1/4)^2 (3/4)^2 = 27/128; 300 problems give 63 +- 7."""
    rollouts = drawn(inputs, tmp_path / "few", until="balanced", max_rollouts=4, round_rollouts=4, unresolved="drop")
    assert len(rollouts) == 4 * rollouts.manifest.counts["problems_resolved"]
    counts = rollouts.manifest.counts
    assert counts["problems_resolved"] == pytest.approx(300 * 27 / 128, abs=35)
    assert (counts["problems"], counts["draws"]) == (PROBLEMS, 4 * PROBLEMS), "dropped problems were drawn too"


def test_dropped_problems_are_not_drawn_again(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the third round of the first chunk: the problems dropped or written by then are not asked again."""
    choose: dict[str, Any] = {"until": "balanced", "max_rollouts": 8, "round_rollouts": 4, "unresolved": "drop"}
    quiet = drawn(inputs, tmp_path / "quiet", **choose)
    with pytest.raises(Stopped):
        drawn(inputs, tmp_path / "stopped", stop_after=900, **choose)
    from whet.stages.rollout_drawing import RolloutDrawing

    asked = []
    really = RolloutDrawing.drawn

    def counted(self: RolloutDrawing, requests: list[Any]) -> Any:
        asked.extend(requests)
        return really(self, requests)

    monkeypatch.setattr(RolloutDrawing, "drawn", counted)
    resumed = drawn(inputs, tmp_path / "stopped", **choose)
    assert resumed.manifest.counts == quiet.manifest.counts
    assert len(asked) <= quiet.manifest.counts["draws"] - 800


def test_a_stopped_run_goes_on_to_the_same_rows(inputs: Path, tmp_path: Path) -> None:
    quiet = drawn(inputs, tmp_path / "quiet", until="balanced")
    for stop_after in (700, 1500):
        with pytest.raises(Stopped):
            drawn(inputs, tmp_path / "stopped", stop_after=stop_after, until="balanced")
    resumed = drawn(inputs, tmp_path / "stopped", until="balanced")
    columns = ["rollout_id", "problem_id", "draw", "token_ids", "draws_total", "correct_total"]
    assert [{**row, "rollout_id": ""} for row in resumed.rows(columns)] == [
        {**row, "rollout_id": ""} for row in quiet.rows(columns)
    ]
    assert resumed.manifest.counts == quiet.manifest.counts


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-rollouts", "8"], "go with --until"),
        (["--until", "balanced"], "--rollouts-per-problem 2 or more"),
        (["--until", "balanced", "--rollouts-per-problem", "64"], "expected at least --rollouts-per-problem (64)"),
        (["--verifying.strict"], "--verifying options go with --until"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    inputs: Path, tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sample", str(inputs / "problems"), str(inputs / "policy"), "--out", str(tmp_path / "x")]
    assert main([*command, *words]) == 2
    assert message in capsys.readouterr().err
