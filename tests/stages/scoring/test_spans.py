"""Which characters each token makes, and which tokens make an answer."""

from collections.abc import Sequence

import numpy as np
import pytest

from whet.stages.scoring.policies import confidence
from whet.stages.scoring.spans import overlapping, token_spans
from whet.stages.scoring.steps import step_ends


def decode_of(tokens: Sequence[bytes]):
    return lambda ids: b"".join(tokens[i] for i in ids).decode(errors="replace")


def test_every_token_gets_the_characters_it_makes() -> None:
    tokens = [b"so \\bo", b"xed{", b"12", b"}"]
    assert token_spans(decode_of(tokens), [0, 1, 2, 3]) == (
        "so \\boxed{12}",
        [(0, 6), (6, 10), (10, 12), (12, 13)],
    )


def test_tokens_that_share_a_character_have_its_span() -> None:
    one, two, three = "\u20ac".encode()[:1], "\u20ac".encode()[1:2], "\u20ac".encode()[2:]
    text, spans = token_spans(decode_of([b"5 ", one, two, three, b"!"]), [0, 1, 2, 3, 4])
    assert text == "5 \u20ac!"
    assert spans == [(0, 2), (2, 3), (2, 3), (2, 3), (3, 4)]


def test_a_character_that_is_never_finished_ends_with_the_text() -> None:
    text, spans = token_spans(decode_of([b"a", b"\xe2", b"\x82"]), [0, 1, 2])
    assert text.startswith("a")
    assert spans[0] == (0, 1)
    assert spans[1] == spans[2] == (1, len(text))


def test_a_special_token_makes_no_character_and_overlaps_nothing() -> None:
    _, spans = token_spans(decode_of([b"4", b""]), [0, 1])
    assert spans == [(0, 1), (1, 1)]
    assert overlapping(spans, 0, 5) == [0]


def test_digits_that_are_merged_with_the_brace_belong_to_the_answer() -> None:
    """12 stands at characters 7 to 9; the tokens "{1" and "2}" hold its digits."""
    text, spans = token_spans(decode_of([b"\\boxed", b"{1", b"2}", b"."]), [0, 1, 2, 3])
    start = text.index("12")
    assert overlapping(spans, start, start + 2) == [1, 2]


def test_confidence_is_the_mean_of_probabilities_as_in_the_notes() -> None:
    """.9, .8, 1: arithmetic (.9 + .8 + 1) / 3 = .9, geometric (.72)^(1/3) = .8963."""
    logprobs = np.log([0.9, 0.8, 1.0])
    assert confidence(logprobs, "arithmetic") == pytest.approx(0.9)
    assert confidence(logprobs, "geometric") == pytest.approx(0.896281, abs=1e-6)


def test_steps_end_behind_the_mark_and_the_last_one_with_the_text() -> None:
    text, spans = token_spans(decode_of([b"one\n", b"\ntwo", b"\n\n", b"three"]), [0, 1, 2, 3])
    assert step_ends(text, spans, "\n\n") == [2, 3, 4]
    assert step_ends(text, spans, "none") == [4]
    assert step_ends("two\n\n", [(0, 3), (3, 5)], "\n\n") == [2]
