import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("The correct option is (B).", "(B)", "choice phrase"),
        ("The best choice would be B.", "B", "choice phrase"),
        ("The correct options are A, C and D.", "A, C and D", "choice phrase"),
        ("The right statement: **D) foo**", "D) foo", "choice phrase"),
        ("I choose (D).", "(D)", "choice phrase"),
        ("So we select option C.", "option C", "choice phrase"),
        ("It is 12 cm, which is option (B).", "option (B)", "choice phrase"),
        ("The answer is 12 cm. This corresponds to choice B.", "choice B", "choice phrase"),
        ("正确选项是A和C", "A和C", "choice phrase"),
        ("选项应为：B", "B", "choice phrase"),
        ("故选B", "B", "choice phrase"),
        ("因此选择C。", "C", "choice phrase"),
        ("因此应选：A。", "A", "choice phrase"),
        ("so B is right.", "B", "option is right"),
        ("Therefore, option (C) is the correct one.", "(C)", "option is right"),
        ("A and C are correct.", "A and C", "option is right"),
        ("Statement B is the only correct one.", "B", "option is right"),
        ("Hence D is the answer.", "D", "option is right"),
        ("选项B正确", "B", "option is right"),
        ("所以C项是正确的", None, None),
        ("The answer is B.", "B", "answer phrase"),
        ("Answer: (C) 5", "(C) 5", "answer phrase"),
        ("The answer is **(A)**, not (B).", "(A)", "answer phrase"),
        ("The answer is B. a dog. Not a cat.", "B. a dog", "answer phrase"),
        (r"\boxed{\text{A}} and \boxed{\text{C}}", r"\text{A}, \text{C}", "boxes"),
        ("<answer>(B) blue</answer>", "(B) blue", "answer tag"),
        # The last one counts.
        ("A is incorrect. B is correct. C is wrong.", "B", "option is right"),
        ("The answer is A. Wait, B is correct.", "B", "option is right"),
        ("B is correct? No. The answer is A.", "A", "answer phrase"),
        # A last line that is nothing but an option.
        ("We see it.\nB", "B", "last line"),
        ("We see it.\n**B**", "B", "last line"),
        ("We see it.\n(B) blue", "(B) blue", "last line"),
        ("We see it.\nB. blue", "B. blue", "last line"),
        ("We see it.\n$\\textbf{(B)}$", r"\textbf{(B)}", "last line"),
        ("So it is **C**.", "C", "last line"),
        ("So it is **C. blue**.", "C. blue", "last line"),
    ],
)
def test_an_option_is_chosen(text, answer, rule):
    found = extract(text, "choice")
    if answer is None:
        assert found is None
        return
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)
    assert rule == "boxes" or text[found.start : found.end] == answer


@pytest.mark.parametrize(
    "text",
    [
        "A dog barks.",
        "A dog barks, and a cat does not, I believe.",
        "We choose the largest.",
        "不选A。",
        "不能选A。",
        "None is right. Is A correct?",
        "A is not correct.",
        "So A is the correct answer? It has edges.",
        "A is wrong, and so is B.",
        "Verdict for this row: A",
        "Options: A, B, C",
        "选项很多。",
        "It **must** be one of them.",
    ],
)
def test_no_option_is_chosen(text):
    assert extract(text, "choice") is None
