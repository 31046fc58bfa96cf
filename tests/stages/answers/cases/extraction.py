"""Where an answer stands: boxes, reasoning blocks, phrases, markdown, Chinese; the comparison behind it is easy."""

from .case import about, correct, invalid, lines, near, wrong

BOXES = [
    *about(
        "number",
        "Tom has 3 boxes with 14 pens each. How many pens does he have?",
        "42",
        correct(
            r"There are 3 boxes with 14 pens each. Multiplying gives $3 \cdot 14 = 42$. So Tom has $\boxed{42}$ pens.",
            "a box in the last sentence",
        ),
        correct(
            r"First I added: 3 + 14 gives \boxed{17}. But the boxes multiply. Hence the number of pens is \boxed{42}.",
            "of two boxes the last one",
        ),
        near(
            r"Multiplying gives \boxed{42}. Checking once more, I have to count the pen on the desk as well. "
            r"\boxed{43}",
            "of two boxes the last one, though the first was right",
        ),
        correct(r"Three times fourteen is forty-two. \fbox{42}", r"\fbox is a box"),
        near(r"Three times fourteen is twenty-four. \fbox{24}", r"\fbox with swapped digits"),
        correct(r"Three times fourteen: $\framebox{42}$ pens.", r"\framebox is a box"),
        correct(r"The product is the number of pens, $\boxed{\fbox{42}}$.", "a box around a box"),
        correct(r"The product is the number of pens: $\boxed{$\boxed{42}$}$.", "a box around a formula with a box"),
        correct(r"We have \[ 3 \cdot 14 = \boxed{42 \] pens in all.", "a box that never closes ends with its formula"),
        near(r"We have \[ 3 \cdot 14 = \boxed{41 \] pens in all.", "a box that never closes, off by one"),
        correct(lines("We multiply 3 by 14.", r"So the total is \boxed{42", ""), "a box that ends with its line"),
        correct(r"Since $3 \cdot 14 = 42$, he has $\boxed 42$ pens.", "a box without braces"),
        near(r"Since $3 \cdot 14 = 52$, he has $\boxed 52$ pens.", "a box without braces, one digit off"),
        correct(r"Each box holds 14. $\boxed {  42  }$", "blanks in and before a box"),
        correct(
            r"In all there are \boxed{42} pens. The box below is left for the grade: \boxed{}", "an empty box is none"
        ),
        correct(
            lines(r"Tom has \boxed{42} pens.", "", "The boxed number above counts all boxed pens."),
            "the word boxed in prose hides no box",
        ),
        correct(r"} This brace is lost. 3 boxes of 14 make \boxed{42}.", "a stray closing brace before the box"),
        correct(r"With { as a typo before it, the total is still \boxed{42}.", "a stray opening brace before the box"),
        correct(
            r"\boxed{This one is never closed. In the end we have \boxed{42} pens.", "the open box is not the last"
        ),
        correct(r"The total is \boxed{42.}", "a dot inside the box"),
        correct(r"The total is \boxed{42 \text{ pens}}.", "a unit inside the box"),
        correct(
            r"The total is \boxed{\text{Tom has } 42}.",
            "words before the number in the box",
            one_way="a reference is not picked out of words",
            mark="embedded number",
            strict="incorrect",
        ),
        near(r"The total is \boxed{\mathbf{44}}.", "a bold number in the box, off by two"),
        correct(r"The total is \boxed{\mathbf{42}}.", "a bold number in the box"),
        correct(r"The number of pens is $\boxed{3 \cdot 14}$.", "a product in the box, worked out by the comparison"),
        correct(r"The number of pens is $\boxed{3 \cdot 14 = 42}$.", "an equation in the box that ends in the number"),
        near(r"The number of pens is $\boxed{3 \cdot 14 = 44}$.", "an equation in the box whose end is wrong"),
    ),
    *about(
        "math",
        "Solve $x^2 - 5x + 6 = 0$.",
        "2, 3",
        correct(
            r"Factoring gives $(x-2)(x-3) = 0$. So the roots are $\boxed{2}$ and $\boxed{3}$.",
            "two boxes in one sentence",
        ),
        correct(
            r"Factoring gives $(x-2)(x-3) = 0$, hence $x = \boxed{3}$ or $x = \boxed{2}$.", "two boxes joined by or"
        ),
        near(r"Factoring gives $(x-2)(x-3) = 0$. One root is $x = \boxed{3}$.", "one of two roots"),
        near(
            r"Factoring gives $(x+2)(x-3) = 0$. So the roots are $\boxed{-2}$ and $\boxed{3}$.", "the sign of one root"
        ),
        near(r"Factoring gives the roots $\boxed{1}$, $\boxed{2}$ and $\boxed{3}$.", "one root more than there are"),
    ),
    *about(
        "math",
        "What is the larger root of $x^2 - 5x + 6 = 0$?",
        "3",
        near(r"The roots are $\boxed{2}$ and $\boxed{3}$.", "both boxes of a sentence count, one root was asked for"),
        correct(
            r"The smaller root is $\boxed{2}$. Since we want the larger one, the result is $\boxed{3}$.",
            "boxes in two sentences: the last one",
        ),
    ),
    *about(
        "math",
        "Write the set of prime numbers below 6.",
        r"\{2, 3, 5\}",
        correct(
            r"2, 3 and 5 are prime, 4 is not. Thus the set is $\boxed{\{2, 3, 5\}}$.", "escaped braces inside a box"
        ),
        near(r"2, 3 and 5 are prime, 4 is not. Thus the set is $\boxed{\{2, 3, 5, 6\}}$.", "one element too many"),
    ),
    *about(
        "math",
        "Which column vector solves the system?",
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}",
        correct(
            r"Back substitution gives 2 for y, then 1 for x. \[ \boxed{\begin{pmatrix} 1 \\ 2 \end{pmatrix}} \]",
            "a matrix inside a box",
        ),
        near(
            r"Back substitution gives 2 for x, then 1 for y. \[ \boxed{\begin{pmatrix} 2 \\ 1 \end{pmatrix}} \]",
            "the entries swapped",
        ),
    ),
]

