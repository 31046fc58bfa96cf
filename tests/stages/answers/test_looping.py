import pytest

from whet.stages.answers.looping import counts_for_ever, ends_in_a_loop

LOOPS = [
    "Let me count again. " * 40,
    "We start. " + "Wait, is it 41 or 42? " * 40,
    "我再数一遍。" * 60,
    "the " * 100,
    "ha" * 200,
    "a" * 400,
    # The last round may be cut anywhere.
    ("Let me count again. " * 40)[:-7],
    # Without letters only what is longer than a number or a table.
    "14, " * 300,
    "0" * 1200,
    "-" * 1200,
    # Four rounds of a paragraph of 282 characters; blanks at the end.
    "".join(f"This is sentence number {n} of a long paragraph. " for n in range(6)) * 4 + "This\n\n  ",
    # A box that is stated again and again.
    "So we have it. " + "The final answer is \\boxed{4}.\n" * 30,
    # The end of a period may stand inside of it, too.
    ("Check the first one. Check the second one. Check the first one. Then add them. " * 20),
]

NO_LOOPS = [
    "",
    "Done.",
    "Let me count again. " * 5,
    "14 + 14 + 14 = 42, and 14 + 14 + 14 = 42 again.",
    "the " * 70,
    "14, " * 200,
    "10^{400} = 1" + "0" * 400,
    "-" * 300,
    "\n" * 5000,
    "So it ends." + " " * 5000,
    ", ".join(str(n) for n in range(2000)),
    "| 1 | 0 | 0 |\n" * 50,
    "Let me count again. " * 100 + "The answer is 42.",
    "".join(f"Box {n} holds {n * 7 % 13} pens and {n * 5 % 11} pencils.\n" for n in range(100)),
    "".join(f"This is sentence number {n} of a long paragraph. " for n in range(6)) * 3,
]


@pytest.mark.parametrize("text", LOOPS, ids=range(len(LOOPS)))
def test_a_text_that_repeats_one_period_until_its_end_is_a_loop(text):
    assert ends_in_a_loop(text)
    assert ends_in_a_loop("We look at this carefully, step by step. " * 2 + text)


@pytest.mark.parametrize("text", NO_LOOPS, ids=range(len(NO_LOOPS)))
def test_lists_tables_and_some_repetition_are_no_loop(text):
    assert not ends_in_a_loop(text)


@pytest.mark.parametrize("text", NO_LOOPS[-2:], ids=["table", "paragraph"])
def test_a_table_is_no_counting(text):
    assert not counts_for_ever(text)


def test_a_loop_needs_the_rounds_and_the_length_that_are_stated():
    # A period of 20 characters: 15 rounds are 300 characters.
    sentence = "Let me count again. "
    assert len(sentence) == 20
    assert ends_in_a_loop("x" + sentence * 15 + "L")
    assert not ends_in_a_loop("x" + sentence * 14)
    # A period of 120 characters: 4 rounds.
    paragraph = "".join(f"{n:<3d}" for n in range(40))
    assert len(paragraph) == 120
    assert ends_in_a_loop(("a" + paragraph[1:]) * 4 + "a")
    assert not ends_in_a_loop(("a" + paragraph[1:]) * 3 + "a")


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"Step {n}: check the next one.\n" for n in range(30)),
        "".join(f"Step {n}: check the next one. " for n in range(30)),
        "".join(f"Let us try {n}. That fails. " for n in range(3, 60)),
        "".join(f"试试 {n}。" for n in range(30)),
        "".join(f"Step {n}: check the next one.\n" for n in range(30)) + "Step 30: che",
    ],
)
def test_one_sentence_with_a_counter_is_a_loop(text):
    assert counts_for_ever(text)
    assert not ends_in_a_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"Step {n}: check the next one.\n" for n in range(15)),
        "".join(f"The square of {n} is {n * n}.\n" for n in range(60)),
        "".join(f"{n}\n" for n in range(60)),
        "".join(f"Step {n}: check the next one.\n" for n in range(30)) + "So much for that.\nIt is done.\nReally.",
        "",
    ],
)
def test_a_table_or_a_short_list_is_none(text):
    assert not counts_for_ever(text)
