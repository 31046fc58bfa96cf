"""Multiple choice: the letter, the letter with its text, the text alone, several letters."""

from .case import about, correct, invalid, lines, near, wrong

ANIMALS = lines("Which animal barks?", "A. a cat", "B. a dog", "C. an eel", "D. none of them")
SUMS = "What is 1/2 + 1/3? (A) 1/5 (B) 2/5 (C) 5/6 (D) 6/5"
PLANETS = lines("Which of these are planets? Choose all that apply.", "A) Mars", "B) the Moon", "C) Venus", "D) Pluto")

CASES = [
    *about(
        "choice",
        ANIMALS,
        "B",
        correct("Cats meow and eels are silent. The answer is B.", "the letter"),
        correct("Cats meow and eels are silent. The answer is (B).", "the letter in brackets"),
        correct(
            "Cats meow and eels are silent. The correct option is **B**.", "a bold letter behind the correct option"
        ),
        correct("Cats meow and eels are silent. The correct choice is b.", "a small letter"),
        correct(r"Cats meow and eels are silent. $\boxed{B}$", "the letter in a box"),
        correct(r"Cats meow and eels are silent. $\boxed{\text{(B) a dog}}$", "letter and text in a box"),
        correct("Cats meow and eels are silent. The answer is B. a dog", "letter and text"),
        correct("Cats meow and eels are silent. The answer is B) a dog.", "letter, bracket and text"),
        correct("Cats meow and eels are silent. The answer is option B.", "the word option in front"),
        correct(
            "Cats meow and eels are silent. The answer is a dog.", "the text of the option, an article is no letter"
        ),
        correct(
            "Cats meow and eels are silent. The answer is **A dog**.", "the text, whose capital article is no letter"
        ),
        correct(r"Cats meow and eels are silent. $\boxed{\text{a dog}}$", "the text of the option in a box"),
        correct("Cats meow and eels are silent. Answer: [B]", "the letter in square brackets"),
        correct("Cats meow and eels are silent. The answer is B, because dogs bark.", "a reason behind the letter"),
        correct("Cats meow, eels are silent. Option B is correct.", "a sentence about an option"),
        correct("First I took A, but cats meow. So the answer is B, not A.", "another letter that is denied"),
        near("Cats bark at night. The answer is A.", "another letter"),
        near(
            "Cats meow and eels are silent. The answer is B. a cat",
            "the right letter with another option's text",
            one_way="as a reference it would contradict itself",
        ),
        near(
            "Cats meow and eels are silent. The answer is A. a dog",
            "the right text with another letter",
            one_way="as a reference it would contradict itself",
        ),
        near("Cats meow and dogs bark. The answer is A or B.", "two letters where one is wanted"),
        near("Cats meow. The answer is AB.", "two letters in one"),
        near("Eels bark, I believe. The answer is an eel.", "the text of another option"),
        wrong("None of the four convinces me. The answer is E.", "a letter that is no option"),
        wrong("None of the four convinces me. The answer is a cow.", "a text that is no option"),
        wrong(r"There are two dogs. $\boxed{2}$", "a number is no option"),
        invalid("A dog barks, and a cat does not, I believe.", "an article is no answer", "no answer"),
    ),
    *about(
        "choice",
        ANIMALS,
        "a dog",
        correct("Cats meow and eels are silent. The answer is B.", "the reference is the text, the answer the letter"),
        near("Eels are silent. The answer is A.", "the reference is the text, the answer another letter"),
    ),
    *about(
        "choice",
        ANIMALS,
        "(B) a dog",
        correct(r"Only dogs bark. \boxed{B}", "a reference with letter and text"),
        near(r"Only cats bark. \boxed{A}", "a reference with letter and text, another letter"),
    ),
    *about(
        "choice",
        ANIMALS,
        "D",
        correct("No animal here does it. The answer is none of them.", "the text of the last option"),
        correct("No animal here does it. The answer is None of Them.", "capitals in the text"),
    ),
    *about(
        "choice",
        SUMS,
        "C",
        correct(r"The common denominator is six: $\boxed{\text{(C) } 5/6}$", "letter and number"),
        correct(
            r"The common denominator is six. The sum is $\boxed{\frac{5}{6}}$.",
            "the number of the option in another form",
        ),
        near(
            r"The common denominator is six: $\boxed{\text{(C) } 6/5}$",
            "the right letter with another option's number",
            one_way="as a reference it would contradict itself",
        ),
        near(r"Adding above and below the line: $\boxed{\frac{2}{5}}$.", "the number of another option"),
        near(r"The common denominator is six: $\boxed{\text{(D)}}$", "the next letter"),
    ),
    *about(
        "choice",
        PLANETS,
        "A, C",
        correct("The Moon is a moon and Pluto a dwarf. The answer is A and C.", "letters joined by and"),
        correct("The Moon is a moon and Pluto a dwarf. The answer is C, A.", "in another order"),
        correct(r"The Moon is a moon and Pluto a dwarf. \boxed{AC}", "letters without a separator"),
        correct(r"The Moon is a moon and Pluto a dwarf. \boxed{\text{(A), (C)}}", "letters in brackets"),
        correct(
            "The Moon is a moon and Pluto a dwarf. The answer is A) Mars and C) Venus.", "letters with their texts"
        ),
        near(
            "The Moon is a moon and Pluto a dwarf. The answer is A) Venus and C) Mars.",
            "right letters, but their texts exchanged",
            one_way="as a reference it would contradict itself",
        ),
        near(
            "The Moon is a moon. The answer is A) Pluto and C) Venus.",
            "right letters, but the text of the first is another one's",
            one_way="as a reference it would contradict itself",
        ),
        near("The Moon is a moon. The answer is A.", "one of two letters"),
        near("The Moon is a moon. The answer is A, C and D.", "one letter more"),
        near("The Moon is a moon. The answer is A, D.", "another second letter"),
    ),
    *about(
        None,
        "Which is right?\nA. one\nB. two\nC. three",
        "C",
        correct("One and two fail. The answer is (C).", "a letter as reference is a choice without being told"),
        near("One and three fail. The answer is (B).", "another letter, type inferred"),
    ),
    *about(
        None,
        "Which are prime?\nA. 4\nB. 5\nC. 7\nD. 9",
        "BC",
        correct(
            "Four and nine are squares. The answer is B and C.", "letters of the question's options are no product"
        ),
        correct(r"Four and nine are squares. \boxed{C, B}", "the other order"),
        near("Four and nine are squares. The answer is B and D.", "another second letter"),
        near("Four is a square. The answer is B, C and D.", "one letter more"),
    ),
    *about(
        None,
        "Which side is the longest?\nA. side AB\nB. AC\nC. BC",
        "BC",
        correct(r"It lies opposite the right angle: $\boxed{BC}$", "letters that are an option's text"),
        near(r"It lies opposite the right angle: $\boxed{AC}$", "another option's text"),
    ),
    *about(
        None,
        "下列哪些是质数？\nA. 4\nB. 5\nC. 7\nD. 9",
        "BC",
        correct("4和9是平方数。故选BC。", "Chinese: several letters"),
        correct("4和9是平方数。故选 B、C。", "Chinese: several letters with a mark between them"),
        near("4和9是平方数。故选BD。", "Chinese: another second letter"),
    ),
    *about(
        "choice",
        "哪个动物会叫？\nA．猫\nB．狗\nC．鱼",
        "B",
        correct("只有狗会汪汪叫，因此答案选B。", "Chinese: choose"),
        correct("只有狗会汪汪叫。答案是B．狗", "Chinese: letter and text"),
        correct("只有狗会汪汪叫。答案是狗。", "Chinese: the text"),
        near(
            "答案是B．猫",
            "Chinese: the right letter with another option's text",
            one_way="as a reference it would contradict itself",
        ),
    ),
]
