"""Answers of several parts: sequences, several sub-questions, json."""

from .case import about, correct, invalid, lines, near

SEQUENCES = [
    *about(
        "sequence",
        "Sort the numbers in ascending order: 5, 3, 9, 1",
        "1, 3, 5, 9",
        correct("The smallest is 1, the largest 9. The answer is 1, 3, 5, 9.", "commas"),
        correct(r"The smallest is 1, the largest 9. \boxed{[1, 3, 5, 9]}", "square brackets"),
        correct(r"The smallest is 1, the largest 9. \boxed{(1, 3, 5, 9)}", "round brackets"),
        correct("The smallest is 1, the largest 9. The answer is 1 < 3 < 5 < 9.", "signs between them"),
        correct("The smallest is 1, the largest 9. The answer is 1 → 3 → 5 → 9.", "arrows between them"),
        correct("The smallest is 1, the largest 9. The answer is 1 3 5 9.", "blanks between them"),
        near("The smallest is 1, the largest 9. The answer is 1, 5, 3, 9.", "two of them exchanged"),
        near("The smallest is 1, the largest 9. The answer is 9, 5, 3, 1.", "descending"),
        near("The smallest is 1, the largest 9. The answer is 1, 3, 9.", "one is missing"),
        near("The smallest is 1, the largest 9. The answer is 1, 3, 3, 5, 9.", "one is there twice"),
        near("The smallest is 1, the largest 9. The answer is 1, 3, 5, 8.", "the last one off by one"),
        near("The smallest is 1, the largest 9. The answer is 1, 3, 5, 9, 11.", "one more at the end"),
        invalid("The smallest is 1, then there are 3 and 5, and 9 comes last.", "numbers in running text", "no answer"),
    ),
    *about(
        "sequence",
        "Sort the words alphabetically: pear apple fig",
        "apple fig pear",
        correct("a comes before f and p. The answer is apple fig pear.", "words with blanks"),
        correct("a comes before f and p. The answer is apple, fig, pear.", "words with commas"),
        correct(
            lines("a comes before f and p. The answer is:", "", "1. apple", "2. fig", "3. pear"), "a numbered list"
        ),
        correct(r"a comes before f and p. \boxed{\text{apple, fig, pear}}", "words in a box"),
        near("f comes before p. The answer is apple pear fig.", "two words exchanged"),
        near("a comes before f and p. The answer is apple fig.", "a word is missing"),
        near("a comes before f and p. The answer is apple fog pear.", "a letter changed"),
        near(
            lines("a comes before f and p. The answer is:", "", "1. apple", "2. pear", "3. fig"),
            "a numbered list in another order",
        ),
    ),
    *about(
        "sequence",
        "Who is taller than whom? Give the order from tall to small.",
        "Ann > Bob > Cid",
        correct("Ann tops Bob and Bob tops Cid. The answer is Ann, Bob, Cid.", "a reference with signs"),
        near("Ann tops Bob and Cid tops Bob. The answer is Ann > Cid > Bob.", "the last two exchanged"),
    ),
    *about(
        "sequence",
        "Write the next three terms.",
        r"\frac{1}{2}, \frac{1}{4}, \frac{1}{8}",
        correct("Each term is half of the one before. The answer is 1/2, 1/4, 1/8.", "fractions in another form"),
        correct("Each term is half of the one before. The answer is 0.5, 0.25, 0.125.", "decimals"),
        near("Each term is half of the one before. The answer is 1/2, 1/4, 1/6.", "the last term"),
    ),
    *about(
        "sequence",
        "Which letters are left?",
        "A, B, A",
        correct("Reading from the left, the answer is A, B, A.", "a repeated member"),
        near("Reading from the left, the answer is A, B.", "the repetition is missing"),
        near("Reading from the left, the answer is A, A, B.", "another order"),
    ),
]

CHAIRS = "A hall has 4 rows of 3 chairs. (a) How many chairs are there? (b) 5 chairs are taken, how many are free?"

