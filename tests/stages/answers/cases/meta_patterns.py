"""The meta-patterns of CompassVerifier (Liu et al. 2025, arXiv 2508.03686): ways in which verifiers go wrong."""

from .case import Case, about, correct, invalid, lines, near, wrong


def showing(pattern: str, *cases: list[Case]) -> list[Case]:
    """Cases that show one pattern."""
    return [case._replace(pattern=pattern) for group in cases for case in group]


CORRECT_ALL_THE_SAME = [
    *showing(
        "unit conversion equal",
        about(
            "number",
            "How long does the film run?",
            "2 hours",
            correct(
                "It starts at six and ends at eight, so it runs for \\boxed{120 \\text{ minutes}}.", "hours in minutes"
            ),
            correct("It starts at six and ends at eight. The answer is 7200 seconds.", "hours in seconds"),
            near("It starts at six and ends at eight. The answer is 12 minutes.", "minutes, but too few"),
            near("It starts at six and ends at eight. The answer is 2 minutes.", "the number alone is the same"),
        ),
        about(
            "number",
            "How far is the school?",
            "1.5 km",
            correct("Twice around the lake and back. The answer is 1500 m.", "kilometers in meters"),
            near("Twice around the lake and back. The answer is 150 m.", "a zero is missing"),
        ),
        about(
            "number",
            "How many minutes does the film run?",
            "120",
            correct(
                "It starts at six and ends at eight. The answer is 2 hours.",
                "the question names the unit of the reference",
            ),
            near(
                "It starts at six and ends at eight. The answer is 3 hours.",
                "the question names the unit, an hour too many",
            ),
        ),
        about(
            "number",
            "How heavy is the flour?",
            "500 g",
            correct("Half of the bag is left. The answer is 0.5 kg.", "grams in kilograms"),
            near("Half of the bag is left. The answer is 0.05 kg.", "a zero too many"),
        ),
        about(
            "number",
            "How much does the stamp cost?",
            "75 cents",
            correct("Three quarters, so the answer is $0.75.", "cents in dollars"),
            near("Three quarters, so the answer is $75.", "dollars for cents"),
        ),
        about(
            "number",
            "How large is the tile?",
            r"1 \text{ m}^2",
            correct(r"A hundred by a hundred: $\boxed{10000 \text{ cm}^2}$.", "square meters in square centimeters"),
            near(r"A hundred by a hundred: $\boxed{100 \text{ cm}^2}$.", "converted like a length"),
        ),
    ),
    *showing(
        "gold offers alternatives, one given",
        about(
            "text",
            "Which sport has eleven players a side?",
            "soccer or football",
            correct(
                "Eleven on each side kick a ball. The answer is football.",
                "the second alternative",
                one_way="one alternative does not offer the other",
            ),
            correct(
                "Eleven on each side kick a ball. The answer is soccer.",
                "the first alternative",
                one_way="one alternative does not offer the other",
            ),
            near("Five on each side throw a ball. The answer is basketball.", "no alternative"),
        ),
        about(
            "math",
            "How much of it is left?",
            r"\frac{1}{2} \text{ or } 0.5",
            correct(
                "A half was taken. The answer is 1/2.",
                "two forms of one number",
                one_way="one alternative does not offer the other",
            ),
            near("A third was taken. The answer is 2/3.", "no form of the number"),
        ),
        about(
            "math",
            "Give one number whose square is 9.",
            "3 or -3",
            correct(
                r"Three times three is nine: $\boxed{3}$.",
                "one is asked for, one is given",
                one_way="one alternative does not offer the other",
            ),
            near(r"Three times three is six: $\boxed{6}$.", "no alternative"),
        ),
    ),
    *showing(
        "sign convention for a decrease",
        about(
            "number",
            "By how many degrees did the temperature fall?",
            "8",
            correct("From 5 to -3 degrees the change is minus eight. The answer is -8.", "a fall as a negative change"),
            correct("From 5 to -3 degrees. The answer is 8.", "a fall as a number"),
            near("From 5 to -3 degrees. The answer is -2.", "another number"),
        ),
        about(
            "number",
            "What is the percentage decrease of the price?",
            "-20%",
            correct("It fell from 50 to 40. The answer is 20%.", "the reference has the sign"),
            near("It fell from 50 to 40. The answer is 25%.", "measured against the new price"),
        ),
        about(
            "number",
            "How cold is it now?",
            "-8",
            near("It fell by eleven from three degrees. The answer is 8.", "no decrease is asked for: the sign counts"),
        ),
    ),
    *showing(
        "corrected after a wrong first answer",
        about(
            "number",
            "How many legs do 7 spiders have?",
            "56",
            correct(
                r"Seven times six makes \boxed{42}. Wait, spiders have eight legs, not six. So it is \boxed{56}.",
                "a box corrected",
            ),
            correct(
                "The answer is 42. Let me check: spiders have eight legs. So the answer is 56.", "a phrase corrected"
            ),
            correct(
                "The answer is 42, I first thought. With eight legs each the correct answer is 56.",
                "a phrase corrected by another",
            ),
        ),
    ),
    *showing(
        "all parts answered, scattered",
        about(
            "multi",
            "A box is 2 by 3 by 4. (a) What is its volume? (b) What is its surface?",
            "(a) 24 (b) 52",
            correct(
                lines(
                    r"**Part (a).** The volume is the product of the sides, $2 \cdot 3 \cdot 4 = \boxed{24}$.",
                    "",
                    "Now for the faces. There are two of each kind: 6, 8 and 12.",
                    "",
                    r"**Part (b).** The surface is twice their sum, $2 \cdot 26 = \boxed{52}$.",
                    "",
                    "I hope this helps!",
                ),
                "boxes in two paragraphs",
            ),
            near(
                lines(
                    r"**Part (a).** The volume is the product of the sides, $2 \cdot 3 \cdot 4 = \boxed{24}$.",
                    "",
                    r"**Part (b).** The surface is the sum of three faces, \boxed{26}.",
                ),
                "boxes in two paragraphs, the second wrong",
            ),
        ),
        about(
            "math",
            "Find all real roots of $x^2 = 2x$.",
            "0, 2",
            correct(
                r"If $x$ is not zero, we divide by it and get $x = 2$. And zero solves it as well. "
                r"So the roots are $\boxed{0}$ and $\boxed{2}$.",
                "two boxes in the last sentence",
            ),
        ),
    ),
]

