import random
from fractions import Fraction

import pytest

from whet.stages.turing import load_task, task_names
from whet.stages.turing._decimals import draw_number


def boxed(thought):
    last = thought.splitlines()[-1]
    assert last.startswith("\\boxed{")
    assert last.endswith("}")
    return last[len("\\boxed{") : -1]


@pytest.mark.parametrize("name", task_names())
@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_chain_of_thought_ends_in_the_answer_that_was_computed_apart(name, style):
    task = load_task(name)
    rng = random.Random(7)
    for low, high in [(1, 3), (10, 30), (41, 50)]:
        for _ in range(60):
            instance = task.generate(rng, low, high)
            assert boxed(task.think(instance.payload, style)) == instance.answer


@pytest.mark.parametrize("name", task_names())
def test_every_state_starts_where_the_one_before_led(name):
    task = load_task(name)
    lines = task.think(task.generate(random.Random(3), 6, 9).payload).splitlines()[:-1]
    transitions = [line.split(" -> ") for line in lines if " -> " in line and line.startswith("{")]
    headers = [line for line in lines if line.startswith("{") and " -> " not in line]
    assert [start for start, _ in transitions] == headers
    assert [end for _, end in transitions] == [*headers[1:], "F"]


def test_addition_with_decimals_follows_the_worked_states():
    # 47.50 + 08.96 from the right: 0+6=6 | 5+9=14 | 7+8+1=16 | 4+0+1=5, the point before the last two digits: 56.46
    think = load_task("addition").think
    assert think({"a": "47.5", "b": "8.96"}, "compact") == (
        "{align}47.5,8.96:4750;0896;2\n{0,0}0,6,0:6;6\n{1,0}5,9,0:14;46\n{2,1}7,8,1:16;646\n{3,1}4,0,1:5;5646\n"
        "{point}5646,2:56.46\n\\boxed{56.46}"
    )
    full = think({"a": "47.5", "b": "8.96"})
    assert "{2,1}\n[(a_2 = 7), (b_2 = 8), (c = 1)]\n7+8+1=16, write 6, carry 1\nsum = 646\n{2,1} -> {3,1}\n" in full
    assert "a = [3]4 [2]7 [1]5 [0]0\nb = [3]0 [2]8 [1]9 [0]6\npoint = 2\n" in full


def test_compact_addition_of_three_digits_stays_below_a_hundred_characters():
    # 999+999: 18 write 8 | 9+9+1=19 write 9 | 9+9+1=19 is the last column, written whole: 1998
    thought = load_task("addition").think({"a": "999", "b": "999"}, "compact")
    assert thought == "{0,0}9,9,0:18;8\n{1,1}9,9,1:19;98\n{2,1}9,9,1:19;1998\n\\boxed{1998}"
    assert len("999+999" + thought) == 71


def test_addition_drops_zeros_that_carry_nothing():
    # 1.25 + 0.75 = 2.00 -> 2; 0.05 + 0.05 = 0.10 -> 0.1
    think = load_task("addition").think
    assert boxed(think({"a": "1.25", "b": "0.75"})) == "2"
    assert boxed(think({"a": "0.05", "b": "0.05"})) == "0.1"


@pytest.mark.parametrize("name", ["addition", "comparison"])
def test_decimal_answers_are_exact_by_fractions(name):
    task = load_task(name)
    rng = random.Random(11)
    with_points = 0
    for _ in range(400):
        instance = task.generate(rng, 2, 8, decimals=True)
        a, b = Fraction(instance.payload["a"]), Fraction(instance.payload["b"])
        with_points += "." in instance.payload["a"]
        if name == "addition":
            assert Fraction(instance.answer) == a + b
        else:
            assert instance.answer == (">" if a > b else "<" if a < b else "=")
        assert boxed(task.think(instance.payload)) == instance.answer
    assert with_points > 200


def test_numbers_have_exactly_the_digits_asked_for_and_no_needless_zero():
    rng = random.Random(5)
    for digits in (1, 2, 7, 30):
        for decimals in (False, True):
            for _ in range(200):
                number = draw_number(rng, digits, decimals)
                whole, _, fraction = number.partition(".")
                assert len(whole) + len(fraction) == digits
                assert whole == "0" or not whole.startswith("0")
                assert not fraction.endswith("0")


