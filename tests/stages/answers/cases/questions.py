"""What a question asks for changes what answers it: one completion under many wordings of the question."""

from .case import Case, about, correct, lines, near


def worded(answer_type: str | None, reference: str, case: Case, *questions: str) -> list[Case]:
    """One completion of several questions with the same reference."""
    return [
        worded_case
        for question in questions
        for worded_case in about(answer_type, question, reference, case._replace(why=f"{case.why}: {question[:60]!r}"))
    ]


SIMPLIFIED = [
    *worded(
        "math",
        r"\frac{1}{2}",
        near(
            r"Two of the four balls are red, so the probability is $\boxed{\frac{2}{4}}$.",
            "not in the form asked for",
            one_way="the other way round it is simplified",
        ),
        "What is the probability of a red ball? Give your answer in simplest form.",
        "Write the probability of a red ball as a fraction in lowest terms.",
        "Find the probability of a red ball and simplify the fraction.",
        "What is the probability of a red ball, as a fully simplified fraction?",
        "Express the probability of a red ball as a reduced fraction.",
        "Give the probability of a red ball in simplified form.",
        "What is the probability of a red ball? Reduce your answer.",
        "摸到红球的概率是多少？用最简分数表示。",
        "求摸到红球的概率，并化简。",
        "求摸到红球的概率，结果要约分。",
        "化简2/4。",
        "解方程$4x=2$，最简分数。",
        "把2/4化为最简分数。",
        "把2/4化成最简分数。",
    ),
    *worded(
        "math",
        r"\frac{1}{2}",
        correct(
            r"Two of the four balls are red, so the probability is $\boxed{\frac{2}{4}}$.",
            "no form was asked for",
        ),
        "What is the probability of a red ball?",
        "A simple bag holds four balls. How likely is a red one?",
        "The simplest bag of all holds four balls of two colours. How likely is a red one?",
    ),
]

ORDERED = [
    *worded(
        "math",
        "1, 2, 5",
        near(r"The divisors of ten below six are $\boxed{5, 1, 2}$.", "an order was asked for"),
        "List the divisors of ten below six in ascending order.",
        "List the divisors of ten below six in increasing order.",
        "Write the divisors of ten below six from smallest to largest.",
        "Give the divisors of ten below six, ordered from least to greatest.",
        "In what order do the divisors of ten below six appear on a ruler?",
        "按从小到大的顺序写出10的小于6的因数。",
        "由小到大写出10的小于6的因数。",
        "依次写出10的小于6的因数。",
        "把10的小于6的因数按升序写出来。",
        "按从小到大写出10的小于6的因数。",
        "按顺序写出10的小于6的因数。",
        "从小到大排列10的小于6的因数。",
        "对10的小于6的因数按升序排序。",
        "按升序列出10的小于6的因数。",
        "按升序找出10的小于6的因数。",
    ),
    *worded(
        "math",
        "5, 2, 1",
        near(r"The divisors of ten below six are $\boxed{1, 2, 5}$.", "an order was asked for"),
        "List the divisors of ten below six in descending order.",
        "Give the divisors of ten below six from greatest to least.",
        "把10的小于6的因数按降序写出来。",
    ),
    *worded(
        "math",
        "1, 2, 5",
        correct(r"The divisors of ten below six are $\boxed{5, 1, 2}$.", "no order was asked for"),
        "What are the divisors of ten below six?",
        "In order to find the divisors of ten below six, divide. What are they?",
    ),
]

ALL_WANTED = [
    *worded(
        "math",
        "3 or -3",
        near(r"Three times three is nine. $\boxed{3}$", "all were asked for"),
        "Find all numbers whose square is 9.",
        "What are the solutions of $x^2 = 9$?",
        "Find the roots of $x^2 - 9$.",
        "For what values of $x$ is $x^2 = 9$?",
        "List every number whose square is 9.",
        "Solve $x^2 = 9$. Enter your answers separated by commas.",
        "Solve $x^2 = 9$.",
        "What is $x$ if $x^2 = 9$?",
        "求所有平方等于9的数。",
        "方程$x^2=9$的全部解是什么？",
    ),
    *worded(
        "math",
        "3 or -3",
        correct(
            r"Three times three is nine. $\boxed{3}$",
            "one was asked for",
            one_way="one alternative does not offer the other",
        ),
        "Give a number whose square is 9.",
        "Name one number whose square is 9.",
        "写出一个平方等于9的数。",
    ),
]

