"""Finer points of how answers are built: logarithms, lists, sets, sequences, labelled parts, JSON, simplest form."""

from .case import about, correct, lines, near

EXPRESSIONS = [
    *about(
        "math",
        "What is the integral?",
        r"\ln 2",
        correct(r"The antiderivative is the logarithm: $\boxed{\log 2}$", "a bare log beside a natural one"),
        near(r"The antiderivative is the logarithm: $\boxed{\log_{10} 2}$", "the base is ten"),
        near(r"The antiderivative is the logarithm: $\boxed{\ln 3}$", "the end of the interval"),
    ),
    *about(
        "math",
        "What is the exponent?",
        r"\lg 5",
        correct(r"Powers of ten: $\boxed{\log_{10} 5}$", "lg is the logarithm to base ten"),
        near(r"Powers of two: $\boxed{\log_2 5}$", "the base is two"),
    ),
    *about(
        "math",
        "What is the function?",
        r"\sin x",
        correct("The odd one of both: \\boxed{sin x}", "a function without its backslash"),
        near("The even one of both: \\boxed{cos x}", "another function without its backslash"),
    ),
    *about(
        "math",
        "What is the odd function?",
        "sin x",
        correct(
            r"Its graph passes through zero: $\boxed{\sin x}$", "a function of the reference without its backslash"
        ),
        near(r"Its graph passes through one: $\boxed{\cos x}$", "another function"),
    ),
    *about(
        "math",
        "How much longer is the first rod?",
        "a-b",
        correct(r"We subtract the shorter one: $\boxed{-b+a}$", "a difference of letters is no word"),
        near(r"We subtract the longer one: $\boxed{b-a}$", "the other difference"),
    ),
    *about(
        "math",
        "How much larger is the rectangle?",
        "ab-c",
        correct(r"We subtract the square: $\boxed{ba-c}$", "the factors swapped"),
        near(r"We subtract the square: $\boxed{ac-b}$", "other factors"),
    ),
    *about(
        "math",
        "What is the second coordinate?",
        "x_2",
        correct(r"Counting from one: $\boxed{x_{2}}$", "braces around the index"),
        correct("Counting from one: \\boxed{x₂}", "a lowered digit"),
        near("Counting from zero: \\boxed{x₁}", "another lowered digit"),
    ),
    *about(
        "math",
        "What is the successor?",
        "x+1",
        correct(r"One more: \boxed{x~+~1}", "blanks that do not break"),
        correct(r"One more: \boxed{\boldsymbol x + 1}", "a bold letter without braces"),
    ),
    *about(
        "number",
        "What is the price?",
        "18 dollars",
        correct(r"Twice nine dollars. The answer is $\$18$.", "a dollar sign inside a formula"),
        near(r"Twice nine euros. The answer is $€18$.", "a euro sign inside a formula"),
    ),
    *about(
        "number",
        "What is the price in Rome?",
        "18 euros",
        correct("Twice nine euros. The answer is $€18$.", "a euro sign inside a formula"),
        near(r"Twice nine dollars. The answer is $\$18$.", "a dollar sign inside a formula"),
    ),
]

ANGLES = [
    *about(
        "math",
        "How long is the longer leg?",
        r"\sqrt{3}",
        correct(r"From half an equilateral triangle: $\boxed{2\sin 60^\circ}$", "degrees under a sine"),
        correct(r"From half an equilateral triangle: $\boxed{\tan 60^\circ}$", "degrees under a tangent"),
        correct(r"From half an equilateral triangle: $\boxed{\cot 30^\circ}$", "degrees under a cotangent"),
        near(r"From half an equilateral triangle: $\boxed{\tan 30^\circ}$", "another angle"),
        near(r"From half an equilateral triangle: $\boxed{\tan 60}$", "radians"),
    ),
    *about(
        "math",
        "How long is the longest side?",
        "2",
        correct(r"From half an equilateral triangle: $\boxed{\sec 60^\circ}$", "degrees under a secant"),
        correct(r"From half an equilateral triangle: $\boxed{\csc 30^\circ}$", "degrees under a cosecant"),
        near(r"From half an equilateral triangle: $\boxed{\csc 60^\circ}$", "another angle"),
    ),
]

