"""Where steps end among tokens, and what their tokens' scores make of them."""

import numpy as np
import pytest

from whet.stages.scoring.steps import ends_of, own_steps, step_scores

PIECES = [b"one\n", b"\ntwo", b"\n\n", b"three", b""]


def decode(token_ids):
    return b"".join(PIECES[token] for token in token_ids).decode()


def test_steps_end_behind_the_mark_and_the_last_one_with_the_completion():
    # The first mark ends within the second token, which the step keeps whole; the end token makes no character.
    assert ends_of(decode, [0, 1, 2, 3, 4]) == [2, 3, 5]
    assert ends_of(decode, [0, 1, 2, 3, 4], "w") == [2, 5]
    assert ends_of(decode, [0, 1, 2, 3, 4], "none") == [5]
    assert ends_of(decode, []) == [0]


def test_the_step_rewards_of_the_notes():
    # S20: beta .05, log-ratios .4 -.2 1 .8, steps ending at tokens 2 and 4: .01 and .09, which add up to .1.
    tokens = 0.05 * np.array([0.4, -0.2, 1.0, 0.8], dtype=np.float32)
    assert step_scores(tokens, [2, 4], kind="sum") == pytest.approx([0.01, 0.09])
    assert step_scores(tokens, [2, 4], kind="mean") == pytest.approx([0.005, 0.045])
    assert step_scores(tokens, [2, 4], kind="last") == pytest.approx([-0.01, 0.04])


def test_what_others_wrote_makes_no_step_and_counts_in_none():
    own = np.array([True, False, False, False, True, True, False])
    ends = own_steps([2, 4, 6, 7], own)
    # The second step is not the policy's at all, nor is the last.
    assert ends == [2, 6]
    scores = np.array([1.0, 8.0, 8.0, 8.0, 2.0, 4.0, 8.0])
    assert step_scores(scores, ends, own, "sum") == [1.0, 6.0]
    assert step_scores(scores, ends, own, "mean") == [1.0, 3.0]
    assert own_steps([2, 4], np.zeros(4, dtype=bool)) == []
    assert own_steps([2, 4], None) == [2, 4]