UNITS = [
    *worded(
        "number",
        "120",
        correct(r"It starts at six and ends at eight, so it takes $\boxed{2 \text{ hours}}$.", "the unit asked for"),
        "How many minutes does the film run?",
        "How long does the film run, in minutes?",
        "电影放映多少分钟？",
    ),
    *worded(
        "number",
        "120",
        near(
            r"It starts at six and ends at eight, so it takes $\boxed{2 \text{ hours}}$.", "no such unit is asked for"
        ),
        "How many seconds does the film run?",
        "How long does the film run?",
    ),
]

PETS = [
    *worded(
        "text",
        "cat or dog",
        correct(
            "A cat may be kept there. The answer is cat.",
            "one was asked for",
            one_way="one alternative does not offer the other",
        ),
        "Which pet is allowed?",
        "Name a pet that is allowed.",
    ),
    *worded(
        "text",
        "cat or dog",
        near("A cat may be kept there. The answer is cat.", "all were asked for"),
        "Name all pets that are allowed.",
        "Which pets are allowed? Give every one of them.",
        "What are the possible answers?",
        "Find the values that the word may take.",
        "For which values of the word does it hold?",
        "What values may the word take?",
        "Select the pets that apply.",
        "Which pets are allowed? Give a comma-separated list.",
        "写出所有允许的宠物。",
        "这个词的全部值是什么？",
    ),
]

DECREASE = [
    *worded(
        "number",
        "8",
        correct("From 5 to -3 degrees the change is minus eight. The answer is -8.", "a decrease was asked for"),
        "How many degrees did the temperature fall?",
        "By how much did the temperature drop?",
        "What is the decrease of the temperature?",
        "Find the drop in temperature.",
        "气温下降了多少度？",
    ),
    *worded(
        "number",
        "8",
        near("From 5 to -3 degrees the change is minus eight. The answer is -8.", "no decrease was asked for"),
        "What is the temperature?",
        "The temperature falls. What is it in the end?",
        "How many games did the team lose?",
        "气温是多少度？",
    ),
]

PERCENT = [
    *worded(
        "number",
        "25",
        correct(r"Five of twenty children are ill. That makes $\boxed{25\%}$.", "percent were asked for"),
        "What percent of the twenty children are ill?",
        "What percentage of the children are ill?",
        "How many per cent of the children are ill?",
        "Express the share of ill children as a percentage.",
        "百分之几的孩子生病了？",
        "生病的孩子占的百分比是多少？",
        "求生病孩子的百分率。",
        "The percentage of ill children?",
        "生病的孩子占百分之多少",
        "生病的孩子占百分之几",
        "生病孩子的百分率是什么",
        "计算生病孩子的百分率。",
    ),
    *worded(
        "number",
        "25",
        near(r"Five of twenty children are ill. That makes $\boxed{25\%}$.", "percent were not asked for"),
        "How many children are ill?",
        "20 percent of the children have a cold. How many children are ill?",
        "The percentage is known. How many children are ill?",
    ),
]

