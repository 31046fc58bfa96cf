"""Finer points of where an answer stands: where it ends, what takes it back, and what only looks like one."""

from .case import about, correct, invalid, lines, near, unknown, wrong

PENS = "Tom has 3 boxes with 14 pens each, 50 pens are blue. How many pens does he have in the boxes?"
ROOTS = "What is the larger root of $x^2 - 5x + 6 = 0$?"

BOXES = [
    *about(
        "number",
        PENS,
        "42",
        correct(r"Multiplying we get \boxed 42 of the 50 blue ones.", "a box without braces ends with a blank"),
        correct(r"Multiplying we get $\boxed 42$(not 50).", "a box without braces ends with a dollar sign"),
        correct(r"Multiplying we get \(\boxed 42\)(not 50).", r"a box without braces ends with \)"),
        correct(r"Multiplying we get \[\boxed 42\](not 50).", r"a box without braces ends with \]"),
        correct(r"Multiplying we get \(\boxed{42\) of the 50 blue ones.", r"an open box ends with \)"),
        correct(r"Multiplying we get \[\boxed{42\] of the 50 blue ones.", r"an open box ends with \]"),
        correct(r"Multiplying we get $\boxed{42$ of the 50 blue ones.", "an open box ends with a dollar sign"),
        correct(lines(r"Multiplying we get \boxed{42", "There are 50 blue ones."), "an open box ends with its line"),
        correct(r"The boxes hold $\boxed{\framebox{42}}$ pens.", "a frame in a box"),
        correct(
            r"He has \boxed{42} pens. I write results as \boxed{\text{your answer}}.", "a place for an answer is none"
        ),
        correct(r"He has \boxed{42} pens. I write results as \boxed{...}.", "dots in a box are no answer"),
        correct(r"Two boxes hold \boxed{28} $+ 14 =$ \boxed{42} pens.", "a box that the next one builds on is a step"),
        correct(r"I get \boxed{28}, no, \boxed{42} pens.", "a box that is taken back in the sentence"),
        *(
            correct(rf"前两盒有\boxed{{28}}支，{step}\boxed{{42}}支。", f"{step} leads from one box to the next")
            for step in ("所以", "不对，", "因此", "因为有三盒，", "于是", "从而")
        ),
        correct(r"In words and digits, $\boxed{42}$ or $\boxed{42}$.", "one number in two boxes is one answer"),
    ),
    *about(
        "math",
        ROOTS,
        "3",
        correct(lines(r"\boxed{2}", r"\boxed{3}"), "boxes on two lines are two statements"),
        correct(r"One root is $\boxed{2}$. $\boxed{3}$ is the other one.", "boxes in two sentences are two statements"),
        correct(r"较小的根是\boxed{2}。较大的根是\boxed{3}。", "boxes in two Chinese sentences"),
    ),
    *about(
        "math",
        "Give the cases of the function.",
        r"\left\{ 2x, x>0 \right.",
        correct(
            r"It is only defined on the right: $\boxed{\left\{ 2x, x>0 \right.}$", "an escaped brace without a partner"
        ),
    ),
]

