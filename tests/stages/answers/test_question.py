import pytest

from whet.stages.answers.question import Asked, asks_for_percent, options_of, question_text, read_question


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


@pytest.mark.parametrize(
    ("question", "places"),
    [
        ("Find x to the nearest tenth.", 1),
        ("What is it, to the nearest hundredth of a mile?", 2),
        ("Give x to the nearest ten-thousandth.", 4),
        ("What is x, rounded to the nearest whole number?", 0),
        ("Round to the nearest integer.", 0),
        ("How far is it, to the nearest mile?", 0),
        ("Round it to the nearest ten.", -1),
        ("Round 6287215 to the nearest ten thousand.", -4),
        ("Round to the nearest hundred thousand.", -5),
        ("What is it to the nearest 0.01?", 2),
        ("Round to the nearest $100$.", -2),
        ("How many dollars, to the nearest cent?", 2),
        ("Round your answer to 2 decimal places.", 2),
        ("What is x, with three decimals?", 3),
        ("Report x to 1 d.p. only", 1),
        ("Use 3.14 for pi. What is the area?\nRounded to two decimal places.", 2),
        ("求x，结果保留两位小数。", 2),
        ("求x，精确到0.01。", 2),
        ("求x，精确到十分位。", 1),
        ("结果保留整数。", 0),
        # The last sentence that names some counts.
        ("Round 3.14 to the nearest tenth. Round 2.72 to 2 decimal places.", 2),
        # Nothing is rounded, or nothing is asked for.
        ("When x is rounded to the nearest ten, it is 50. How large is x?", None),
        ("What is the nearest planet?", None),
        ("Who is the nearest neighbour?", None),
        ("How many decimal places are there?", None),
        ("How many?", None),
    ],
)
def test_decimal_places_that_are_asked_for(question, places):
    assert read_question(question).places == places


@pytest.mark.parametrize(
    ("question", "figures"),
    [
        ("Give it correct to three significant figures.", 3),
        ("Answer to 3 s.f.", 3),
        ("Find the mass (2 sig figs).", 2),
        ("求x，保留3位有效数字。", 3),
        ("How many significant figures does 3.10 have?", None),
        ("How many?", None),
    ],
)
def test_significant_figures_that_are_asked_for(question, figures):
    assert read_question(question).significant == figures
    assert read_question(question).places is None


@pytest.mark.parametrize(
    "question",
    [
        "Simplify $\\frac{8}{22}$.",
        "What is it? Express your answer in simplest form.",
        "Express it as a fraction in lowest terms.",
        "Leave your answer in simplified radical form.",
        "Reduce the fraction 4/8.",
        "化简 4/8。",
        "将 4/8 化成最简分数。",
    ],
)
def test_a_question_that_asks_for_the_simplest_form(question):
    assert read_question(question) == Asked(simplified=True)


@pytest.mark.parametrize(
    "question",
    [
        "List them in ascending order.",
        "Put the planets in order from largest to smallest.",
        "Arrange them from least to greatest.",
        "What is the correct order?",
        "In what order do they finish?",
        "把它们按从小到大的顺序排列。",
    ],
)
def test_a_question_that_asks_for_an_order(question):
    assert read_question(question) == Asked(ordered=True)


@pytest.mark.parametrize(
    "question",
    [
        "Find all real x.",
        "List every divisor of 6.",
        "What are the solutions?",
        "What are the possible values of x?",
        "Find the roots of x^2-1.",
        "Find the values of x.",
        "For which values of x is it true?",
        "Select the ones that apply.",
        "Which x are these? Enter them separated by commas.",
        "Give a comma-separated list.",
        "求所有的解。",
    ],
)
def test_a_question_that_asks_for_all_values(question):
    assert read_question(question) == Asked(all_wanted=True)


@pytest.mark.parametrize(
    "question",
    [
        "In order to win, how many must he find?",
        "Find the sum of all x.",
        "How much did she give each one of them?",
        "How many values are there?",
        "A simplified model is used. How many?",
        "He can write a page every day. How many does he write?",
        "The temperature drops by 8 degrees. What is it now?",
        "What is the temperature after it fell?",
        "The list was in ascending order. It has ten entries. How many are even?",
    ],
)
def test_words_that_only_resemble_a_demand_set_no_flag(question):
    assert read_question(question) == Asked()


@pytest.mark.parametrize(
    "question",
    [
        "Give a number whose square is 9.",
        "Find any root of it.",
        "Name one of them.",
        "Any x with x(x-1)=0?",
        "写出一个平方等于9的数。",
    ],
)
def test_a_question_that_asks_for_one_of_several(question):
    assert read_question(question) == Asked(one_wanted=True)


@pytest.mark.parametrize(
    "question",
    [
        "By how much did the temperature fall?",
        "By how many points did it drop?",
        "How much has the price decreased since then?",
        "What is the decrease in height?",
        "Find the average loss.",
        "气温下降了多少？",
    ],
)
def test_a_question_that_asks_for_a_decrease(question):
    assert read_question(question) == Asked(decrease=True)


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("How many meters long is the hall?", "m"),
        ("How many inches are in 3 meters?", "in"),
        ("What is the radius, in centimeters?", "cm"),
        ("How many cents is it?", "cent"),
        ("In minutes, how long is it?", "min"),
        # Several units, no unit, or one that is only mentioned.
        ("How long is it in hours and minutes?", None),
        ("How many hours and how many minutes is it?", None),
        ("How many apples are in 3 boxes?", None),
        ("It is measured in meters. How large is it?", None),
    ],
)
def test_the_unit_that_is_asked_for(question, unit):
    assert read_question(question).unit == unit


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("(a) What is x? (b) What is y?", ("a", "b")),
        ("Let x be 3.\n(a) Find 2x.\n(b) Find 3x.\n(c) Find 4x.", ("a", "b", "c")),
        ("a) What is x?\nb) What is y?", ("a", "b")),
        ("1. What is x?\n2. What is y?", ("1", "2")),
        ("Part (i) Find x. Part (ii) Find y.", ("i", "ii")),
        ("**Part A:** Find x.\n**Part B:** Find y.", ("a", "b")),
        ("（1）求x；（2）求y。", ("1", "2")),
        ("第一问：求x。第二问：求y。", ("1", "2")),
        ("① 求x ② 求y", ("1", "2")),
        ("Find f(a) and f(b).", ()),
        ("Is it true that (a) holds?", ()),
        ("(b) What is x? (c) What is y?", ()),
        ("Pick one: (A) red (B) green", ()),
    ],
)
def test_the_labels_of_sub_questions(question, parts):
    assert read_question(question).parts == parts


@pytest.mark.parametrize("piece", ["\n", " ", "*", "(a) ", "A. ", "1.", "?", "what ", "nearest ", "（", "in "])
def test_a_question_of_megabytes_is_read_at_its_end(piece):
    bomb = piece * (3_000_000 // len(piece))
    assert read_question(bomb + "\nFind x to the nearest tenth.").places == 1