LISTS = [
    *about(
        "math",
        "Which values are possible?",
        "1000, 2000",
        correct(r"Counting in thousands: $\boxed{1,000, 2,000}$", "commas inside and between numbers"),
        correct(r"Counting in thousands: $\boxed{1000; 2000}$", "a semicolon between numbers"),
        near(r"Counting in thousands: $\boxed{1, 000, 2, 000}$", "blanks behind all commas"),
    ),
    *about(
        "math",
        "For which real $x$ does it hold?",
        r"\emptyset",
        correct(r"A square is never negative. \boxed{\text{no real solutions}}", "the empty set in words"),
        near(r"A square is never negative. \boxed{\text{all real solutions}}", "the opposite in words"),
    ),
    *about(
        "math",
        "For which real $x$ does it hold true?",
        r"(-\infty, \infty)",
        correct(r"A square is never negative. $\boxed{\mathbb{R}}$", "the sign of all real numbers"),
        near(r"A square is never negative. $\boxed{(0, \infty)}$", "half of them"),
    ),
    *about(
        "math",
        "Where does the logarithm exist?",
        r"(3, \infty)",
        correct(r"The argument is positive: $\boxed{\{x \mid x > 3\}}$", "a set by its condition"),
        near(r"The argument is positive: $\boxed{\{x \mid x \ge 3\}}$", "a set by its condition, with its end"),
    ),
    *about(
        "math",
        "Give the vector.",
        r"\langle 1, 2 \rangle",
        correct(r"From the tail to the head: $\boxed{\langle 1, 2 \rangle}$", "angle brackets"),
        near(r"From the tail to the head: $\boxed{\langle 2, 1 \rangle}$", "the components exchanged"),
        near(r"From the tail to the head: $\boxed{\langle 1, 2, 0 \rangle}$", "a component too many"),
    ),
]

SEQUENCES = [
    *about(
        "sequence",
        "Order the cities from north to south.",
        "New York, Los Angeles, Mexico City",
        correct("By latitude, the answer is New York, Los Angeles, Mexico City.", "items of two words between commas"),
        correct(
            "By latitude, the answer is New York; Los Angeles; Mexico City.", "items of two words between semicolons"
        ),
        correct(
            lines("By latitude:", "", r"\boxed{\text{New York} \to \text{Los Angeles} \to \text{Mexico City}}"),
            "items of two words between arrows",
        ),
        near("By latitude, the answer is Los Angeles, New York, Mexico City.", "the first two exchanged"),
    ),
    *about(
        "sequence",
        "Order the cities from north to south, please.",
        "1. New York\n2. Los Angeles\n3. Mexico City",
        correct("By latitude, the answer is New York, Los Angeles, Mexico City.", "a numbered list as reference"),
        near(
            "By latitude, the answer is New York, Mexico City, Los Angeles.",
            "a numbered list as reference, two exchanged",
        ),
    ),
    *about(
        "sequence",
        "List the groups.",
        "1, 2; 3, 4; 5, 6",
        correct("In pairs, the answer is 1, 2; 3, 4; 5, 6.", "commas inside the items"),
        near("In threes, the answer is 1, 2, 3; 4, 5, 6.", "the same numbers in other items"),
    ),
    *about(
        "sequence",
        "List the first three multiples of a thousand.",
        "1000, 2000, 3000",
        correct("By counting, the answer is 1,000, 2,000, 3,000.", "commas inside and between numbers"),
        near("By counting, the answer is 1,000, 2,000, 3,001.", "the last one off by one"),
    ),
    *about(
        None,
        "In what order do the runners come in?",
        "3 1 2",
        correct(
            "Number three is the fastest. The answer is 3, 1, 2.",
            "numbers between blanks are a sequence",
            one_way="numbers between commas show no order",
        ),
        near("Number one is the fastest. The answer is 1, 2, 3.", "another order of numbers"),
    ),
    *about(
        None,
        "In what order do the letters come in?",
        "C A B",
        correct("C is the fastest. The answer is C, A, B.", "letters between blanks are a sequence"),
        near(
            "A is the fastest. The answer is A, B, C.",
            "another order of letters",
            one_way="letters between commas are choices",
        ),
    ),
    *about(
        None,
        "Trace the path.",
        "a -> c -> b -> a",
        correct("Around the triangle, the answer is a → c → b → a.", "arrows of two kinds, type inferred"),
        near("Around the triangle, the answer is a → b → c → a.", "the other way round, type inferred"),
    ),
]

