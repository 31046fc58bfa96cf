import json
import os
from pathlib import Path

import pytest

from whet.artifacts import Artifact, Draft, Stopped, WrongArtifact, make_problem, rollout_id
from whet.stages.deciding import Rules
from whet.stages.verify import VerifyOptions, verify
from whet.stages.verifying import AnswerPool, Verifying


def rollouts_of(folder, parts, problems=None):
    """An artifact of rollouts: `parts` holds for each part rows of (reference, text, finish reason, error)."""
    known = {
        answer: make_problem([{"role": "user", "content": f"It is {answer}?"}], answer)
        for part in parts
        for answer, *_ in part
    }
    draft = Draft.create(folder, kind="rollouts", stage="import", options={"rows": len(parts)})
    draft.embed_problems(known.values() if problems is None else problems)
    for chunk in draft.chunks(list(range(len(parts)))):
        for order, (answer, text, finish_reason, error) in enumerate(parts[chunk.index]):
            problem_id = known[answer]["problem_id"]
            chunk.write(
                {
                    "rollout_id": rollout_id("recipe", problem_id, chunk.index * 1000 + order),
                    "problem_id": problem_id,
                    "draw": order,
                    "text": text,
                    "finish_reason": finish_reason,
                    "error": error,
                },
                order,
            )
    return draft.publish()


def verified(rollouts, folder, **options):
    draft = Draft.create(folder, kind="verdicts", stage="verify", options={}, inputs={"rollouts": rollouts})
    verify(rollouts, draft, VerifyOptions(**options))
    return draft.publish()


PARTS = [
    [
        ("4", r"\boxed{4}", "stop", None),
        ("4", r"\boxed{2+2}", "stop", None),
        ("4", r"\boxed{5}", "stop", None),
        ("4", "no idea", "stop", None),
    ],
    [
        (r"\frac12", "The answer is 0.5", "stop", None),
        (r"\frac12", r"\boxed{1/3} x", "length", None),
        (r"\frac12", "so we", "length", None),
        (r"\frac12", None, None, "the server did not answer"),
    ],
]


def test_every_rollout_gets_one_verdict_in_its_order_and_part_and_the_manifest_counts_them(tmp_path):
    rollouts = rollouts_of(tmp_path / "r", PARTS)
    verdicts = verified(rollouts, tmp_path / "v", max_unknown=1.0)
    rows = list(verdicts.rows())
    assert [row["rollout_id"] for row in rows] == [row["rollout_id"] for row in rollouts.rows()]
    assert [row["verdict"] for row in rows] == [
        "correct", "correct", "incorrect", "invalid", "correct", "incorrect", "invalid", "unknown",
    ]  # fmt: skip
    assert [row["reason"] for row in rows] == [
        None,
        None,
        "another number",
        "no answer",
        None,
        "another number",
        "truncated",
        "error: no rollout: the server did not answer",
    ]
    assert [part.rows for part in verdicts.parts] == [4, 4]
    assert [row["problem_id"] for row in rows] == [row["problem_id"] for row in rollouts.rows()]
    # The manifest says whose verdicts these are, and how many of each there are.
    assert verdicts.manifest.facts["belongs_to"] == {"rollouts": rollouts.digest}
    assert verdicts.manifest.counts == {
        "correct": 3,
        "incorrect": 2,
        "invalid": 2,
        "invalid: no answer": 1,
        "invalid: truncated": 1,
        "unknown": 1,
        "unknown: error": 1,
    }


def test_too_many_unknown_verdicts_close_the_gate(tmp_path):
    rollouts = rollouts_of(tmp_path / "r", PARTS)
    draft = Draft.create(tmp_path / "v", kind="verdicts", stage="verify", options={}, inputs={"rollouts": rollouts})
    verify(rollouts, draft, VerifyOptions(max_unknown=0.1))  # 1 of 8 is .125
    assert "1 of 8 verdicts are unknown (1 error), more than --max-unknown 0.1" in draft.gates["max-unknown"]
    other = Draft.create(tmp_path / "w", kind="verdicts", stage="verify", options={}, inputs={"rollouts": rollouts})
    verify(rollouts, other, VerifyOptions(max_unknown=0.125))
    assert not other.gates