def test_comparison_halts_at_the_first_difference():
    # 12.5 and 12.47: 2 digits = 2 digits, 1=1, 2=2, 5>4
    think = load_task("comparison").think
    assert think({"a": "12.5", "b": "12.47"}, "compact") == (
        "{length}12.5,12.47:2=2\n{int,0}1,1:=\n{int,1}2,2:=\n{frac,0}5,4:>\n\\boxed{>}"
    )
    assert think({"a": "99", "b": "100"}, "compact") == "{length}99,100:2<3\n\\boxed{<}"
    # the missing digit of 1.5 counts as 0
    assert boxed(think({"a": "1.5", "b": "1.50"})) == "="


def test_comparison_draws_pairs_that_differ_late_and_equal_ones():
    task = load_task("comparison")
    rng = random.Random(2)
    lengths = []
    relations = {">": 0, "<": 0, "=": 0}
    for _ in range(1000):
        instance = task.generate(rng, 8, 8)
        a, b = instance.payload["a"], instance.payload["b"]
        relations[instance.answer] += 1
        lengths.append(next((i for i in range(8) if a[i] != b[i]), 8))
    # 0.8 of the pairs share uniformly 0..8 digits: a common beginning of at least 5 has 0.8 * 4/9 = 0.36 or more
    assert sum(length >= 5 for length in lengths) > 300
    # and all 8 of them 0.8 / 9 = 0.09
    assert relations["="] > 50
    assert min(relations[">"], relations["<"]) > 350


def test_binary_search_halves_to_the_number():
    # 7 numbers, find 17: middle 3 holds 20, too large; left half 0..2: middle 1 holds 5, too small; 2..2 holds 17
    payload = {"numbers": [-3, 5, 17, 20, 31, 44, 90], "find": 17}
    assert load_task("binary-search").think(payload) == (
        "{0,6}\n[(s_0 = -3), (s_1 = 5), (s_2 = 17), (s_3 = 20), (s_4 = 31), (s_5 = 44), (s_6 = 90), (Find = 17)]\n"
        "Mid = (0+6)//2 = 3, s_3 = 20 > Find\n{0,6} -> {0,2}\n"
        "{0,2}\n[(s_0 = -3), (s_1 = 5), (s_2 = 17), (Find = 17)]\n"
        "Mid = (0+2)//2 = 1, s_1 = 5 < Find\n{0,2} -> {2,2}\n"
        "{2,2}\n[(s_2 = 17), (Find = 17)]\nMid = (2+2)//2 = 2, s_2 = 17 = Find\n{2,2} -> F\n\\boxed{2}"
    )


def test_binary_search_draws_sorted_distinct_numbers_with_the_target_among_them():
    task = load_task("binary-search")
    rng = random.Random(4)
    for _ in range(100):
        instance = task.generate(rng, 5, 20)
        numbers = instance.payload["numbers"]
        assert 5 <= len(numbers) <= 20
        assert numbers == sorted(set(numbers))
        assert numbers[int(instance.answer)] == instance.payload["find"]


def test_word_flip_keeps_the_spaces():
    # "up a" backwards is "a pu"
    assert load_task("word-flip").think({"sentence": "up a"}, "compact") == (
        "{list}up a:1u2p3 4a\n{4}a:a\n{3} :a \n{2}p:a p\n{1}u:a pu\n\\boxed{a pu}"
    )
    full = load_task("word-flip").think({"sentence": "up a"})
    assert "Index 3: ' '\nIndex 4: 'a'\n4 characters, indices 1 to 4\n" in full
    assert "{3}\n[(char 3 = ' '), (flipped = 'a')]\nflipped = 'a '\n{3} -> {2}\n" in full


def test_word_flip_draws_sentences_of_exactly_the_length_asked_for():
    task = load_task("word-flip")
    rng = random.Random(9)
    for length in range(1, 60):
        sentence = task.generate(rng, length, length).payload["sentence"]
        assert len(sentence) == length
        assert "  " not in sentence
        assert sentence == sentence.strip()
        for width, words in enumerate(task.WORDS, 1):
            assert all(len(word) == width for word in words.split())
