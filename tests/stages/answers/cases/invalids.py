"""What is no answer at all: truncated, looping, garbled, refused, empty, nothing stated, and problems that are "
"broken."""

from .case import about, correct, invalid, lines, near, unknown

PENS = "Tom has 3 boxes with 14 pens each. How many pens does he have?"

TRUNCATED = [
    *about(
        "number",
        PENS,
        "42",
        invalid(
            "There are 3 boxes with 14 pens each, so we have to multiply the number of",
            "cut by length, no answer",
            "truncated",
            finish_reason="length",
        ),
        invalid(
            "<think>3 boxes with 14 pens each. Maybe I should add, or else multiply. Let me",
            "cut inside the reasoning",
            "truncated",
            finish_reason="length",
        ),
        invalid(
            r"There are 3 boxes with 14 pens each. Hence $\boxed{4",
            "cut inside the box",
            "truncated",
            finish_reason="length",
        ),
        invalid(
            r"There are 3 boxes with 14 pens each. Hence $\boxed{42",
            "cut before the box closes: 42 may have gone on",
            "truncated",
            finish_reason="length",
        ),
        invalid(
            "There are 3 boxes with 14 pens each. The answer is 4",
            "cut inside the number",
            "truncated",
            finish_reason="length",
        ),
        invalid(
            "There are 3 boxes with 14 pens each. The answer is 42",
            "cut right behind the number: it may have gone on",
            "truncated",
            finish_reason="length",
        ),
        correct(
            r"Multiplying gives \boxed{42}. To be sure, let me count the pens one by one: 1, 2, 3,",
            "an answer before the cut",
            finish_reason="length",
            mark="cut by length after its answer",
        ),
        near(
            r"Multiplying gives \boxed{43}. To be sure, let me count the pens one by one: 1, 2, 3,",
            "a wrong answer before the cut",
            finish_reason="length",
            mark="cut by length after its answer",
        ),
        correct(
            "3 times 14. The answer is 42. To be sure, let me count the pens one by one: 1, 2,",
            "a phrase before the cut",
            finish_reason="length",
            mark="cut by length after its answer",
        ),
        near(
            "3 times 14. The answer is 41. To be sure, let me count the pens one by one: 1, 2,",
            "a wrong phrase before the cut",
            finish_reason="length",
            mark="cut by length after its answer",
        ),
        invalid(
            "There are 3 boxes with 14 pens each, which means that we have to multiply the number of",
            "the sentence breaks off",
            "truncated",
        ),
        invalid(
            "Each of the boxes holds 14 pens. Counting the boxes one after another, we first find",
            "the sentence breaks off, no finish reason",
            "truncated",
            finish_reason=None,
        ),
        invalid("每盒有14支铅笔，一共有3盒，所以我们需要把盒数和每盒的", "a Chinese sentence breaks off", "truncated"),
        invalid(
            lines(
                "We write a table:", "", "| box | pens |", "|-----|------|", "| 1 | 14 |", r"Then the total is $3 \cdot"
            ),
            "a formula breaks off",
            "truncated",
        ),
    ),
]

LOOPS = [
    *about(
        "number",
        PENS,
        "42",
        invalid("Let me count again. " * 120, "one sentence for ever", "looping", finish_reason="length"),
        invalid("Let me count again. " * 120, "one sentence for ever, and yet it stopped", "looping"),
        invalid(
            "We count the pens in the boxes. " + "14, " * 400, "one number for ever", "looping", finish_reason="length"
        ),
        invalid(
            "Step by step. "
            + "First I take the pens out of the box and put them on the desk, then I count those on the desk, and as "
            "there is one box left I take the next one, open it, and look at what is inside of it. But wait, I should "
            "check whether the pens of the first box are really all pens or whether some of them are pencils. " * 25,
            "a paragraph for ever",
            "looping",
            finish_reason="length",
        ),
        invalid(
            "3 boxes, 14 pens. So the total must be" + " the the the" * 200,
            "one word for ever",
            "looping",
            finish_reason="length",
        ),
        invalid("我再数一遍。" * 150, "a Chinese sentence for ever", "looping", finish_reason="length"),
        invalid(
            "<think>" + "Wait, is it 41 or 42? " * 150, "a loop inside the reasoning", "looping", finish_reason="length"
        ),
        correct(
            lines(*(f"Box {n} holds 14 pens, that makes {14 * n} so far." for n in range(1, 4)), "The answer is 42."),
            "lines that are alike are no loop",
        ),
        correct("14 + 14 + 14 = 42, and 14 + 14 + 14 = 42 again, so the answer is 42.", "saying it twice is no loop"),
        invalid(
            lines(
                *(
                    f"Box {n} is open now, and I can see {n % 7 + 9} red and {5 - n % 5} blue pens inside."
                    for n in range(1, 40)
                )
            ),
            "a long list without an answer is no loop",
            "no answer",
        ),
    ),
]