def test_runtime_options_change_no_row(tmp_path):
    rollouts = rollouts_of(tmp_path / "r", PARTS)
    one = verified(rollouts, tmp_path / "one", by=Rules(workers=1), max_unknown=0.5)
    three = verified(rollouts, tmp_path / "three", by=Rules(workers=3), max_unknown=1.0)
    assert one.digest == three.digest


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    parts = [[("4", rf"\boxed{{{n}+1}}", "stop", None) for n in range(40)], PARTS[1]]
    rollouts = rollouts_of(tmp_path / "r", parts)
    whole = verified(rollouts, tmp_path / "whole", max_unknown=1.0)

    def draft():
        return Draft.create(tmp_path / "v", kind="verdicts", stage="verify", options={}, inputs={"rollouts": rollouts})

    first = draft()
    seen = []

    def stop_at_ten(done, total, unit="rows", **shown):
        seen.append(done)
        first.stop.requested = len(seen) == 10

    first.progress = stop_at_ten
    with pytest.raises(Stopped):
        verify(rollouts, first, VerifyOptions(max_unknown=1.0))
    first.close()
    second, again = draft(), []
    second.progress = lambda done, total, unit="rows", **shown: again.append(done)
    verify(rollouts, second, VerifyOptions(max_unknown=1.0))
    assert second.publish().digest == whole.digest
    # 44 rows in all; the 11th was written before the stop was noticed.
    assert len(again) == 44 - 11


def test_a_rollout_without_its_problem_is_refused(tmp_path):
    rollouts = rollouts_of(tmp_path / "r", PARTS, problems=[])
    with pytest.raises(WrongArtifact, match="has no problem"):
        verified(rollouts, tmp_path / "v")


def real_data():
    """The folder of real data that WHET_DATA names; skips loudly without it."""
    folder = os.environ.get("WHET_DATA")
    if not folder:
        pytest.skip(
            "WHET_DATA names no folder with math_rollouts_100x8.jsonl and gsm8k_test.jsonl: real data not checked"
        )
    return Path(folder)


