import pytest

from whet.artifacts import WrongOption, make_problem
from whet.stages.verifying import AnswerPool, Verifying


def problem(answer, answer_type=None, question="How much is it?"):
    return make_problem([{"role": "user", "content": question}], answer, answer_type)


@pytest.fixture(scope="module", autouse=True)
def usual():
    """One pool with the usual options for all tests that change none: starting workers takes a second."""
    with AnswerPool(Verifying()) as pool:
        USUAL.append(pool)
        yield
    USUAL.clear()


USUAL: list[AnswerPool] = []


def verdicts(items, **options):
    rows = [(key, *item) for key, item in enumerate(items)]
    if not options:
        return dict(USUAL[0].verify(rows))
    with AnswerPool(Verifying(**options)) as pool:
        return dict(pool.verify(rows))


def verdict(text, answer, finish_reason="stop", answer_type=None, question="How much is it?", **options):
    return verdicts([(text, finish_reason, problem(answer, answer_type, question))], **options)[0]


def test_a_verdict_says_what_was_found_where_and_how():
    assert verdict(r"so it is \boxed{\frac{2}{4}}.", "0.5") == {
        "verdict": "correct",
        "reason": None,
        "rule_verdict": "correct",
        "rule_reason": None,
        "model_verdict": None,
        "model_reason": None,
        "model_text": None,
        "answer_type": "number",
        "extracted": r"\frac{2}{4}",
        "span_start": 16,  # "so it is " has 9 characters, "\boxed{" has 7
        "span_end": 27,
        "expected": "0.5",
        "method": "box, number",
        "confidence": None,
        "token_f1": None,
        "marks": None,
    }


CASES = [
    # text, reference, finish reason, verdict, reason
    (r"\boxed{4}", "4", "stop", "correct", None),
    (r"\boxed{5}", "4", "stop", "incorrect", "another number"),
    (r"\boxed{4t}", "4", "stop", "incorrect", "another value"),
    (r"\boxed{the cat}", "4", "stop", "incorrect", "answer not understood: the word 'the'"),
    ("I think 4", "4", "stop", "invalid", "no answer"),
    ("I think 4", "4", None, "invalid", "no answer"),
    ("", "4", "stop", "invalid", "empty"),
    (None, "4", "stop", "invalid", "empty"),
    ("I think 4", "4", "length", "invalid", "truncated"),
    ("<think>so 4", "4", "length", "invalid", "truncated"),
    (r"\boxed{4} and now", "4", "length", "correct", None),
    (r"\boxed{5} and now", "4", "length", "incorrect", "another number"),
    (r"\boxed{4", "4", "length", "invalid", "truncated"),
    (r"\boxed{4", "4", "stop", "correct", None),
    ("The answer is 4", "42", "length", "invalid", "truncated"),
    ("The answer is 4", "4", "length", "invalid", "truncated"),
    ("The answer is 4. Now", "4", "length", "correct", None),
    (r"\boxed{4}", "", "stop", "invalid", "problem: it has no reference answer"),
    (r"\boxed{4}", "x^{2", "stop", "unknown", "reference not understood: x^{2"),
]


@pytest.mark.parametrize(("text", "reference", "finish_reason", "expected", "reason"), CASES)
def test_verdicts_and_their_reasons(text, reference, finish_reason, expected, reason):
    found = verdict(text, reference, finish_reason)
    assert (found["verdict"], found["reason"]) == (expected, reason)


def test_an_answer_before_the_cut_is_verified_and_marked():
    assert verdict(r"\boxed{4} and now", "4", "length")["marks"] == ["cut by length after its answer"]
    assert verdict(r"\boxed{5} and now", "4", "length")["marks"] == ["cut by length after its answer"]
    assert verdict(r"\boxed{4} and now", "4", "stop")["marks"] is None


def test_a_problem_without_an_answer_is_invalid():
    found = verdicts([(r"\boxed{4}", "stop", {**problem("4"), "answer": None})])[0]
    assert (found["verdict"], found["expected"]) == ("invalid", None)


def test_the_type_comes_from_the_option_else_from_the_problem_else_from_the_reference():
    assert verdict(r"\boxed{4.0}", "4")["answer_type"] == "number"
    assert verdict(r"\boxed{4.0}", "4")["verdict"] == "correct"
    assert verdict(r"\boxed{4.0}", "4", answer_type="text")["verdict"] == "incorrect"
    found = verdicts([(r"\boxed{4.0}", "stop", problem("4", "text"))], answer_type="math")[0]
    assert (found["answer_type"], found["verdict"]) == ("math", "correct")


def test_an_unheard_of_type_is_unknown_and_says_so():
    found = verdict(r"\boxed{4}", "4", answer_type="molecule")
    assert found["verdict"] == "unknown"
    assert (
        found["reason"]
        == "error: answer type 'molecule' is none of text, number, math, choice, boolean, sequence, multi, json"
    )