REASONING = [
    *about(
        "number",
        "A train covers 180 km in 3 hours. How many kilometers does it cover in one hour?",
        "60",
        correct(
            lines("<think>180 / 3 ... maybe \\boxed{90}? No, that is 180 / 2.</think>", r"It covers \boxed{60} km."),
            "a box inside the reasoning does not count",
        ),
        near(
            lines("<think>180 / 3 = 60, so \\boxed{60}.</think>", r"It covers \boxed{50} km."),
            "the right box stands in the reasoning only",
        ),
        invalid(
            "<think>180 / 3 = 60, so the answer is 60. Let me check this again: 3 * 60 = 180. Good.",
            "a reasoning block that never ends holds no answer",
            "",
        ),
        invalid(
            "<think>180 / 3 = 60, so the answer is 60.</think>",
            "nothing stands behind the reasoning",
            "",
        ),
        correct("<thinking>The answer is 90.</thinking> The answer is 60.", "reasoning in a thinking tag"),
        correct("<reasoning>The answer is 90.</reasoning>\n#### 60", "reasoning in a reasoning tag"),
        correct("180 / 2 is 90, so the answer is 90? No. </think> The answer is 60.", "a block opened in the prompt"),
        correct(
            "<THINK>Is it \\boxed{90}?</THINK> Or <think>\\boxed{45}</think> no: the answer is 60.",
            "several blocks, in capitals too",
        ),
        correct(
            r"It covers \boxed{60} km. <think>Should I check whether \boxed{90} is better",
            "a block opened after the answer takes nothing away",
        ),
        correct(
            lines(
                r"Dividing by two gives \boxed{90}, by three 60.",
                "<conclude>",
                r"The train covers \boxed{60} km.",
                "</conclude>",
            ),
            "the conclusion is what counts",
        ),
        correct(
            lines(r"Dividing by two gives \boxed{90}, by three 60.", "<conclude>", "The answer is 60."),
            "a phrase in the conclusion, before it a box",
        ),
        near(
            lines(r"Dividing by three gives \boxed{60}.", "<conclude>", "The answer is 66.", "</conclude>"),
            "a wrong phrase in the conclusion, before it the right box",
        ),
        correct(
            lines(r"Dividing by two gives \boxed{90}, by three 60.", "", "**Final Answer**", "", "60"),
            "what stands before the final answer is cut, boxes too",
        ),
        near(
            lines(r"Dividing by three gives \boxed{60}.", "", "**Final Answer**", "", "90 / 3 = 30"),
            "after the final answer stands another number",
        ),
        correct(lines("**Final Answer**", "", r"\[ \boxed{60} \]"), "a box under the final answer"),
        correct("<answer>60</answer>", "an answer tag"),
        near("Dividing gives 60 km. <answer>61</answer>", "an answer tag, off by one"),
        correct(r"We divide. <answer> \boxed{60} km </answer>", "a box inside an answer tag"),
        correct("<answer>90</answer> Wait, that is for two hours. <answer>60</answer>", "the last answer tag"),
    ),
]

