from whet.stages.selection.contamination import TestSet, asked_text, words_of

TWENTY = " ".join(f"w{number}" for number in range(20))


def test_words_lose_their_punctuation_and_case_and_keep_signs_of_mathematics():
    assert words_of('What, is "X" + (2)? ...') == ["what", "is", "x", "+", "2", "..."]


def test_thirteen_words_in_a_row_overlap_and_twelve_do_not():
    test_set = TestSet([TWENTY])
    inside = TWENTY.split()
    assert test_set.overlap("start " + " ".join(inside[3:16]) + " end") == "words"  # w3 .. w15: 13 words
    assert test_set.overlap("start " + " ".join(inside[3:15]) + " end") is None  # w3 .. w14: 12 words


def test_a_short_text_overlaps_only_when_it_is_the_same():
    test_set = TestSet(["What is 2 + 3?"])
    assert test_set.overlap("what is  2 + 3") == "exact"
    assert test_set.overlap("What is 2 - 3?") is None
    assert test_set.overlap("Tell me: What is 2 + 3?") is None


def test_whole_texts_alone_are_compared_where_that_is_asked_for():
    test_set = TestSet([TWENTY], run_words=0)
    assert test_set.overlap(TWENTY) == "exact"
    assert test_set.overlap("start " + TWENTY) is None


def test_wording_that_many_test_problems_share_is_no_overlap():
    wording = " ".join(f"t{number}" for number in range(14))
    shared = [f"{wording} {number}" for number in range(11)]
    assert TestSet(shared).overlap(f"{wording} 99") is None  # the 13 words stand in 11 problems
    assert TestSet(shared[:10]).overlap(f"{wording} 99") == "words"  # in 10: still taken for a copy
    assert TestSet([*shared[:10], shared[0]]).overlap(f"{wording} 99") == "words"  # a problem twice counts once


def test_system_messages_are_not_what_is_asked():
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
    ]
    assert asked_text(messages) == "a\nb"
