from whet.stages.answers.structure import Group, Leaf, Matrix, Relation, Union, as_interval, is_name, leaves, read


def test_lists_sets_tuples_and_intervals_keep_their_brackets():
    one, two = Leaf("1"), Leaf("2")
    assert read("1, 2") == read("1,2") == Group("", "", (one, two))
    assert read(r"\{1,2\}") == Group(r"\{", r"\}", (one, two))
    assert read("(1,2)") == Group("(", ")", (one, two))
    assert read("[1,2)") == Group("[", ")", (one, two))
    assert read(r"\{5\}") == Group(r"\{", r"\}", (Leaf("5"),))
    assert read("(x+1)(x+2)") == Leaf("(x+1)(x+2)")
    assert read("(5)") == Leaf("(5)")


def test_words_join_lists_too():
    assert read("1, 2, and 3") == read(r"1,2 \text{ and } 3") == Group("", "", (Leaf("1"), Leaf("2"), Leaf("3")))
    assert read("1 or 2") == Group("", "", (Leaf("1"), Leaf("2")), either=True)


def test_thousands_are_no_lists_and_sets_of_hundreds_no_thousands():
    assert read("1,728") == Leaf("1728")
    assert read("1,000, 2,000") == Group("", "", (Leaf("1000"), Leaf("2000")))
    assert read(r"\{100,200\}") == Group(r"\{", r"\}", (Leaf("100"), Leaf("200")))
    assert read("(1,000, 2)") == Group("(", ")", (Leaf("1000"), Leaf("2")))
    assert read("1,2,3") == Group("", "", (Leaf("1"), Leaf("2"), Leaf("3")))


def test_nested_brackets_split_only_at_the_top():
    pair = read(r"(\frac{1}{2},f(1,2))")
    assert pair == Group("(", ")", (Leaf(r"\frac{1}{2}"), Leaf("f(1,2)")))


def test_relations_keep_their_order_and_operators():
    assert read("x=4") == Relation(("=",), ("x", "4"))
    assert read(r"1\le x<2") == Relation((r"\le", "<"), ("1", "x", "2"))
    assert read(r"x\in[1,2]") == read("[1,2]")


def test_an_approximation_keeps_the_exact_side():
    assert read(r"\sqrt{2}\approx 1.41") == Leaf(r"\sqrt{2}")
    assert read(r"x\approx 1.41") == Leaf("1.41")


def test_inequalities_are_intervals():
    assert as_interval(read("x>3")) == Group("(", ")", (Leaf("3"), Leaf(r"\infty")))
    assert as_interval(read(r"3\ge x")) == Group("(", "]", (Leaf(r"-\infty"), Leaf("3")))
    assert as_interval(read(r"2>x\ge 1")) == as_interval(read(r"1\le x<2")) == Group("[", ")", (Leaf("1"), Leaf("2")))
    assert isinstance(as_interval(read("x<1 or x>3")), Union)
    assert isinstance(as_interval(read("x+y<3")), Relation)
    assert isinstance(as_interval(read("x=3")), Relation)


def test_plus_minus_is_two_values():
    assert read(r"\pm 3") == Group("", "", (Leaf("3"), Leaf("-3")))
    assert read(r"2\pm\sqrt{3}") == Group("", "", (Leaf(r"2+\sqrt{3}"), Leaf(r"2-\sqrt{3}")))


def test_unions_matrices_and_ratios():
    assert isinstance(read(r"(1,2)\cup[3,4)"), Union)
    assert read(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}") == Matrix(((Leaf("1"), Leaf("2")), (Leaf("3"), Leaf("4"))))
    assert read("3:4") == Group(":", ":", (Leaf("3"), Leaf("4")))


def test_leaves_are_everything_that_has_to_be_understood():
    assert leaves(read(r"x=3, (1,y+2), \begin{pmatrix}7\end{pmatrix}")) == ["3", "1", "y+2", "7"]


def test_names():
    assert all(
        map(is_name, ["x", "x_1", "x_{12}", "f(x)", r"\theta", r"\angle ABC", r"m\angle A", r"\text{Area}", "f'(x)"])
    )
    assert not any(map(is_name, ["", "2x", "x+1", r"\frac{1}{2}", r"\pi", "3", "x=1", r"\sqrt{x}"]))
