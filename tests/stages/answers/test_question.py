import pytest

from whet.stages.answers.question import asks_for_percent, options_of, question_text, read_question


@pytest.mark.parametrize(
    "question",
    [
        "What percent of 20 is 5?",
        "By what percentage did it grow?",
        "Express $\\frac14$ as a percent.",
        "Find the percent increase.",
        "She saves 20%. What percentage is left?",
        "It was 10. It is 12 now. What is the increase in percent?",
        "Round to the nearest percent.",
        "百分之几的学生及格？",
    ],
)
def test_a_question_that_asks_for_percent(question):
    assert asks_for_percent(question)


@pytest.mark.parametrize(
    "question",
    [
        "The price rises by 20 percent. What is it now?",
        "What is 20% of 50?",
        "What is 25 percent of 80?",
        "What fraction of the class is left?",
        "A percentage was given on the sheet. How many are there?",
        "",
    ],
)
def test_a_question_that_only_mentions_percent(question):
    assert not asks_for_percent(question)


def test_options_are_read_in_their_usual_forms():
    expected = (("A", "red"), ("B", "green"), ("C", "blue"))
    assert options_of("Pick one.\nA. red\nB. green\nC. blue") == expected
    assert options_of("Pick one.\nA) red\nB) green\nC) blue\n") == expected
    assert options_of("Pick one: (A) red (B) green (C) blue") == expected
    assert options_of("Pick one.\n**A.** red\n**B.** green\n**C.** blue") == expected
    assert options_of(r"Pick $\textbf{(A)}\ red \qquad \textbf{(B)}\ green \qquad \textbf{(C)}\ blue$") == expected


def test_letters_without_a_run_are_no_options():
    assert options_of("A. Smith walked home.") == ()
    assert options_of("Give the letter (A, B, C, D, or E).") == ()
    assert options_of("(A) one (C) three") == ()
    assert options_of("How many?") == ()


def test_the_question_is_the_last_user_message():
    messages = [
        {"role": "system", "content": "Give percentages."},
        {"role": "user", "content": "What percent?"},
        {"role": "assistant", "content": "..."},
        {"role": "user", "content": "How many?"},
    ]
    assert question_text(messages) == "How many?"
    assert question_text(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}]
    ) == ("\nWhat is it?")
    assert question_text([]) == ""
    assert read_question("What percent?").percent