GARBLED = [
    *about(
        "number",
        PENS,
        "42",
        invalid("����� ��� ����� ���� �� ���� ��������", "characters that could not be read", "garbled"),
        invalid(
            "ÐÂ¤ï¿½Ã§Â¥Ã¦ÂÃ©ÂÃ¨Â¯ÂÃ¥Â¼ÂÃ¦ÂÂÃ§ÂÂÃ¥ÂÂÃ¦ÂÂ Ã©ÂÂÃ¨Â¯ÂÃ¥Â¼Â Ã¦ÂÂÃ§ÂÂÃ¥ÂÂ",
            "text in the wrong encoding",
            "garbled",
        ),
        invalid(
            "];;)) {{% ^^~ ]]}} ((*&& $$$ @@ !! ## }{][ ;;:: <<>> //\\\\ ||| ~~~ ^^^ %%% &&& *** ((( ))) {{{ }}}",
            "signs without a word",
            "garbled",
        ),
        invalid(
            "\x00\x01\x07 \x08\x0b\x0e\x0f \x10\x11\x12\x13 \x14\x15\x16 \x17\x18\x19\x1a \x1b\x1c",
            "control characters",
            "garbled",
        ),
        correct("Es sind drei Schachteln mit je 14 Stiften, also: \\boxed{42}", "another language is not garbled"),
        correct("3×14＝42，∴ 总数为 \\boxed{42}", "signs and Chinese are not garbled"),
    ),
]

REFUSALS = [
    *about(
        "number",
        PENS,
        "42",
        invalid("I'm sorry, but I can't help with that request.", "a refusal", "refusal"),
        invalid(
            "As an AI language model, I am not able to solve this kind of task for you.",
            "a refusal that speaks of itself",
            "refusal",
        ),
        invalid("I cannot assist with this. Please ask a teacher instead.", "a refusal with advice", "refusal"),
        invalid("抱歉，我无法回答这个问题。", "a Chinese refusal", "refusal"),
        invalid(
            "<think>The user asks about pens.</think>I'm sorry, I cannot answer this question.",
            "a refusal after reasoning",
            "refusal",
        ),
        correct("I can't see the boxes, but 3 times 14 is 42. The answer is 42.", "an answer in spite of a remark"),
        near("I'm sorry, but I can't count them all. The answer is 40.", "a wrong answer in spite of a remark"),
    ),
]

EMPTY = [
    *about(
        "number",
        PENS,
        "42",
        invalid("", "nothing at all", "empty"),
        invalid(" \n\t \n", "nothing but blanks", "empty"),
        invalid(None, "no text", "empty"),
        invalid("", "nothing at all, cut by length", "", finish_reason="length"),
    ),
]

UNSTATED = [
    *about(
        "number",
        PENS,
        "42",
        invalid(
            "Tom has three boxes, and in each of them there are fourteen pens.", "the question told again", "no answer"
        ),
        invalid("The answer is", "a phrase without an answer", ""),
        invalid(r"Here it comes: \boxed{}", "an empty box", "no answer"),
        invalid("####", "four number signs alone", ""),
        invalid(
            "Nice weather today! I like pens of all colours, the blue ones most of all.",
            "about something else",
            "no answer",
        ),
    ),
]

PROBLEMS = [
    *about("number", PENS, None, invalid(r"We multiply: \boxed{42}", "no reference", "problem")),
    *about("number", PENS, "", invalid(r"We multiply: \boxed{42}", "an empty reference", "problem")),
    *about(
        None,
        PENS,
        "  \n",
        invalid("We multiply, so the answer is 42.", "a reference of blanks", "problem"),
        invalid("", "an empty completion of a broken problem: the problem comes first", "problem"),
    ),
    *about(
        "math",
        "What is the value of the expression?",
        r"\frac{1}{",
        unknown(r"Inserting gives \boxed{4}.", "a reference that breaks off", "reference not understood"),
    ),
]

CASES = [*TRUNCATED, *LOOPS, *GARBLED, *REFUSALS, *EMPTY, *UNSTATED, *PROBLEMS]