INCORRECT_IN_SPITE = [
    *showing(
        "right letter, wrong option text",
        about(
            "choice",
            "Which gas do plants take in?\nA. oxygen\nB. carbon dioxide\nC. nitrogen\nD. helium",
            "B",
            near(
                "Plants breathe in during the day. The answer is B. oxygen",
                "letter of one option, text of another",
                one_way="as a reference it would contradict itself",
            ),
            near(
                r"Plants need air for photosynthesis. \boxed{\text{(B) nitrogen}}",
                "the same in a box",
                one_way="as a reference it would contradict itself",
            ),
            correct("Plants need it for photosynthesis. The answer is B. carbon dioxide", "letter and text agree"),
        ),
    ),
    *showing(
        "not simplified although asked",
        about(
            "math",
            "Write the fraction of red balls in lowest terms.",
            r"\frac{1}{2}",
            near(
                r"Two of the four balls are red: $\boxed{\frac{2}{4}}$.",
                "not in lowest terms",
                one_way="the other way round it is simplified",
            ),
            correct(r"Two of the four balls are red: $\boxed{\frac{1}{2}}$.", "in lowest terms"),
        ),
        about(
            "math",
            "Simplify the expression $2x + 3x$.",
            "5x",
            near(
                r"We collect terms. $\boxed{2x + 3x}$",
                "the expression of the question again",
                one_way="the other way round it is simplified",
            ),
            correct(r"We collect terms. $\boxed{x \cdot 5}$", "simplified, the factors swapped"),
        ),
        about(
            "math",
            "Give the length in simplest radical form.",
            r"2\sqrt{3}",
            near(
                r"The length is $\boxed{\sqrt{12}}$.",
                "the square is still under the root",
                one_way="the other way round it is simplified",
            ),
        ),
    ),
    *showing(
        "wrong open or closed endpoint",
        about(
            "math",
            "For which $x$ is $\\sqrt{x-1}$ smaller than 2?",
            "[1, 5)",
            near(r"We square both sides and get $\boxed{(1, 5)}$.", "the left end is lost"),
            near(r"We square both sides and get $\boxed{[1, 5]}$.", "the right end is added"),
            near(r"We square both sides and get $\boxed{1 \le x \le 5}$.", "the right end is added, as an inequality"),
            near(r"We square both sides and get $\boxed{x \ge 1}$.", "the right end is missing"),
        ),
    ),
    *showing(
        "needs all candidates, gives one",
        about(
            "math",
            "Find all solutions of $x^2 = 9$.",
            r"x = 3 \text{ or } x = -3",
            near(r"Taking the root gives $\boxed{3}$.", "one of two solutions"),
            near(r"Taking the root gives $\boxed{x = -3}$.", "the other one of two solutions"),
            correct(r"Taking the root gives $\boxed{\pm 3}$.", "both"),
        ),
        about(
            "text",
            "Name all primary colours of light.",
            "red, green, blue",
            near("Light mixes by adding. The answer is red.", "one of three words"),
            near("Light mixes by adding. The answer is red, green.", "two of three words"),
        ),
        about(
            "choice",
            "Which are even? Choose all that apply.\nA. 2\nB. 3\nC. 4",
            "AC",
            near("Two divides by two. The answer is A.", "one of two letters"),
        ),
    ),
    *showing(
        "ends unanswerable",
        about(
            "number",
            "How many days has February in 2024?",
            "29",
            wrong("February may have 28 or 29 days. The answer is unanswerable.", "unanswerable behind a phrase"),
            wrong(r"February may have 28 or 29 days. \boxed{\text{cannot be determined}}", "unanswerable in a box"),
            wrong("February may have 28 or 29 days, so the answer cannot be determined.", "unanswerable in a sentence"),
            wrong("2月可能有28天或29天。答案是：无法确定。", "unanswerable in Chinese"),
        ),
    ),
    *showing(
        "code only, no result",
        about(
            "number",
            "What is the sum of the first ten primes?",
            "129",
            wrong(
                lines(
                    "```python",
                    "from sympy import prime",
                    "",
                    "total = sum(prime(n) for n in range(1, 11))",
                    "print(total)",
                    "```",
                ),
                "a program that nobody ran",
            ),
            wrong(
                lines(
                    "We can compute it with a program:",
                    "",
                    "```python",
                    "print(sum([2, 3, 5, 7, 11, 13, 17, 19, 23, 29]))",
                    "```",
                ),
                "a sentence and a program that nobody ran",
            ),
            wrong(r"The answer is `sum(primes[:10])`.", "an expression of a program for the answer"),
            correct(
                lines(
                    "```python",
                    "print(sum([2, 3, 5, 7, 11, 13, 17, 19, 23, 29]))",
                    "```",
                    "",
                    "It prints 129, so the answer is 129.",
                ),
                "a program and its result",
            ),
        ),
    ),
    *showing(
        "long sequence off by one",
        about(
            "sequence",
            "List the squares below 150.",
            "1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144",
            near(
                "I square one number after another. The answer is 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 143.",
                "the last one off by one",
            ),
            near(
                "I square one number after another. The answer is 1, 4, 9, 16, 25, 36, 49, 64, 82, 100, 121, 144.",
                "one in the middle off by one",
            ),
            near(
                "I square one number after another. The answer is 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121.",
                "the last one is missing",
            ),
            near(
                "I square one number after another. The answer is 1, 4, 9, 16, 25, 36, 64, 49, 81, 100, 121, 144.",
                "two exchanged",
            ),
            correct(
                "I square one number after another. The answer is 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144.",
                "all of them",
            ),
        ),
        about(
            "text",
            "Write the letters of the alphabet backwards, down to j.",
            "z y x w v u t s r q p o n m l k j",
            near("From the end. The answer is z y x w v u t s r q p o n l m k j.", "two letters exchanged"),
        ),
    ),
    *showing(
        "wrong rounding",
        about(
            "number",
            "What is 8 divided by 3, rounded to two decimal places?",
            "2.67",
            near("It is 2.666 and so on. The answer is 2.66.", "cut off instead of rounded"),
            near("It is 2.666 and so on. The answer is 2.7.", "rounded too far"),
            near(
                "It is 2.666 and so on. The answer is 2.667.",
                "not rounded far enough",
                one_way="the other way round it is rounded",
            ),
            correct("It is 2.666 and so on. The answer is 2.67.", "rounded as asked"),
        ),
        about(
            "number",
            "Round 1449 to the nearest hundred.",
            "1400",
            near("Rounding the tens first gives 1450, then 1500. The answer is 1500.", "rounded twice"),
            near("The answer is 1449.", "not rounded at all", one_way="the other way round it is rounded"),
            near("The answer is 1450.", "rounded to the nearest ten"),
        ),
        about(
            "number",
            "Give the speed to three significant figures.",
            "12.3",
            near("The distance over the time. The answer is 12.4.", "the last figure"),
            near("The distance over the time. The answer is 12.", "two figures"),
        ),
    ),
    *showing(
        "switches from right to wrong",
        about(
            "number",
            "How many legs do 7 spiders have?",
            "56",
            near(
                r"Eight legs each make \boxed{56}. Wait, one has lost a leg. So it is \boxed{55}.",
                "the last box is wrong",
            ),
            near(
                "The answer is 56. But spiders are insects, with six legs. So the answer is 42.",
                "the last phrase is wrong",
            ),
            near(
                lines(
                    r"<think>8 times 7 is \boxed{56}.</think>",
                    "Seven spiders with six legs each have 42. The answer is 42.",
                ),
                "right in the reasoning, wrong behind it",
            ),
        ),
    ),
]