LABELLED = [
    *about(
        "multi",
        "(1) How many are there? (2) How many are free?",
        "1. 12\n2. 7",
        correct(r"Four threes, less five: \boxed{(1) 12; (2) 7}", "numbers as labels in two forms"),
        near(r"Four threes, less five: \boxed{(2) 12; (1) 7}", "numbers as labels, exchanged"),
        correct(r"Four threes, less five: \boxed{(2) 7; (1) 12}", "numbers as labels, in another order"),
    ),
    *about(
        "multi",
        "① 一共有多少把椅子？② 还剩多少把？",
        "① 12 ② 7",
        correct(r"四乘三，再减五：\boxed{② 7 ① 12}", "circled labels, in another order"),
        near(r"四乘三，再减五：\boxed{② 12 ① 7}", "circled labels, exchanged"),
    ),
    *about(
        "multi",
        "第一问：一共有多少把椅子？第二问：还剩多少把？",
        "第一问：12；第二问：7",
        correct(r"四乘三，再减五：\boxed{第二问：7；第一问：12}", "Chinese labels, in another order"),
        near(r"四乘三，再减五：\boxed{第二问：12；第一问：7}", "Chinese labels, exchanged"),
    ),
    *about(
        "multi",
        "1. How many are there? 2. How many are free?",
        "1. 12 2. 7",
        correct(
            r"Four threes, less five: \boxed{2. 7 1. 12}", "numbers and dots as labels in one line, in another order"
        ),
        near(r"Four threes, less five: \boxed{2. 12 1. 7}", "numbers and dots as labels in one line, exchanged"),
    ),
    *about(
        "multi",
        "(i) How many are there? (ii) How many are free?",
        "(i) 12 (ii) 7",
        correct(r"Four threes, less five: \boxed{(ii) 7, (i) 12}", "Roman labels, in another order"),
        near(r"Four threes, less five: \boxed{(ii) 12, (i) 7}", "Roman labels, exchanged"),
    ),
    *about(
        "multi",
        "(a) How many are there? (b) How many are free?",
        "(a) 12 (b) 7",
        correct(r"Four threes, less five: \boxed{12 \text{ and } 7}", "parts joined by an upright and"),
        correct("Four threes, less five. The answer is 12 and 7.", "parts joined by and"),
        correct(r"四乘三，再减五：\boxed{12和7}", "parts joined by a Chinese and"),
        near("Four threes, less five. The answer is 7 and 12.", "parts joined by and, exchanged"),
    ),
    *about(
        "multi",
        "Solve for both.",
        "x = 3; y = 4",
        correct(r"Adding both equations: \boxed{y = 4; x = 3}", "parts by their names, in another order"),
        near(r"Adding both equations: \boxed{y = 3; x = 4}", "parts by their names, the values exchanged"),
        near(r"Adding both equations: \boxed{x = 3; y = 5}", "parts by their names, the second off by one"),
    ),
    *about(
        None,
        "(a) How many chairs? (b) How many tables?",
        "(a) 12 (b) 7",
        correct(r"Counted twice: \boxed{(b) 7; (a) 12}", "labels in the reference, type inferred"),
        near(r"Counted once: \boxed{(a) 12; (b) 6}", "labels in the reference, the second off by one"),
    ),
    *about(
        "json",
        "Give the pair as JSON.",
        '```json\n{"a": 1, "b": 2}\n```',
        correct('Here it is: {"b": 2, "a": 1}', "a fence around the reference"),
        near('Here it is: {"b": 1, "a": 2}', "a fence around the reference, the values exchanged"),
        correct(r'Here it is: \boxed{\{"a": 1, "b": 2\}}', "escaped braces in a box"),
    ),
    *about(
        None,
        "Give the pair, please, as JSON.",
        '{"a": 1, "b": 2}',
        correct('Here it is: {"b": 2.0, "a": 1}', "an object as reference, type inferred"),
        near('Here it is: {"b": 2.5, "a": 1}', "an object as reference, another number"),
    ),
]

SIMPLEST = [
    *about(
        "math",
        "Write the ratio of red balls as a fraction in simplest form.",
        r"\frac{1}{2}",
        near(
            "Two of four balls. The answer is 2/4.",
            "a slash, not reduced",
            one_way="the other way round it is simplified",
        ),
        correct("Two of four balls. The answer is 1/2.", "a slash, reduced"),
    ),
    *about(
        "math",
        "Give the sine of 45 degrees in simplest radical form.",
        r"\frac{\sqrt{2}}{2}",
        near(
            r"Half of a square: $\boxed{\frac{1}{\sqrt{2}}}$",
            "a root below the line",
            one_way="the other way round it is simplified",
        ),
        near(
            "Half of a square. The answer is $1/\\sqrt{2}$.",
            "a root behind a slash",
            one_way="the other way round it is simplified",
        ),
        correct(r"Half of a square: $\boxed{\frac{\sqrt 2}{2}}$", "the root above the line"),
    ),
    *about(
        "math",
        "Simplify $\\sqrt{25}$.",
        "5",
        near(
            r"The root of a square: $\boxed{2+3}$",
            "a sum that is not worked out",
            one_way="the other way round it is simplified",
        ),
        correct(r"The root of a square: $\boxed{5}$", "the root is drawn"),
    ),
]

CASES = [*EXPRESSIONS, *ANGLES, *LISTS, *SEQUENCES, *LABELLED, *SIMPLEST]