SUB_QUESTIONS = [
    *about(
        "multi",
        CHAIRS,
        "(a) 12 (b) 7",
        correct(
            lines(
                r"(a) Four rows of three are \boxed{12} chairs.",
                "",
                r"(b) Of these five are taken. So \boxed{7} chairs are free.",
            ),
            "a box in each part",
        ),
        correct(r"Four rows of three, five taken: \boxed{(a) 12, (b) 7}", "both parts in one box"),
        correct(r"Four rows of three, five taken: \boxed{12, 7}", "both numbers in their order"),
        correct(r"Five are taken of four times three: \boxed{(b) 7, (a) 12}", "labelled, in another order"),
        correct(
            lines("**(a)** 4 times 3 is 12.", "**(b)** 12 less 5 is 7.", "", "The answers are (a) 12 and (b) 7."),
            "both parts in the final sentence",
        ),
        near(r"Four rows of three, five taken: \boxed{7, 12}", "without labels the order matters"),
        near(r"Four rows of three, five taken: \boxed{(a) 7, (b) 12}", "the labels exchanged"),
        near(r"Four rows of three are \boxed{12} chairs.", "the second part is missing"),
        near(
            lines(
                r"(a) Four rows of three are \boxed{12} chairs.",
                "",
                r"(b) Of these five are taken. So \boxed{8} chairs are free.",
            ),
            "the second part off by one",
        ),
        near(
            lines(
                r"(a) Four rows of three are \boxed{13} chairs.",
                "",
                r"(b) Five are taken. So \boxed{7} chairs are free.",
            ),
            "the first part off by one",
        ),
        near(r"\boxed{(a) 12, (b) 7, (c) 3}", "a part too many"),
        invalid(
            "There are four rows, and in each of them three chairs stand; five are taken by the guests.",
            "no part is answered",
            "no answer",
        ),
    ),
    *about(
        "multi",
        "(1) Where do the lines meet? (2) How long is the segment?",
        r"(1) (2, 1); (2) \sqrt{5}",
        correct(r"Both by Pythagoras and by equating: \boxed{(1) (2,1); (2) \sqrt{5}}", "a pair and a root"),
        near(
            r"Both by Pythagoras and by equating: \boxed{(1) (1,2); (2) \sqrt{5}}",
            "the coordinates of one part exchanged",
        ),
        near(r"Both by Pythagoras and by equating: \boxed{(1) (2,1); (2) 5}", "the root of one part is missing"),
    ),
    *about(
        "multi",
        "Is it prime, and what is its square? Give both.",
        "no; 8281",
        correct("It is 7 times 13, and squared 8281. The answers are: no; 8281", "two parts of different kinds"),
        near("It is 7 times 13, and squared 8281. The answers are: yes; 8281", "the first part"),
        near("It is 7 times 13, and squared 8218. The answers are: no; 8218", "the second part, digits swapped"),
    ),
]

ANN = '{"name": "Ann", "age": 31, "pets": ["cat", "dog"]}'

JSON = [
    *about(
        "json",
        "Extract name, age and pets as JSON.",
        ANN,
        correct(
            lines("Here is the object:", "```json", '{"name": "Ann", "age": 31, "pets": ["cat", "dog"]}', "```"),
            "a fenced object",
        ),
        correct(
            lines(
                "Here is the object:",
                "```json",
                "{",
                '  "pets": ["cat", "dog"],',
                '  "age": 31,',
                '  "name": "Ann"',
                "}",
                "```",
            ),
            "the keys in another order, over several lines",
        ),
        correct('The answer is {"name": "Ann", "age": 31.0, "pets": ["cat", "dog"]}', "31.0 is 31"),
        correct('{"name":"Ann","age":31,"pets":["cat","dog"]}', "nothing but the object"),
        correct(
            lines("Draft:", "```json", '{"name": "Anna"}', "```", "Corrected:", "```json", ANN, "```"),
            "the last object",
        ),
        near('The answer is {"name": "Ann", "age": 32, "pets": ["cat", "dog"]}', "another number"),
        near('The answer is {"name": "Anne", "age": 31, "pets": ["cat", "dog"]}', "another name"),
        near('The answer is {"name": "Ann", "pets": ["cat", "dog"]}', "a key is missing"),
        near('The answer is {"name": "Ann", "age": 31, "pets": ["cat", "dog"], "city": "Rome"}', "a key too many"),
        near('The answer is {"name": "Ann", "age": 31, "pets": ["dog", "cat"]}', "lists have an order"),
        near('The answer is {"name": "Ann", "age": "31", "pets": ["cat", "dog"]}', "a text is no number"),
        near('The answer is {"name": "Ann", "age": 31, "pets": ["cat"]}', "a member is missing"),
        near('The answer is {"Name": "Ann", "age": 31, "pets": ["cat", "dog"]}', "a key with a capital"),
        near('The answer is {"name": "Ann", "age": 31, "pets": ["cat", "dog"]', "the object is not closed"),
        invalid("Ann is 31 years old and has a cat and a dog, as the text says.", "no object at all", "no answer"),
    ),
    *about(
        "json",
        "Which seats are free? Give a list of pairs as JSON.",
        '[[1, "a"], [2, null], [3, true]]',
        correct('The answer is [[1,"a"],[2,null],[3,true]]', "a list with null and true"),
        near('The answer is [[1,"a"],[2,null],[3,false]]', "false for true"),
        near('The answer is [[1,"a"],[2,0],[3,true]]', "zero for null"),
        near('The answer is [[1,"a"],[2,null],[3,1]]', "one for true"),
    ),
]

CASES = [*SEQUENCES, *SUB_QUESTIONS, *JSON]