INVALID = [
    *showing(
        "truncated",
        about(
            "math",
            "Find the sum of the series.",
            r"\frac{\pi^2}{6}",
            invalid(
                r"We compare the coefficients of the product of the sine, as Euler did. Hence the sum of all",
                "cut by length",
                "truncated",
                finish_reason="length",
            ),
            invalid(
                r"We compare the coefficients of the product of the sine. Hence $\boxed{\frac{\pi^2}{",
                "cut inside the box",
                "truncated",
                finish_reason="length",
            ),
        ),
    ),
    *showing(
        "looping",
        about(
            "math",
            "Find the sum of the series.",
            r"\frac{\pi^2}{6}",
            invalid(
                r"The partial sums grow. " + r"Hmm, let me add the next term, $\frac{1}{n^2}$, and look. " * 60,
                "the same sentence for ever",
                "looping",
                finish_reason="length",
            ),
        ),
    ),
    *showing(
        "garbled",
        about(
            "math",
            "Find the sum of the series.",
            r"\frac{\pi^2}{6}",
            invalid(
                "�� ~~ ]] {{ �� \x02\x03 ^^ �� ;; �� \x05 ## �� ]] �� ~~ �� {{ \x06 �� ^^ ��",
                "nothing that can be read",
                "garbled",
            ),
        ),
    ),
    *showing(
        "asks for internet access",
        about(
            "number",
            "How many people lived in Rome in 1900?",
            "462783",
            invalid(
                "To answer this I would need access to the internet, which I do not have. Could you look it up for me?",
                "asks for internet access",
                "refusal",
            ),
            invalid(
                "I don't have access to the internet or real-time data, so I'm unable to provide this figure.",
                "says that it has no internet",
                "refusal",
            ),
            invalid("我无法访问互联网，因此不能回答这个问题。", "the same in Chinese", "refusal"),
        ),
    ),
    *showing(
        "broken question or gold",
        about(
            "number",
            "How many people lived in Rome in 1900?",
            None,
            invalid("The census counted them. The answer is 462783.", "no reference", "problem"),
        ),
        about(
            "text",
            "Who is shown in the picture?",
            "nan",
            invalid(
                "The picture shows a man with a hat. The answer is Napoleon.",
                "a reference that a table lost",
                "problem",
            ),
        ),
        about("number", "", "7", invalid("You did not ask anything. The answer is 7.", "no question", "problem")),
    ),
]

CASES = [*CORRECT_ALL_THE_SAME, *INCORRECT_IN_SPITE, *INVALID]

PATTERNS = (
    "unit conversion equal",
    "gold offers alternatives, one given",
    "sign convention for a decrease",
    "corrected after a wrong first answer",
    "all parts answered, scattered",
    "right letter, wrong option text",
    "not simplified although asked",
    "wrong open or closed endpoint",
    "needs all candidates, gives one",
    "ends unanswerable",
    "code only, no result",
    "long sequence off by one",
    "wrong rounding",
    "switches from right to wrong",
    "truncated",
    "looping",
    "garbled",
    "asks for internet access",
    "broken question or gold",
)
"""All of section 3.3 of the list above, in its order: five that are correct, nine that are not, five invalid."""