CONCLUSIONS = [
    *about(
        "number",
        "A train covers 180 km in 3 hours. How many kilometers does it cover in one hour?",
        "60",
        correct(
            lines("Let us see.", "<conclude>", "The answer is 60.", "</conclude>", "For two hours the answer is 120."),
            "what stands behind the conclusion does not count",
        ),
        correct(r"It covers \boxed{90} km. Wait, I divided by two. The answer is 60.", "a phrase corrects the box"),
        near(
            r"It covers \boxed{60} km. Actually, two of the hours are breaks. The answer is 180.",
            "a phrase spoils the box",
        ),
        correct(r"每小时行驶\boxed{90}公里。不对，应该除以3。答案是60。", "a Chinese phrase corrects the box"),
        correct(r"每小时行驶\boxed{90}公里。更正：答案是60。", "a Chinese correction"),
        correct(r"每小时行驶\boxed{90}公里。算错了，答案是60。", "a Chinese confession"),
        correct(
            r"It covers \boxed{60} km. For 5 hours the answer is 300.", "a phrase without a doubt leaves the box alone"
        ),
        correct(
            "The answer is 60. I checked it twice, so the answer is correct.",
            "that an answer is correct says nothing about it",
        ),
        correct("The answer is 60, not 90.", "what it is not is cut off"),
        correct("The answer is 60, and it holds for every hour from 1 to 3.", "a further clause is cut off"),
        correct("The answer is 60\n3 times 60 is 180 again", "a phrase ends with its line"),
        correct("答案是60。3乘以60等于180", "a Chinese phrase ends with its sentence"),
        correct("The answer is \\(\n60\n\\)", "a formula over several lines"),
        correct("It covers 60 km, which we state again: __60 km__.", "bold by underscores"),
        correct("#### 60\n#### Verification: 3 times 60 is 180", "a heading behind the answer"),
        correct("The solution is 60.", "the solution is"),
        correct("The final result is 60 km.", "the final result is"),
        correct("It covers 60 km. The answer is 60<|im_end|>", "a special token behind the answer"),
    ),
    *about(
        "math",
        "What does the shop take in?",
        "x+y",
        correct(r"Red and blue ones are sold, for **\(x + y\)** in all.", "a bold formula in the last sentence"),
        invalid(
            "Red and blue ones are sold, for x and y, and **nothing else** is.",
            "bold words are no mathematical answer",
            "no answer",
        ),
    ),
    *about(
        "number",
        "How many days has February in 2024?",
        "29",
        *(
            wrong(f"It is a question of the calendar. {ending}", "the last line says that there is no answer")
            for ending in (
                "There is not enough information.",
                "This is unanswerable.",
                "This has no answer.",
                "There is no solution.",
                "Such a day does not exist.",
                "这无法确定。",
                "这不能确定。",
                "信息不足。",
                "条件不足。",
                "此题无解。",
                "这样的日子不存在。",
            )
        ),
    ),
    *about(
        "choice",
        lines("Which animal barks?", "A. a cat", "B. a dog", "C. an eel"),
        "B",
        correct("Cats meow and eels are silent.\n#### B", "four number signs and a letter"),
        correct("Cats meow and eels are silent.\n\nB. a dog", "the option alone in the last line"),
        correct("Cats meow and eels are silent.\n\n(B)", "the letter alone in the last line"),
        correct(
            "Cats meow and eels are silent, so it has to be **B** and nothing else.", "a bold letter in the last line"
        ),
        correct("Cats meow and eels are silent. I choose B.", "a choice in the first person"),
        correct(
            "One may think that A is correct. But cats meow, so the answer is B.", "a phrase behind another option"
        ),
        correct("At first sight A is correct.\n#### B", "four number signs behind another option"),
        correct("有人说A正确。但是猫不会汪汪叫，答案是B。", "a Chinese phrase behind another option"),
        correct("只有狗会汪汪叫，所以B正确，其他都错。", "a Chinese sentence about an option"),
        near("只有猫会汪汪叫，所以A正确，其他都错。", "a Chinese sentence about another option"),
        near("Dogs meow and eels are silent.\n\n**C. an eel**", "another option alone in the last line"),
    ),
    *about(
        "boolean",
        "Is 91 a prime number?",
        "No",
        correct("91 is 7 times 13, so no.", "the last word of a sentence"),
        near("91 is not divisible by 5, so yes.", "the other one as the last word"),
        correct("Since 7 times 13 is 91, no.", "the last word behind a comma"),
        near("Since 5 does not divide 91, yes.", "the other one as the last word behind a comma"),
        correct("91 is 7 times 13. No, it is not prime.", "the first word of the last sentence"),
        near("5 does not divide 91. Yes, it is prime.", "the other one as the first word of the last sentence"),
        correct("91是7乘13，所以不是。", "the last word of a Chinese sentence"),
        near("91不能被5整除，因此是。", "the other one as the last word of a Chinese sentence"),
    ),
    *about(
        "boolean",
        "判断：91是质数。",
        "错误",
        correct("91是7乘13，这个说法是错误的，可以直接验证。", "a Chinese sentence about the statement"),
        near("91不能被5整除，这个说法是正确的，可以直接验证。", "the opposite in such a sentence"),
    ),
    *about(
        "sequence",
        "Sort by height, the tallest first: Bob, Cid, Ann",
        "Ann, Bob, Cid",
        correct("Ann tops Bob and Bob tops Cid. The order is Ann, Bob, Cid.", "the order is"),
        correct("Ann tops Bob, Bob tops Cid.\n#### Ann, Bob, Cid", "four number signs and a list"),
        correct("安比鲍勃高，鲍勃比锡德高。答案是：Ann, Bob, Cid", "a Chinese phrase and a list"),
        correct("Ann tops Bob and Bob tops Cid, hence:\n\nAnn -> Bob -> Cid", "arrows alone in the last line"),
        correct("Ann tops Bob and Bob tops Cid, hence:\n\nAnn, Bob, Cid", "a list alone in the last line"),
        correct("The sorted list is\n```\nAnn\nBob\nCid\n```", "a block of lines"),
        correct(
            "The sorted list is\n```text\nAnn\nBob\nCid\n```\nSo Ann is the tallest.", "a block of lines before the end"
        ),
        correct("The order is Cid, Ann, Bob by age.\n#### Ann, Bob, Cid", "four number signs behind another list"),
        near("Ann tops Cid and Cid tops Bob, hence:\n\nAnn, Cid, Bob", "a list alone in the last line, two exchanged"),
    ),
    *about(
        "multi",
        "A hall has 4 rows of 3 chairs. (a) How many are there? (b) 5 are taken, how many are free?",
        "(a) 12 (b) 7",
        correct(
            lines("(a) 4 times 3 is the number.", "(b) That less 5 is left.", "", "The answers are 12 and 7."),
            "a closing phrase with as many parts as there are labels",
        ),
        *(
            correct(
                lines("(a) 4 times 3 is the number.", "(b) That less 5 is left.", "", f"{phrase}。"),
                "a closing phrase, its parts separated in another way",
            )
            for phrase in (
                "The answers are 12; 7",
                "The answers are 12, 7",
                "答案是12，7",
                "答案是12、7",
                "答案是12和7",
            )
        ),
        correct("The results are (a) 12, and (b) 7.", "labels in a sentence"),
        near("The results are (a) 12, and (b) 8.", "labels in a sentence, the second part off by one"),
        correct(
            lines("(a) 4 times 3, which is **12**.", "(b) That less 5, which is **7**."), "bold words in each part"
        ),
        correct(lines("(a) The answer is 12.", "(b) The answer is 7."), "a phrase in each part"),
        correct(r"Four threes, less five: \boxed{a) 12, b) 7}", "labels with one bracket"),
        near(r"Four threes, less five: \boxed{a) 7, b) 12}", "labels with one bracket, exchanged"),
    ),
    *about(
        "multi",
        "(a) How many are there on x sides? (b) How many are free?",
        "(a) 2x+1 (b) 7",
        correct("The results are (a) 2x+1 and (b) 7.", "labels joined by and in a sentence"),
        near("The results are (a) 2x-1 and (b) 7.", "labels joined by and in a sentence, the sign of a part"),
    ),
    *about(
        "multi",
        "(a) Which colour has the sun? (b) Which has the sky?",
        "(a) red (b) blue",
        correct("The colours are (a) red and (b) blue.", "words with labels in a sentence"),
        near("The colours are (a) blue and (b) red.", "words with labels in a sentence, exchanged"),
    ),
    *about(
        "json",
        "What is written on the sign, as JSON?",
        '{"text": "stop } here"}',
        correct(
            'The sign is large. {"text": "stop } here"} stands on it.',
            "a bracket inside a string is none",
        ),
        near('The sign is large. {"text": "stop { here"} stands on it.', "another bracket inside the string"),
        correct(
            '```json\n{"text": "stop } here"}\n```\nA sign that says stop alone would be {"text": "stop"}.',
            "the fenced object, though another one follows",
        ),
    ),
    *about(
        "json",
        "List the free seats as JSON.",
        "[1, 2]",
        wrong('The answer is {"seats": [1, 2], "taken":', "a list inside an object that is not closed"),
        correct(
            "The seats are free.\n\n[1, 2]", "a list", finish_reason="length", mark="cut by length after its answer"
        ),
    ),
]