def read_lines(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def judged(rows, **options):
    """Verdicts on rows in the form of the file: question, gt, response (several), each with its label in score."""
    items, labels = [], {}
    for row in rows:
        problem = make_problem([{"role": "user", "content": row["question"]}], row["gt"])
        for draw, (text, label) in enumerate(zip(row["response"], row["score"], strict=True)):
            items.append(((row["idx"], draw), text, "stop", problem))
            labels[row["idx"], draw] = label
    with AnswerPool(Verifying(**options)) as pool:
        return dict(pool.verify(items)), labels


def pairs_called_equal(references):
    """Every reference as the answer to every other: the ordered pairs of different texts that are called equal."""
    items = [
        ((one, other), rf"\boxed{{{other}}}", "stop", make_problem([{"role": "user", "content": "Say."}], one))
        for one in references
        for other in references
    ]
    with AnswerPool(Verifying()) as pool:
        found = {key: verdict["verdict"] for key, verdict in pool.verify(items)}
    assert {found[one, one] for one in references} == {"correct"}
    assert set(found.values()) <= {"correct", "incorrect"}
    return {pair for pair, verdict in found.items() if verdict == "correct" and pair[0] != pair[1]}


FIXTURE = [
    # reference, right answers, wrong answers
    ("420", [r"\boxed{420}", "The answer is 420."], [r"\boxed{42}", r"\boxed{-420}"]),
    (r"\frac{1}{9}", [r"\boxed{\dfrac{1}{9}}", r"\boxed{1/9}"], [r"\boxed{9}", r"\boxed{0.11}"]),
    ("4:30p..", [], [r"\boxed{4:30 \text{ p.m.}}", r"\boxed{4}"]),
    ("6290000", [r"\boxed{6{,}290{,}000}", "#### 6290000"], [r"\boxed{6287000}", r"\boxed{6.29}"]),
    ("4t", [r"\boxed{4t}", r"\boxed{4 \cdot t}"], [r"\boxed{4}", r"\boxed{4t+1}"]),
    ("4a-2", [r"\boxed{4a - 2}", r"\boxed{2(2a-1)}"], [r"\boxed{4a+2}", r"\boxed{2}"]),
    (r"12\frac{3}{5}", [r"\boxed{12 \frac{3}{5}}", r"\boxed{12.6}"], [r"\boxed{12}", r"\boxed{36/5}"]),
    (r"7\pi", [r"\boxed{7\pi}", r"\boxed{7 \pi \text{ cm}}"], [r"\boxed{22}", r"\boxed{7}"]),
    ("900,000,000", [r"\boxed{900000000}", r"\boxed{9 \times 10^8}"], [r"\boxed{900}", r"\boxed{9 \times 10^9}"]),
    ("3,250", [r"\boxed{3250}", r"\boxed{3,250}"], [r"\boxed{3, 250}", r"\boxed{3.25}"]),
    ("10{,}000", [r"\boxed{10000}"], [r"\boxed{9999}", r"\boxed{9999\frac{6}{7}}", r"\boxed{9999.857142857143}"]),
    ("37.50", [r"\boxed{\$37.50}", r"\boxed{37.5}"], [r"\boxed{37}", r"\boxed{37.05}"]),
    ("A", [r"\boxed{A}", r"\boxed{\text{(A)}}"], [r"\boxed{C}", r"\boxed{B}"]),
    (r"-\frac{40}{153}", [r"\boxed{-\frac{40}{153}}", r"\boxed{\frac{-40}{153}}"], [r"\boxed{\frac{40}{153}}"]),
    (r"0.5", [r"\boxed{\frac12}"], [r"\boxed{5}", r"\boxed{0.05}"]),
]


def fixture_rows():
    return [
        {
            "idx": index,
            "question": "Compute it.",
            "gt": reference,
            "response": ["We work it out. Therefore " + text for text in [*right, *wrong]],
            "score": [True] * len(right) + [False] * len(wrong),
        }
        for index, (reference, right, wrong) in enumerate(FIXTURE)
    ]


def test_verdicts_agree_with_the_labels_of_the_fixture():
    found, labels = judged(fixture_rows())
    assert {key: one["verdict"] for key, one in found.items()} == {
        key: "correct" if label else "incorrect" for key, label in labels.items()
    }


def test_references_of_the_fixture_equal_themselves_and_only_what_is_equal():
    references = [reference for reference, _, _ in FIXTURE] + ["1/2", "4", "3,2500", "4 t", "12.6"]
    same = {("0.5", "1/2"), ("4t", "4 t"), (r"12\frac{3}{5}", "12.6")}
    assert pairs_called_equal(references) == same | {(b, a) for a, b in same}


def test_real_verdicts_agree_with_the_labels():
    rows = read_lines(real_data() / "math_rollouts_100x8.jsonl")
    found, labels = judged(rows)
    assert len(found) == 800
    other = {
        (*key, rows[key[0]]["gt"], one["extracted"]): (labels[key], one["verdict"], one["reason"])
        for key, one in found.items()
        if one["verdict"] != ("correct" if labels[key] else "incorrect")
    }
    assert len(other) <= 1, other
    # Row 72, draw 7: the label itself is wrong, `10{,}000` is 10000.
    assert other == {(72, 7, "10{,}000", "10000"): (False, "correct", None)}


def test_real_references_are_equal_to_themselves_alone():
    references = sorted({row["gt"] for row in read_lines(real_data() / "math_rollouts_100x8.jsonl")})
    assert len(references) == 77
    assert pairs_called_equal(references) == set()


def stated(reference):
    """A reference as an answer, in the ways in which rollouts state one."""
    return [rf"\boxed{{{reference}}}", f"The answer is {reference}.", f"#### {reference}"]


@pytest.mark.parametrize("name", ["gsm8k_test.jsonl", "gsm8k_train_2000.jsonl"])
def test_real_numbers_verify_against_themselves(name):
    rows = read_lines(real_data() / name)
    items = [
        ((index, way), text, "stop", make_problem([{"role": "user", "content": row["question"]}], answer, "number"))
        for index, row in enumerate(rows)
        for number in [row["answer"].split("####")[1].strip()]
        # The reference as the data set has it, with its reasoning, and the number alone.
        for answer in (row["answer"], number)
        for way, text in enumerate([row["answer"], *stated(number)])
    ]
    with AnswerPool(Verifying()) as pool:
        found = list(pool.verify(items))
        assert pool.workers.parent is None
    assert [(rows[index]["answer"], one) for (index, _), one in found if one["verdict"] != "correct"] == []
    assert len(found) == 2 * 4 * len(rows)


@pytest.mark.parametrize("answer_type", [None, "math"])
def test_real_references_of_mathematics_verify_against_themselves(answer_type):
    rows = read_lines(real_data() / "math_rollouts_100x8.jsonl")
    items = [
        (
            (index, way),
            text,
            "stop",
            make_problem([{"role": "user", "content": row["question"]}], row["gt"], answer_type),
        )
        for index, row in enumerate(rows)
        for way, text in enumerate(stated(row["gt"]))
    ]
    with AnswerPool(Verifying()) as pool:
        found = list(pool.verify(items))
    assert [(rows[index]["gt"], way, one) for (index, way), one in found if one["verdict"] != "correct"] == []


def test_an_artifact_of_the_real_form_keeps_its_rows(tmp_path):
    rows = fixture_rows()
    parts = [[(row["gt"], text, "stop", None) for row in rows for text in row["response"]]]
    rollouts = rollouts_of(tmp_path / "r", parts)
    verdicts = verified(rollouts, tmp_path / "v")
    assert isinstance(verdicts, Artifact)
    labels = [label for row in rows for label in row["score"]]
    assert [row["verdict"] == "correct" for row in verdicts.rows()] == labels
