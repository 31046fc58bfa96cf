"""`whet verify` with a verifier model, the cascade, references against themselves, unknown verdicts given anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Stopped, Weights, WrongArtifact, make_problem, rollout_id
from whet.artifacts.recipe import digests_of
from whet.cli.main import main
from whet.cli.options import record
from whet.stages.deciding import Cascade, Model, Rules
from whet.stages.verifiers.asking import Asking, ChainOfThought, Direct
from whet.stages.verify import VerifyOptions, resolve, verify

FLOAT32 = Asking(precision="float32")
TEXTS = [
    # text, by rules, by the verifier: "." correct, "!" incorrect, "?" invalid, ";" correct with .6, else no label
    (r"\boxed{4}!", "correct", "incorrect"),
    (r"\boxed{5}!", "incorrect", "incorrect"),
    (r"\boxed{5}.", "incorrect", "correct"),
    (r"\boxed{5};", "incorrect", "correct"),
    (r"\boxed{5}", "incorrect", "unknown"),
    ("no idea?", "invalid", "invalid"),
    ("That I worked out.", "invalid", "correct"),
]


def rollouts_of(folder: Path, texts: Sequence[str], parts: int = 2, errors: Sequence[int] = ()) -> Artifact[Any]:
    """Rollouts of one problem whose reference is 4, dealt to so many parts."""
    problem = make_problem([{"role": "user", "content": "What is 2+2?"}], "4", "number")
    draft = Draft.create(folder, kind="rollouts", stage="import", options={"texts": list(texts)})
    draft.embed_problems([problem])
    for chunk in draft.chunks(list(range(parts))):
        for order, draw in enumerate(range(chunk.index, len(texts), parts)):
            failed = draw in errors
            chunk.write(
                {
                    "rollout_id": rollout_id("recipe", problem["problem_id"], draw),
                    "problem_id": problem["problem_id"],
                    "draw": draw,
                    "text": None if failed else texts[draw],
                    "finish_reason": None if failed else "stop",
                    "error": "the server did not answer" if failed else None,
                },
                order,
            )
    return draft.publish()


def draft_of(folder: Path, rollouts: Artifact[Any], options: VerifyOptions, **inputs: Any) -> Draft[Any]:
    given = {"rollouts": rollouts, **inputs}
    semantic = record(options)[0]
    return Draft.create(folder, kind="verdicts", stage="verify", options=semantic, inputs=given)


def verified(folder: Path, rollouts: Artifact[Any], options: VerifyOptions, **inputs: Any) -> Artifact[Any]:
    options = resolve(options, rollouts, **inputs)
    draft = draft_of(folder, rollouts, options, **inputs)
    verify(rollouts, draft, options, **inputs)
    return draft.publish()


def by_text(rollouts: Artifact[Any], verdicts: Artifact[Any]) -> dict[str, Any]:
    return {row["text"]: verdict for row, verdict in zip(rollouts.rows(["text"]), verdicts.rows(), strict=True)}


@pytest.fixture
def rollouts(tmp_path: Path) -> Artifact[Any]:
    return rollouts_of(tmp_path / "rollouts", [text for text, _, _ in TEXTS])


def test_a_model_gives_its_labels_with_their_confidence(
    rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path
) -> None:
    options = VerifyOptions(by=Model(asking=FLOAT32), max_unknown=1.0)
    verdicts = verified(tmp_path / "v", rollouts, options, verifier=Weights(str(marked_verifier)))
    assert [row["rollout_id"] for row in verdicts.rows()] == [row["rollout_id"] for row in rollouts.rows()]
    found = by_text(rollouts, verdicts)
    assert {text: row["verdict"] for text, row in found.items()} == {text: by_model for text, _, by_model in TEXTS}
    assert found[r"\boxed{5};"]["confidence"] == pytest.approx(0.6, abs=1e-4)
    assert found[r"\boxed{5}."]["confidence"] == pytest.approx(1.0)
    assert found[r"\boxed{5}"]["reason"].startswith("label: A, B, C have ")
    assert found[r"\boxed{5}"]["confidence"] is None
    assert {row["rule_verdict"] for row in found.values()} == {None}
    assert {row["method"] for row in found.values()} == {"verifier, direct"}
    assert verdicts.manifest.counts == {
        "correct": 3, "incorrect": 2, "invalid": 1, "invalid: no answer": 1, "unknown": 1, "unknown: label": 1,
        "asked": 7,
    }  # fmt: skip
    facts = verdicts.manifest.facts["verifier"]
    assert facts["mode"] == "direct"
    assert facts["prompt"] == "Q: {question} R: {reference} C: {completion}"


def test_a_model_that_is_not_sure_enough_gives_no_verdict(
    rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path
) -> None:
    asking = Asking(precision="float32", mode=Direct(min_confidence=0.7))
    options = VerifyOptions(by=Model(asking=asking), max_unknown=0.2)
    verdicts = verified(tmp_path / "v", rollouts, options, verifier=Weights(str(marked_verifier)))
    row = by_text(rollouts, verdicts)[r"\boxed{5};"]
    assert (row["verdict"], row["reason"]) == ("unknown", "label: A with confidence 0.6, below 0.7")
    assert "2 of 7 verdicts are unknown (2 label)" in verdicts.manifest.gates["max-unknown"]


def test_a_model_that_writes_leaves_its_text(rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("{question}{reference}{completion}")
    from whet.artifacts import SourceFile

    asking = Asking(precision="float32", mode=ChainOfThought(max_tokens=4))
    options = VerifyOptions(by=Model(asking=asking), max_unknown=1.0)
    inputs = {"verifier": Weights(str(marked_verifier)), "prompt": SourceFile(str(tmp_path / "prompt.txt"))}
    verdicts = verified(tmp_path / "v", rollouts, options, **inputs)
    found = by_text(rollouts, verdicts)
    assert (found[r"\boxed{5}."]["verdict"], found[r"\boxed{5}."]["model_text"]) == ("correct", "A")
    assert (found["no idea?"]["verdict"], found["no idea?"]["model_text"]) == ("invalid", "C")
    # Behind no mark it writes z for ever.
    assert (found[r"\boxed{5}"]["model_text"], found[r"\boxed{5}"]["reason"]) == (
        "zzzz", "label: the verifier was cut before its verdict",
    )  # fmt: skip
    assert {row["method"] for row in found.values()} == {"verifier, chain-of-thought"}


def test_the_cascade_keeps_both_opinions_and_says_where_they_differ(
    rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path
) -> None:
    options = VerifyOptions(by=Cascade(asking=FLOAT32))
    verdicts = verified(tmp_path / "v", rollouts, options, verifier=Weights(str(marked_verifier)))
    found = by_text(rollouts, verdicts)
    assert {text: row["rule_verdict"] for text, row in found.items()} == {text: rules for text, rules, _ in TEXTS}
    assert {text: row["model_verdict"] for text, row in found.items()} == {
        text: None if rules == "correct" else model for text, rules, model in TEXTS
    }
    assert [found[text]["verdict"] for text, _, _ in TEXTS] == [
        "correct", "incorrect", "correct", "correct", "incorrect", "invalid", "correct",
    ]  # fmt: skip
    assert verdicts.manifest.facts["rules_against_verifier"] == {
        "incorrect": {"correct": 2, "incorrect": 1, "invalid": 0, "unknown": 1},
        "invalid": {"correct": 1, "incorrect": 0, "invalid": 1, "unknown": 0},
    }
    # Both known: 3 + 2; correct against not: 2 + 1.
    assert verdicts.manifest.facts["overturned"]["rows"] == 3
    assert verdicts.manifest.facts["overturned"]["of"] == 5


def test_batches_change_no_row_of_the_cascade(rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path) -> None:
    made = [
        verified(
            tmp_path / str(tokens), rollouts,
            VerifyOptions(by=Cascade(asking=Asking(precision="float32", verifier_batch_tokens=tokens))),
            verifier=Weights(str(marked_verifier)),
        )
        for tokens in (1, 100_000)
    ]  # fmt: skip
    one, other = ([{**row, "confidence": None} for row in verdicts.rows()] for verdicts in made)
    assert one == other


@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_a_stopped_cascade_goes_on_where_it_was(
    stop_after: int, rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path
) -> None:
    verifier = Weights(str(marked_verifier))
    options = resolve(VerifyOptions(by=Cascade(asking=FLOAT32)), rollouts, verifier=verifier)
    whole = verified(tmp_path / "whole", rollouts, options, verifier=verifier)
    first, seen = draft_of(tmp_path / "v", rollouts, options, verifier=verifier), []

    def stop(done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
        seen.append(done)
        first.stop.requested = len(seen) == stop_after

    first.progress = stop  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        verify(rollouts, first, options, verifier=verifier)
    first.close()
    second, again = draft_of(tmp_path / "v", rollouts, options, verifier=verifier), []
    second.progress = lambda done, total, unit="rows", **shown: again.append(done)  # type: ignore[method-assign]
    verify(rollouts, second, options, verifier=verifier)
    published = second.publish()
    assert list(published.rows()) == list(whole.rows())
    assert published.manifest.counts == whole.manifest.counts
    assert published.manifest.facts == whole.manifest.facts
    # A row whose write notices the stop is kept too.
    assert 7 - len(again) in (stop_after, stop_after + 1)


def test_a_prompt_counts_by_its_text_not_by_its_path(
    rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("one.txt", "{question}{reference}{completion}"),
        ("two.txt", "{question} {reference} {completion}"),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "copy.txt").write_text((tmp_path / "one.txt").read_text())
    monkeypatch.chdir(tmp_path)
    recipes = {}
    for name in ("one", "two", "copy"):
        words = [
            "verify",
            str(rollouts.path),
            "--by",
            "model",
            "--verifier",
            str(marked_verifier),
            "--max-unknown",
            "1",
        ]
        assert main([*words, "--precision", "float32", "--prompt", f"{name}.txt", "--out", name, "-q"]) == 0
        recipes[name] = Artifact.open(name).recipe
    assert recipes["one"] == recipes["copy"] != recipes["two"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--verifier", "{v}"], "--verifier or --server is read by --by model and --by cascade"),
        (["--prompt", "{p}"], "--prompt is read by --by model and --by cascade"),
        (["--min-confidence", "0.5"], "--min-confidence is read by --by model or cascade"),
        (["--order", "both"], "--order is read by --by cascade"),
        (["--by", "model"], "--verifier is missing"),
        (["--by", "model", "--verifier", "{v}", "--workers", "2"], "--workers is read by --by rules or cascade"),
        (["--by", "model", "--verifier", "{v}", "--order", "both"], "--order is read by --by cascade"),
        (["--by", "model", "--verifier", "{v}", "--max-tokens", "5"], "--max-tokens is read by --mode"),
        (["--by", "model", "--verifier", "{v}", "--server", "http://x/v1#y"], "expected one of them"),
        (["--by", "model", "--server", "{v}"], "expected http://HOST:PORT/v1#MODEL"),
        (["--by", "model", "--verifier", "{v}", "--serving.retries", "2"], "are for servers"),
        (["--by", "model", "--verifier", "{v}", "--allow-failed", "0.5"], "are for servers"),
        (["--by", "model", "--server", "http://x/v1#y", "--precision", "float32"], "--precision is for a verifier"),
        (["--by", "model", "--verifier", "{v}", "--mode", "chain-of-thought"], "was trained to give its label at once"),
    ],
)  # fmt: skip
def test_an_option_that_nobody_reads_is_refused(
    words: list[str], said: str, rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "p.txt").write_text("{question}{reference}{completion}")
    words = [word.format(v=marked_verifier, p=tmp_path / "p.txt") for word in words]
    assert main(["verify", str(rollouts.path), *words, "--out", str(tmp_path / "v")]) == 2
    assert said in capsys.readouterr().err


def test_the_log_shows_the_table_the_rate_and_overturned_rows(
    rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "verify",
        str(rollouts.path),
        "--by",
        "cascade",
        "--verifier",
        str(marked_verifier),
        "--precision",
        "float32",
    ]
    assert main([*words, "--out", str(tmp_path / "v")]) == 0
    told = capsys.readouterr().err
    assert "Rules against the verifier" in told
    assert "the verifier overturns 3 of 5 verdicts of the rules (60.0%)" in told
    assert "expected 4, found 5: rules say incorrect" in told
    assert "the verifier correct (0.60)" in told


def test_a_dry_run_shows_what_the_verifier_is_asked(
    rollouts: Artifact[Any], marked_verifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["verify", str(rollouts.path), "--by", "model", "--verifier", str(marked_verifier), "--dry-run"]
    assert main([*words, "--out", str(tmp_path / "v")]) == 0
    assert r"Q: What is 2+2? R: 4 C: \boxed{4}!" in capsys.readouterr().err


# --- references against themselves ---------------------------------------------------------------------------------


def problems_of(folder: Path, references: Sequence[tuple[str | None, str | None]]) -> Artifact[Any]:
    draft = Draft.create(
        folder, kind="problems", stage="import", options={"references": [list(one) for one in references]}
    )
    for chunk in draft.chunks([0, 1]):
        for order, (answer, answer_type) in enumerate(references[chunk.index :: 2]):
            chunk.write(make_problem([{"role": "user", "content": "What is it?"}], answer, answer_type), order)
    return draft.publish()


def test_references_are_checked_against_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems = problems_of(
        tmp_path / "p",
        [("4", "number"), (r"\frac{1}{2}", "math"), ("Paris", "text"), (None, None), ("#### 7", None), ("4", "number")],
    )
    assert main(["verify", str(problems.path), "--out", str(tmp_path / "v")]) == 4
    verdicts = Artifact.open(tmp_path / "v")
    # A problem that is listed twice is checked once.
    assert [row["verdict"] for row in verdicts.rows()] == ["correct", "correct", "correct", "correct", "invalid"]
    assert all(row["rollout_id"] == row["problem_id"] for row in verdicts.rows())
    assert verdicts.manifest.facts["belongs_to"] == {"problems": problems.digest}
    assert verdicts.manifest.counts == {"correct": 4, "invalid": 1, "invalid: problem": 1}
    assert "1 of 5 rows have a broken problem" in verdicts.manifest.gates["max-broken"]
    assert "problem: it has no reference answer" in capsys.readouterr().err
    assert main(["check", str(verdicts.path)]) == 0


def test_references_are_not_checked_by_a_model(tmp_path: Path, marked_verifier: Path) -> None:
    problems = problems_of(tmp_path / "p", [("4", "number")])
    words = ["verify", str(problems.path), "--by", "model", "--verifier", str(marked_verifier)]
    assert main([*words, "--out", str(tmp_path / "v")]) == 2


# --- unknown verdicts given anew -----------------------------------------------------------------------------------


def test_unknown_verdicts_are_given_anew_and_known_ones_kept(tmp_path: Path, marked_verifier: Path) -> None:
    rollouts = rollouts_of(tmp_path / "rollouts", [text for text, _, _ in TEXTS], errors=[1])
    verifier = Weights(str(marked_verifier))
    options = VerifyOptions(by=Model(asking=FLOAT32), max_unknown=1.0)
    first = verified(tmp_path / "first", rollouts, options, verifier=verifier)
    assert [row["verdict"] for row in first.rows()].count("unknown") == 2
    again = verified(tmp_path / "again", rollouts, VerifyOptions(by=Rules(), max_unknown=1.0), retry_unknown=first)
    for one, other in zip(first.rows(), again.rows(), strict=True):
        if one["verdict"] != "unknown":
            assert one == other
        else:
            assert one["rollout_id"] == other["rollout_id"]
    # The row without a label is incorrect by rules; the one whose rollout failed stays unknown.
    assert [row["verdict"] for row in again.rows()].count("unknown") == 1
    assert by_text(rollouts, again)[r"\boxed{5}"]["rule_verdict"] == "incorrect"
    assert again.manifest.counts["unknown: error"] == 1
    assert again.manifest.counts["correct"] == first.manifest.counts["correct"]


def test_known_verdicts_are_found_again_in_other_parts(tmp_path: Path, rollouts: Artifact[Any]) -> None:
    first = Draft.create(tmp_path / "first", kind="verdicts", stage="select", options={})
    first.facts["belongs_to"] = {"rollouts": rollouts.digest}
    ids = {row["rollout_id"]: row["problem_id"] for row in rollouts.rows()}
    for chunk in first.chunks([0]):
        for order, (key, problem) in enumerate(sorted(ids.items())):
            verdict = "unknown" if order == 3 else "invalid"
            chunk.write({"rollout_id": key, "problem_id": problem, "verdict": verdict, "reason": "refusal"}, order)
    again = verified(tmp_path / "again", rollouts, VerifyOptions(), retry_unknown=first.publish())
    redone = sorted(ids)[3]
    for row in again.rows():
        assert (row["reason"] == "refusal") == (row["rollout_id"] != redone)


def test_verdicts_of_other_rollouts_are_refused(tmp_path: Path, rollouts: Artifact[Any]) -> None:
    others = rollouts_of(tmp_path / "others", ["4", "5"])
    first = verified(tmp_path / "first", others, VerifyOptions(max_unknown=1.0))
    with pytest.raises(WrongArtifact, match="holds verdicts of other rollouts"):
        verified(tmp_path / "again", rollouts, VerifyOptions(), retry_unknown=first)


def test_the_retried_verdicts_are_part_of_the_recipe(tmp_path: Path, rollouts: Artifact[Any]) -> None:
    first = verified(tmp_path / "first", rollouts, VerifyOptions())
    assert digests_of({"retry_unknown": first}) == {"retry_unknown": [first.digest]}
    again = verified(tmp_path / "again", rollouts, VerifyOptions(), retry_unknown=first)
    assert again.recipe != first.recipe
    assert again.digest == first.digest


# --- a verifier behind a server ------------------------------------------------------------------------------------


def answering(asked: Any) -> Any:
    """A server whose verifier says what the marked one does, but asked about a "~" it is out of order."""
    last = asked.body["messages"][0]["content"].rpartition("C: ")[2][-1]
    if last == "~":
        return 503, {"error": {"message": "busy"}}
    label = {".": "A", "!": "B", "?": "C"}.get(last, "z")
    likely = [{"token": label, "logprob": -0.01}, {"token": "x", "logprob": -5.0}]
    return {
        "choices": [
            {
                "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": label},
                "logprobs": {"content": [{"token": label, "logprob": -0.01, "top_logprobs": likely}]},
            }
        ]
    }  # fmt: skip


@pytest.fixture
def served(local_server: Any, tmp_path: Path) -> list[str]:
    """The words of a command that asks a server about six rollouts, one of which it never answers for."""
    rollouts = rollouts_of(
        tmp_path / "rollouts", [r"\boxed{4}.", r"\boxed{5}!", r"\boxed{5}.", "so?", r"\boxed{5}~", "no?"], parts=1
    )
    (tmp_path / "prompt.txt").write_text("Q: {question} R: {reference} C: {completion}")
    url = f"{local_server(answering).url}#marked"
    return [
        "verify", str(rollouts.path), "--by", "model", "--server", url, "--prompt", str(tmp_path / "prompt.txt"),
        "--serving.retries", "0",
    ]  # fmt: skip


def test_rows_that_a_server_leaves_unanswered_keep_the_draft(
    served: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "v"
    assert main([*served, "--allow-failed", "0.1", "--out", str(out)]) == 75
    assert (
        "1 of 6 rows of a part could not be asked (error: no answer from the server: HTTP 503"
        in capsys.readouterr().err
    )
    assert not list(out.glob("v*"))
    assert main([*served, "--allow-failed", "0.2", "--max-unknown", "0.2", "--out", str(out)]) == 0
    verdicts = Artifact.open(out)
    assert [row["verdict"] for row in verdicts.rows()] == [
        "correct", "incorrect", "correct", "invalid", "unknown", "invalid",
    ]  # fmt: skip
    assert verdicts.manifest.counts["unknown: error"] == 1
    assert [row["confidence"] for row in verdicts.rows()] == [1.0, 1.0, 1.0, 1.0, None, 1.0]


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("--allow-failed", ("0.5", "1.0")),
        ("--serving.concurrency", ("1", "64")),
        ("--serving.retries", ("0", "1")),
        ("--serving.timeout-seconds", ("10", "20")),
        ("--serving.api-key-env", ("OPENAI_API_KEY", "MY_KEY")),
    ],
)
def test_how_a_server_is_asked_changes_no_row(
    flag: str, values: tuple[str, str], served: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "a-key-that-nobody-checks")
    made = []
    for value in values:
        words = [*served, "--max-unknown", "1", "--allow-failed", "0.5", flag, value]
        assert main([*words, "--out", str(tmp_path / value / "v"), "-q"]) == 0
        made.append(Artifact.open(tmp_path / value / "v"))
    assert made[0].recipe == made[1].recipe
    assert [row["verdict"] for row in made[0].rows()] == [row["verdict"] for row in made[1].rows()]


def test_a_key_in_the_url_of_a_server_stands_nowhere(served: list[str], tmp_path: Path) -> None:
    words = [word.replace("http://", "http://me:swordfish@") for word in served]
    assert main([*words, "--max-unknown", "1", "--allow-failed", "0.5", "--out", str(tmp_path / "v"), "-q"]) == 0
    for file in (tmp_path / "v").rglob("*"):
        assert not file.is_file() or b"swordfish" not in file.read_bytes()
