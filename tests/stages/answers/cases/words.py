"""Yes and no, words, names and dates."""

from .case import about, correct, invalid, near, wrong

BOOLEANS = [
    *about(
        "boolean",
        "Is 91 a prime number?",
        "No",
        correct("91 is 7 times 13. So the answer is no.", "the word"),
        correct(r"91 is 7 times 13. $\boxed{\text{No}}$", "the word in a box"),
        correct("91 is 7 times 13. The answer is **False**.", "false is no"),
        correct("No, 91 is not prime: it is 7 times 13.", "the word that opens the reply"),
        correct("91 is 7 times 13. Answer: No, it is not prime.", "the word and a clause that repeats it"),
        near("91 cannot be divided by 2, 3 or 5. So the answer is yes.", "the other word"),
        near(r"91 cannot be divided by 2, 3 or 5. \boxed{True}", "the other word in another spelling"),
        near("Yes, 91 is prime: neither 2 nor 3 nor 5 divides it.", "the other word opens the reply"),
        wrong("Sometimes. The answer is yes and no.", "both at once"),
        wrong("I tried some. The answer is 7.", "a divisor is no truth value"),
        invalid("91 has the divisors 7 and 13 beside 1 and itself.", "facts without a yes or no", "no answer"),
    ),
    *about(
        "boolean",
        "True or false: the square root of 2 is irrational.",
        "True",
        correct(
            "Suppose it were a fraction; a contradiction follows. The statement is true.",
            "a sentence about the statement",
        ),
        correct("Suppose it were a fraction; a contradiction follows. The answer is Yes.", "yes is true"),
        near("It is 1.41421, a decimal. The statement is false.", "the other word about the statement"),
        near("It is 1.41421, a decimal. The answer is not true.", "a denial"),
    ),
    *about(
        "boolean",
        "2是质数吗？",
        "是",
        correct("2只有1和2两个因数，所以答案是：是", "Chinese yes"),
        correct("2只有1和2两个因数，所以答案是：是的。", "Chinese yes, polite"),
        near("2是偶数，所以答案是：否。", "Chinese no"),
        near("2是偶数，所以答案是：不是。", "Chinese no in two signs"),
    ),
    *about(
        "boolean",
        "判断：三角形内角和为180度。",
        "正确",
        correct("这是平面几何的定理。答案是：对。", "right in one sign"),
        near("这不是平面几何的定理。答案是：错误。", "wrong in two signs"),
    ),
    *(
        case
        for reference, same, other in (
            ("yes", "true", "false"),
            ("true", "yes", "no"),
            ("false", "no", "yes"),
            ("correct", "yes", "no"),
            ("incorrect", "no", "yes"),
            ("是", "yes", "no"),
            ("否", "no", "yes"),
            ("对", "yes", "no"),
            ("错", "no", "yes"),
            ("正确", "yes", "no"),
            ("错误", "no", "yes"),
        )
        for case in about(
            None,
            "Is it so?",
            reference,
            correct(f"I have looked at it closely. The answer is {same}.", f"{same} is {reference}, type inferred"),
            near(f"I have looked at it closely. The answer is {other}.", f"{other} is not {reference}, type inferred"),
        )
    ),
    *about(
        None,
        "Do all swans have white feathers?",
        "No",
        correct("In Australia there are black swans. The answer is no.", "yes or no as reference, type inferred"),
        near("I have seen only white ones. The answer is yes.", "the other word, type inferred"),
    ),
]