BREAKING_OFF = [
    *about(
        "number",
        PENS,
        "42",
        invalid("He has three boxes. We multiply the", "the text ends with an article", "truncated"),
        invalid("他有三个盒子。我们把盒数和", "the text ends with a Chinese particle", "truncated"),
        invalid(
            "He has three boxes. We multiply, and find 3 ×", "the text ends with a sign that wants more", "no answer"
        ),
        invalid("He has three boxes. We multiply 3 +", "the text ends with a plus sign", "truncated"),
        invalid(
            r"He has three boxes. We multiply $3 \cdot", "the text ends with a command that wants more", "truncated"
        ),
        invalid(
            "He has three boxes and every one of them has been filled by hand",
            "a long sentence has no end",
            "truncated",
        ),
        invalid(
            "As an AI, maybe you are asking me about pens. Pens are for writing.",
            "a refusal that only speaks of itself",
            "refusal",
        ),
        invalid("作为人工智能，这些铅笔与我无关。", "a Chinese refusal that only speaks of itself", "refusal"),
        invalid("Boxes: three", "a label and a word break nothing off", "no answer"),
        invalid(
            "He has three boxes, that much is sure, and this is what I found: three",
            "a label at the end of a long sentence",
            "no answer",
        ),
        invalid(r"He has three boxes. \[ 3 \cdot 14.", "a display that is still open", "truncated"),
        invalid(r"He has three boxes. \( 3 \cdot 14.", "a formula that is still open", "truncated"),
        invalid(r"He has three boxes. \begin{align} 3 \cdot 14.", "an environment that is still open", "truncated"),
        invalid("He has three boxes.\n```python\nprint(3 * 14).", "a block of code that is still open", "truncated"),
        invalid("Let me count again. " * 18, "a loop of a few hundred characters", "looping"),
        invalid(
            " ".join(f"Step {n}: check the next box." for n in range(1, 40)),
            "sentences with a counter for ever",
            "looping",
        ),
        invalid(
            "\n".join(f"Step {n}: check box after box" for n in range(1, 40)),
            "lines with a counter for ever",
            "looping",
        ),
        correct("The answer is 42." + "0" * 500, "a long number is no loop"),
        invalid("the\x07 pen\x08s a\x01re\x02 in\x03 bo\x04xes", "control characters between letters", "garbled"),
        invalid("the\ue000 pen\ue001s a\ue002re\ue003 in\ue004 bo\ue005xes", "characters of private use", "garbled"),
        invalid("the\ud800 pen\ud801s a\ud802re\ud803 in\ud804 bo\ud805xes", "halves of characters", "garbled"),
        invalid(
            "the\U000e1000 pen\U000e1001s a\U000e1002re\U000e1003 in\U000e1004 bo\U000e1005xes",
            "characters that do not exist",
            "garbled",
        ),
        invalid("Ã¤Ã¶Ã¼ Ã©Ã¨Ãª Ã¢Ã®Ã´ Ã»Ã¹Ã¼ Ã¤Ã¶Ã¼", "words in the wrong encoding", "garbled"),
        invalid(
            "Пусть α, β, γ углы, 𝑥𝑦𝑧 и ℝℝℝ числа, où l'été près 我们有三个盒子。",
            "signs of mathematics are no foreign scripts",
            "no answer",
        ),
        invalid("ab кот αβγ אבג عرب กขค あいう 한국말 中文字", "nine scripts at once", "garbled"),
    ),
    *(
        case
        for reference in ("see solution", "???", "null", "n/a", "[deleted]", "略", "见解析")
        for case in about(
            "text", PENS, reference, invalid("The answer is 42.", f"the reference {reference} says nothing", "problem")
        )
    ),
    *about(
        "number",
        "��� ��� �� ���� ��� ������ ����",
        "42",
        invalid("The answer is 42.", "a question that cannot be read", "problem"),
    ),
    *about(
        "math",
        "How many carrots do they eat?",
        "2x per y",
        unknown(r"Two each: \boxed{2x}", "a word between the letters of a reference", "reference not understood"),
    ),
    *about(
        "math",
        PENS,
        "4 by 6",
        unknown(
            r"The sides are as told, \boxed{24}", "words between the numbers of a reference", "reference not understood"
        ),
    ),
]

CASES = [*BOXES, *CONCLUSIONS, *BREAKING_OFF]