PHRASES = [
    *about(
        "number",
        "A farmer sells 9 eggs a day for 2 dollars each. What does he earn a day, in dollars?",
        "18",
        correct("9 eggs bring 2 dollars each. The answer is 18.", "the answer is"),
        near("9 eggs bring 2 dollars each. The answer is 16.", "the answer is, a wrong product"),
        correct("9 eggs bring 2 dollars each. So the final answer is: 18", "the final answer is"),
        correct("9 times 2 is 18.\nAnswer: 18", "answer with a colon"),
        correct("9 times 2 is 18.\nFinal Answer: $18$ dollars.", "final answer with a colon, a formula and a unit"),
        correct("9 times 2 is 18.\n**Answer:** 18", "a bold label"),
        correct("9 times 2 is 18. The answer is **18**.", "a bold number"),
        correct("9 times 2 is 18. ANSWER: 18", "capitals"),
        correct(
            "He earns 9 times 2. The correct answer is therefore 18, because he sells all eggs.", "a reason behind it"
        ),
        correct("He earns 9 times 2. The answer to this question is 18.", "words between answer and is"),
        correct("He earns 9 times 2, so the answer would be 18.", "would be"),
        correct("The final answer is $\\boxed{18}$. I hope it is correct.", "a phrase around a box"),
        correct("The answer is 17. Wait, 9 times 2 is not 17. The answer is 18.", "the last phrase"),
        near(
            "The answer is 18. Wait, one egg breaks on the way, so the answer is 16.", "the last phrase, which is wrong"
        ),
        correct("He earns:\n\nThe answer is:\n\n\\[\n18\n\\]", "a displayed formula under the phrase"),
        correct("The answer is\n$$\n18\n$$\n", "a displayed formula between dollars"),
        correct("9 times 2 is 18.\n\n### Answer\n\n18", "a heading, the answer below it"),
        correct("## Final answer\n\n- 18\n", "a heading, the answer in a list below"),
        correct("9 times 2 makes 18.\n\nHe earns **18 dollars** a day.", "a bold answer in the last sentence"),
        near("9 times 2 makes 19.\n\nHe earns **19 dollars** a day.", "a bold answer in the last sentence, off by one"),
        correct("He sells 9 eggs at $2.\n9 * 2 = <<9*2=18>>18\n#### 18", "four number signs"),
        near("He sells 9 eggs at $2.\n9 * 2 = <<9*2=18>>18\n#### 81", "four number signs, digits swapped"),
        correct("#### 9 * 2 = 17\nNo, that is wrong.\n#### $18", "the last four number signs, with a currency"),
        correct(
            "#### Step 1\nMultiply 9 by 2.\n#### Step 2\nThe answer is 18.", "headings of level four are no answers"
        ),
        correct("The answer is approximately 18.", "approximately before the number"),
        correct("The answer is `18`.", "code marks around the number"),
        correct("The answer is: 18 dollars per day.", "a unit of several words behind it"),
        correct("**The answer is 18.**", "all of the sentence is bold"),
        correct("*Answer*: _18_", "markdown of other kinds"),
        invalid(
            "He sells 9 eggs a day and takes 2 dollars for each of them, so 18 it must be in the end.",
            "a number in running text is no answer",
            "no answer",
        ),
        invalid(
            "**Step 1:** multiply 9 by 2.\n\nThis gives 18 dollars, which he takes home.",
            "a bold label of a step is no answer",
            "no answer",
        ),
        invalid("9 eggs, 2 dollars, 18.", "never a random number from the text", "no answer"),
        invalid(
            "Let me state the answer clearly. 9 times 2 makes 18 dollars a day.",
            "the word answer alone states nothing",
            "no answer",
        ),
    ),
    *about(
        "number",
        "小明有3盒铅笔，每盒14支。他一共有多少支铅笔？",
        "42",
        correct("每盒14支，共3盒，3×14=42。所以答案是42。", "Chinese: the answer is"),
        near("每盒14支，共3盒，3×14=45。所以答案是45。", "Chinese: the answer is, a wrong product"),
        correct("每盒14支，共3盒。\n答案：42", "Chinese: answer with a colon"),
        correct("3×14=42，因此最终答案为：42支。", "Chinese: the final answer, with a counter"),
        correct("【答案】42", "Chinese: the answer in brackets"),
        correct(r"3×14=42，故答案为$\boxed{42}$。", "Chinese: a box"),
        correct("3×14=42，所以结果是 42。", "Chinese: the result is"),
        correct("先算3×14。答案应该是42，因为每盒有14支。", "Chinese: should be, and a reason behind it"),
        invalid(
            "小明一共有3盒，每盒14支，合起来就是42支了", "Chinese: a number in running text is no answer", "no answer"
        ),
    ),
    *about(
        "choice",
        "下列哪个是质数？\nA. 21\nB. 23\nC. 25\nD. 27",
        "B",
        correct("21、25、27都能被分解，只有23是质数。故选B。", "Chinese: therefore choose"),
        correct("只有23是质数，所以正确答案是B。", "Chinese: the right answer is"),
        correct("只有23是质数。故选：B", "Chinese: therefore choose, with a colon"),
        near("21不能被分解，所以正确选项是A。", "Chinese: another option"),
    ),
    *about(
        "math",
        "Solve for $x$: $2x + 1 = 7$.",
        "3",
        correct("Subtract 1 and divide by 2.\n\nTherefore, the answer is $x = 3$.", "an equation behind the phrase"),
        near(
            "Subtract 1 and divide by 2.\n\nTherefore, the answer is $x = 4$.",
            "an equation behind the phrase, off by one",
        ),
        correct(
            "The answer is $3$, which checks: $2 \\cdot 3 + 1 = 7$.", "the formula behind the reason is not the answer"
        ),
        wrong("The answer is obvious.", "a word is no number"),
    ),
]

BARE = [
    *about(
        "number",
        "How many apples does she have?",
        "48",
        correct("48", "nothing but the number"),
        correct("<think>Two boxes of 24.</think>\n\n48", "nothing but the number behind the reasoning"),
        correct("48 apples", "nothing but the number and its unit"),
        near("47", "nothing but another number"),
        near("84.", "nothing but a number with its digits swapped"),
        invalid("She has 48 apples", "a number in running text", "no answer"),
        invalid("48", "the limit may have cut more digits off", "truncated", finish_reason="length"),
        invalid("24 + 24 =", "a sum without its end", "truncated"),
    ),
]

CASES = [*BOXES, *REASONING, *PHRASES, *BARE]