TEXTS = [
    *about(
        "text",
        "On which day did it happen?",
        "Tuesday",
        correct("It was the day after Monday. The answer is Tuesday.", "the word"),
        correct(r"It was the day after Monday. \boxed{\text{tuesday}}", "small letters"),
        correct('It was the day after Monday. The answer is "Tuesday".', "quotation marks"),
        correct("It was the day after Monday. The answer is **Tuesday**!", "bold, with an exclamation mark"),
        near("It was the day before Friday. The answer is Thursday.", "another day"),
        near("It was not the day I thought. The answer is not Tuesday.", "a denial"),
        near(
            "It was one of two days. The answer is Monday or Tuesday.",
            "two days",
            one_way="as a reference it offers alternatives",
        ),
        invalid(
            "It happened the day after Monday, as far as I remember from the story.",
            "no statement of the day",
            "no answer",
        ),
    ),
    *about(
        "text",
        "Who wrote it?",
        "Gabriel García Márquez",
        correct("It is the great novel of Macondo. The answer is gabriel garcía márquez.", "small letters"),
        near("It is the great novel of Macondo. The answer is Gabriel García.", "a name is missing"),
        near("It is a great novel. The answer is Gabriel García Marquez Jr.", "another person"),
    ),
    *about(
        "text",
        "What is the name of the tower?",
        "the Eiffel Tower",
        correct("It was built in 1889 in Paris. The answer is Eiffel Tower.", "the article is missing"),
        near("It was built in 1889 in Paris. The answer is the Eiffel Bridge.", "another building"),
    ),
    *about(
        "text",
        "Reverse the words: hello world",
        "dlrow olleh",
        correct("Letter by letter from the back. The answer is dlrow  olleh.", "two blanks"),
        near("Letter by letter from the back. The answer is dlrow oleh.", "a letter is missing"),
        near("Word by word from the back. The answer is olleh dlrow.", "the words swapped"),
    ),
    *about(
        "text",
        "Which sign stands between the numbers?",
        ">",
        correct("Seven is more than five. The answer is $>$.", "a sign"),
        near("Seven is more than five. The answer is $<$.", "the sign turned around"),
    ),
    *about(
        "text",
        "中国的首都是哪里？",
        "北京",
        correct("中国的首都历史悠久。答案是北京。", "Chinese words"),
        near("中国的首都历史悠久。答案是南京。", "another Chinese city"),
    ),
    *about(
        "text",
        "What is the code?",
        "x1 y2",
        near("Reading the tag aloud, the answer is x1y2.", "a blank between words is part of it"),
        correct("Reading the tag aloud, the answer is `x1 y2`.", "code marks"),
    ),
]

DATES = [
    *about(
        "text",
        "When was the treaty signed?",
        "March 5, 2024",
        correct("The archive has the paper. The answer is March 5, 2024.", "the same form"),
        correct("The archive has the paper. The answer is 5 March 2024.", "the day in front"),
        correct("The archive has the paper. The answer is 2024-03-05.", "the form of computers"),
        correct("The archive has the paper. The answer is March 5th, 2024.", "the day with its ending"),
        correct("The archive has the paper. The answer is Mar 5, 2024.", "the month in short"),
        near("The archive has the paper. The answer is March 6, 2024.", "the next day"),
        near("The archive has the paper. The answer is May 3, 2024.", "day and month exchanged"),
        near("The archive has the paper. The answer is March 5, 2023.", "the year before"),
        near("The archive has the paper. The answer is March 2024.", "the day is missing"),
        near("The archive has the paper. The answer is 2024-05-03.", "the form of computers, day and month exchanged"),
    ),
    *about(
        "text",
        "条约是哪天签署的？",
        "2024年3月5日",
        correct("档案里有这份文件。答案是2024-03-05。", "a Chinese date in the form of computers"),
        near("档案里有这份文件。答案是2024年3月6日。", "the next day"),
    ),
    *about(
        None,
        "At what time do they arrive?",
        "4:30 p.m.",
        correct(r"Two hours later it is \boxed{4:30 \text{ p.m.}}.", "a time of day"),
        correct("Two hours later they arrive. The answer is 4:30 PM.", "capitals without dots"),
        correct("Two hours later they arrive. The answer is 16:30.", "twenty-four hours"),
        near("Two hours later they arrive. The answer is 4:30 a.m.", "the morning"),
        near("Two hours later they arrive. The answer is 4 p.m.", "the minutes are missing"),
    ),
]

CASES = [*BOOLEANS, *TEXTS, *DATES]
