"""Rules and a verifier model together: who is asked about what, in any order, and what a stop leaves."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from whet.artifacts import make_problem
from whet.stages.cascade import Asker, case_of, counts_of
from whet.stages.opinions import Order
from whet.stages.verifiers import Case, Opinion
from whet.stages.verifying import AnswerPool, Verifying

PROBLEM = make_problem([{"role": "user", "content": "What is 2+2?"}], "4", "number")


class LastCharacter:
    """Says correct for ".", incorrect for "!", invalid for "?", unknown otherwise, last case first; notes the cases."""

    def __init__(self) -> None:
        self.asked: list[Case] = []

    def ask(self, cases: Iterable[tuple[int, Case]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        listed = list(cases)
        self.asked += [case for _, case in listed]
        says = {".": "correct", "!": "incorrect", "?": "invalid"}
        for number, case in reversed(listed):
            if stopping():
                return
            verdict = says.get(case.completion[-1], "unknown")
            failed = case.completion[-1] == "#"
            reason = "error: no answer" if failed else "label: none" if verdict == "unknown" else None
            yield number, Opinion(verdict, reason, 0.9, failed=failed)


TEXTS = {
    "right": r"\boxed{4}!",
    "wrong": r"\boxed{5}!",
    "wrong, overturned": r"\boxed{5}.",
    "wrong, no label": r"\boxed{5};",
    "no answer": "no idea?",
    "no answer, overturned": "That I worked out.",
    "truncated": "so we get 2+2 = .",
    "empty": " ",
    "reasoning only": "<think>4.</think>",
}


def decided(order: Order, model: LastCharacter, rules: bool = True, texts: dict[str, str] = TEXTS) -> dict[str, Any]:
    items = [(name, text, "length" if name == "truncated" else "stop", PROBLEM) for name, text in texts.items()]
    with AnswerPool(Verifying(workers=1)) as pool:
        asker = Asker(pool if rules else None, model, order=order, mode="direct", stopping=lambda: False)
        found = list(asker.verify(items))
    assert sorted(decision.key for decision in found) == sorted(texts)
    return {decision.key: decision.fields for decision in found}


def test_rules_first_asks_the_model_about_what_rules_reject_for_want_of_a_right_answer() -> None:
    model = LastCharacter()
    found = decided("rules-first", model)
    assert {case.completion for case in model.asked} == {
        TEXTS[name] for name in ("wrong", "wrong, overturned", "wrong, no label", "no answer", "no answer, overturned")
    }
    assert {name: row["verdict"] for name, row in found.items()} == {
        "right": "correct", "wrong": "incorrect", "wrong, overturned": "correct", "wrong, no label": "incorrect",
        "no answer": "invalid", "no answer, overturned": "correct", "truncated": "invalid", "empty": "invalid",
        "reasoning only": "invalid",
    }  # fmt: skip
    assert found["right"]["model_verdict"] is None
    assert found["wrong, overturned"]["rule_verdict"] == "incorrect"
    assert found["wrong, overturned"]["rule_reason"] is not None
    assert found["wrong, overturned"]["confidence"] == 0.9
    assert found["wrong, no label"]["marks"] == ["the verifier gives no label"]


def test_both_asks_the_model_about_right_answers_too() -> None:
    model = LastCharacter()
    found = decided("both", model)
    assert TEXTS["right"] in {case.completion for case in model.asked}
    assert (found["right"]["verdict"], found["right"]["reason"]) == (
        "incorrect", "rules say correct, the verifier incorrect",
    )  # fmt: skip
    assert found["wrong, overturned"]["verdict"] == "incorrect"


def test_model_first_asks_rules_about_what_the_model_cannot_tell() -> None:
    model = LastCharacter()
    found = decided("model-first", model)
    assert len(model.asked) == 7
    assert found["right"]["verdict"] == "incorrect"
    assert found["right"]["rule_verdict"] is None
    assert (found["wrong, no label"]["verdict"], found["wrong, no label"]["rule_verdict"]) == ("incorrect", "incorrect")
    assert found["wrong, no label"]["model_verdict"] == "unknown"
    assert found["truncated"]["verdict"] == "correct"


def test_the_model_alone_is_asked_about_everything_but_what_holds_nothing() -> None:
    model = LastCharacter()
    found = decided("model-first", model, rules=False)
    assert {name: row["verdict"] for name, row in found.items()} == {
        "right": "incorrect", "wrong": "incorrect", "wrong, overturned": "correct", "wrong, no label": "unknown",
        "no answer": "invalid", "no answer, overturned": "correct", "truncated": "correct", "empty": "invalid",
        "reasoning only": "invalid",
    }  # fmt: skip
    assert {row["rule_verdict"] for row in found.values()} == {None}
    assert (found["empty"]["reason"], found["reasoning only"]["reason"]) == (
        "empty", "no answer: nothing stands behind its reasoning",
    )  # fmt: skip
    assert (found["wrong"]["expected"], found["wrong"]["method"]) == ("4", "verifier, direct")


@pytest.mark.parametrize("rules", [True, False])
def test_a_problem_without_reference_is_broken_whoever_looks_at_it(rules: bool) -> None:
    model = LastCharacter()
    broken = make_problem([{"role": "user", "content": "What?"}], None)
    with AnswerPool(Verifying(workers=1)) as pool:
        for order in ("rules-first", "model-first", "both"):
            asker = Asker(pool if rules else None, model, order=order, mode="direct", stopping=lambda: False)
            (decision,) = asker.verify([(1, "It is 4.", "stop", broken)])
            assert decision.fields["verdict"] == "invalid"
            assert decision.fields["reason"].startswith("problem")
    assert model.asked == []


def test_a_row_that_could_not_be_asked_is_marked_failed() -> None:
    with AnswerPool(Verifying(workers=1)) as pool:
        for order in ("rules-first", "model-first", "both"):
            asker = Asker(pool, LastCharacter(), order=order, mode="direct", stopping=lambda: False)
            found = {
                one.key: one
                for one in asker.verify([(1, r"\boxed{5}#", "stop", PROBLEM), (2, r"\boxed{5}!", "stop", PROBLEM)])
            }
            assert (found[1].failed, found[2].failed) == (True, False)
            assert (found[1].fields["verdict"], found[1].fields["reason"]) == ("unknown", "error: no answer")


def test_the_part_behind_reasoning_is_what_the_model_is_shown() -> None:
    assert case_of("<think>5? 4!</think>\nIt is 4.", PROBLEM) == Case("What is 2+2?", "4", "It is 4.")


def test_the_verdicts_of_many_rows_do_not_depend_on_who_is_asked_when() -> None:
    texts = {f"{n}": rf"{n} \boxed{{{3 + n % 3}}}{'.!?;'[n % 4]}" for n in range(3000)}
    model = LastCharacter()
    found = decided("rules-first", model, texts=texts)
    # Every third is right: 1,000 of them, so the model is asked about 2,000, in blocks of 1,024.
    assert len(model.asked) == 2000
    says = {0: "correct", 1: "incorrect", 2: "invalid", 3: "incorrect"}
    assert {name: row["verdict"] for name, row in found.items()} == {
        str(n): "correct" if n % 3 == 1 else says[n % 4] for n in range(3000)
    }


def test_counts_tell_verdicts_their_kinds_and_both_opinions() -> None:
    assert counts_of({"verdict": "correct", "reason": None, "rule_verdict": "correct", "model_verdict": None}) == {
        "correct": 1
    }
    row = {
        "verdict": "invalid", "reason": "no answer: label C of the verifier", "rule_verdict": "incorrect",
        "model_verdict": "invalid", "marks": ["cut for the verifier: 9 tokens"],
    }  # fmt: skip
    assert counts_of(row) == {
        "invalid": 1, "invalid: no answer": 1, "asked": 1,
        "rules incorrect, verifier invalid": 1, "cut for the verifier": 1,
    }  # fmt: skip