def test_percent_counts_only_where_the_question_asks_for_it():
    assert verdict(r"\boxed{25\%}", "25", question="What percent is left?")["verdict"] == "correct"
    assert verdict(r"\boxed{25\%}", "25", question="How many are left?")["verdict"] == "incorrect"
    # The same answer under both questions in one run: the flag is part of what is cached.
    both = [
        (r"\boxed{25\%+0}", "stop", problem("25", None, "What percent is left?")),
        (r"\boxed{25\%, 75\%}", "stop", problem("25,75", None, "What percentages are these?")),
        (r"\boxed{25\%, 75\%}", "stop", problem("25, 75", None, "What percentage is each?")),
        (r"\boxed{25\%, 75\%}", "stop", problem("25, 75", None, "How many are these?")),
    ]
    assert [found["verdict"] for _, found in sorted(verdicts(both).items())][2:] == ["correct", "incorrect"]


def test_options_of_the_question_are_known():
    question = "Which barks?\nA. a cat\nB. a dog"
    assert verdict("The answer is a dog.", "B", question=question)["verdict"] == "correct"
    assert verdict("The answer is B. a cat", "B", question=question)["verdict"] == "incorrect"


HANGING = r"\boxed{9^{9^{9^9}}}"


def test_a_row_that_hangs_is_unknown_and_no_other_verdict_changes():
    good = [(rf"\boxed{{{n}+1}}", "stop", problem(str(n + 1))) for n in range(20)]
    alone = verdicts(good, timeout_seconds=0.5)
    mixed = verdicts([*good[:10], (HANGING, "stop", problem("4")), *good[10:]], timeout_seconds=0.5, workers=2)
    assert (mixed[10]["verdict"], mixed[10]["reason"]) == ("unknown", "timeout")
    assert [mixed[key] for key in [*range(10), *range(11, 21)]] == [alone[key] for key in range(20)]
    assert {found["verdict"] for found in alone.values()} == {"correct"}


def test_the_number_of_workers_changes_no_verdict():
    texts = [r"\boxed{2+2}", r"\boxed{x=4}", r"\boxed{\sqrt{16}}", r"\boxed{4t}", r"\boxed{5}", "none", r"\boxed{2^2}"]
    items = [(text, "stop", problem("4")) for text in texts * 5]
    one, three = verdicts(items, workers=1), verdicts(items, workers=3)
    assert one == three
    assert [one[key]["verdict"] for key in range(7)] == [
        "correct", "correct", "correct", "incorrect", "incorrect", "invalid", "correct",
    ]  # fmt: skip


@pytest.mark.slow
def test_repeated_answers_are_worked_out_once():
    with AnswerPool(Verifying(workers=1, timeout_seconds=0.5)) as pool:
        items = [(key, HANGING, "stop", problem("4")) for key in range(200)]
        first = dict(pool.verify(items))
        again = dict(pool.verify(items))
        assert pool.workers.submitted == 1
    assert first == again
    assert {found["reason"] for found in first.values()} == {"timeout"}


def test_plain_answers_start_no_worker():
    with AnswerPool(Verifying()) as pool:
        found = dict(pool.verify((n, rf"\boxed{{{n}}}", "stop", problem("7")) for n in range(50)))
        assert pool.workers.parent is None
    assert [key for key, one in found.items() if one["verdict"] == "correct"] == [7]


@pytest.mark.slow
def test_a_pool_can_be_used_again_after_a_loop_that_was_left():
    with AnswerPool(Verifying(workers=2)) as pool:
        items = [(n, rf"\boxed{{{n}+1}}", "stop", problem(str(n + 1))) for n in range(30)]
        for _ in pool.verify(items):
            break
        assert {one["verdict"] for _, one in pool.verify(items)} == {"correct"}


@pytest.mark.slow
def test_items_are_read_as_they_are_needed():
    taken = []

    def endless():
        n = 0
        while True:
            taken.append(n)
            yield n, rf"\boxed{{{n}+1}}", "stop", problem(str(n + 1))
            n += 1

    with AnswerPool(Verifying(workers=2)) as pool:
        stream = pool.verify(endless())
        for _ in range(50):
            next(stream)
    # At most 8 tasks a worker wait, and one more item was read.
    assert len(taken) <= 50 + 2 * 8 + 2


@pytest.mark.parametrize(
    ("option", "value", "flag"),
    [
        ("timeout_seconds", 0, "--timeout-seconds"),
        ("decimal_tolerance", 1, "--decimal-tolerance"),
        ("memory_megabytes", 10, "--memory-megabytes"),
        ("workers", 0, "--workers"),
    ],
)
def test_options_out_of_range_are_refused_by_their_flag(option, value, flag):
    with pytest.raises(WrongOption, match=f"{flag} is {value}, expected"):
        Verifying(**{option: value})


def test_the_decimal_tolerance_is_an_option():
    assert verdict(r"\boxed{13.19}", "13.18")["verdict"] == "incorrect"
    # .02 <= 13.2 * .01 = .132, and <= .05, half the last place of 13.2
    assert verdict(r"\boxed{13.2}", "13.18", decimal_tolerance=1e-2)["verdict"] == "correct"
    assert verdict(r"\boxed{13.2}", "13.18")["verdict"] == "incorrect"