ROUNDED = [
    *worded(
        "number",
        "2.66667",
        correct(
            r"Eight divided by three is $2.666\ldots$, which makes $\boxed{2.67}$.",
            "rounded as the question asks",
            one_way="a reference that is rounded does not know the other digits",
        ),
        "What is 8/3, rounded to two decimal places?",
        "What is 8/3 to the nearest hundredth?",
        "What is 8/3 dollars, to the nearest cent?",
        "What is 8/3? Round your answer to 2 decimal places.",
        "What is 8/3 to 2 d.p.?",
        "What is 8/3 to three significant figures?",
        "What is 8/3 to 3 s.f.?",
        "8除以3等于多少？保留三位有效数字。",
        "What is 8/3 to the nearest 0.01?",
        "8/3 = ...\nRounded to two decimal places.",
        "8除以3等于多少？保留两位小数。",
        "8除以3等于多少？精确到百分位。",
        "8除以3等于多少？精确到0.01。",
    ),
    *worded(
        "number",
        "2.66667",
        near(
            r"Eight divided by three is $2.666\ldots$, which makes $\boxed{2.67}$.",
            "rounding was not asked for",
            one_way="a reference may be a rounded one, an answer may not",
        ),
        "What is 8/3?",
        "What is 8/3, rounded to three decimal places?",
        "What is 8/3 to the nearest thousandth?",
    ),
    *worded(
        "number",
        "2.66667",
        near(r"Eight divided by three is $2.666\ldots$, which makes $\boxed{2.66}$.", "rounded wrongly"),
        "What is 8/3, rounded to two decimal places?",
        "What is 8/3 to the nearest hundredth?",
    ),
    *worded(
        "number",
        "1449.6",
        correct(
            r"Adding all four weights we get about $\boxed{1450}$.",
            "rounded as the question asks",
            one_way="a reference that is rounded does not know the other digits",
        ),
        "What is the sum to the nearest integer?",
        "What is the sum to the nearest whole number?",
        "What is the sum, rounded to the nearest ten?",
        "What is the sum to the nearest dollar?",
        "总和是多少？四舍五入到整数。",
        "总和是多少？保留整数。",
    ),
    *worded(
        "number",
        "1449.6",
        near(r"Adding all four weights we get about $\boxed{1450}$.", "rounding was not asked for"),
        "What is the sum?",
        "What is the sum to the nearest hundred?",
        "What is the sum to the nearest tenth?",
    ),
]

LARGE = [
    worded(
        "number",
        "2666666666.7",
        correct(
            rf"Adding all weights and rounding we get $\boxed{{{rounded}}}$.",
            "rounded as the question asks",
            one_way="a reference that is rounded does not know the other digits",
        ),
        f"What is the sum to the nearest {power}?",
    )[0]
    for power, rounded in (("thousand", 2666667000), ("million", 2667000000), ("billion", 3000000000))
]

OPTIONS = worded(
    "choice",
    "B",
    correct("Red and blue make purple, not this. The answer is green.", "the options are written in this way"),
    lines("Pick one.", "A. red", "B. green", "C. blue"),
    lines("Pick one.", "A) red", "B) green", "C) blue"),
    lines("Pick one.", "(A) red", "(B) green", "(C) blue"),
    lines("Pick one.", "A: red", "B: green", "C: blue"),
    lines("Pick one.", "**A.** red", "**B.** green", "**C.** blue"),
    "Pick one: (A) red (B) green (C) blue",
    r"Pick one. $\textbf{(A)}\ red \qquad \textbf{(B)}\ green \qquad \textbf{(C)}\ blue$",
    lines("选一个：", "A、red", "B、green", "C、blue"),
)

PARTS = [
    *worded(
        "multi",
        "12; 7",
        correct(
            lines(
                r"The first: four rows of three are \boxed{12} chairs.",
                "",
                r"The second: of these five are taken, which leaves \boxed{7} chairs.",
            ),
            "two boxes for two parts",
        ),
        "(a) How many chairs are there? (b) How many are free?",
        lines("a) How many chairs are there?", "b) How many are free?"),
        lines("1. How many chairs are there?", "2. How many are free?"),
        "(i) How many chairs are there? (ii) How many are free?",
        "① 一共有多少把椅子？② 还剩多少把？",
        "第一问：一共有多少把椅子？第二问：还剩多少把？",
    ),
]

CASES = [*SIMPLIFIED, *ORDERED, *ALL_WANTED, *UNITS, *PETS, *DECREASE, *PERCENT, *ROUNDED, *LARGE, *OPTIONS, *PARTS]
