"""The labels of the patterns against the rule verifier, which knows nothing of how a case was made."""

import random
from collections import Counter

import pytest

from whet.stages.meta_patterns import PATTERNS, generate, problem_of
from whet.stages.verifiers import LABELS
from whet.stages.verifying import AnswerPool, Verifying


def agreement(draws: int, wordings: int) -> Counter[str]:
    """How many of so many cases of every pattern rules give the verdict of their label."""
    cases = {
        (name, draw): generate(random.Random(f"{name} {draw}"), 1, 2, patterns=(name,), wordings=wordings)
        for name in PATTERNS
        for draw in range(draws)
    }
    items = [
        (key, case.payload["completion"], case.payload["finish_reason"], problem_of(case, "train"))
        for key, case in cases.items()
    ]
    found: Counter[str] = Counter()
    with AnswerPool(Verifying(workers=1)) as pool:
        for (name, _), fields in pool.verify(items):
            found[name] += fields["verdict"] == LABELS[PATTERNS[name].label]
    return found


@pytest.mark.parametrize("wordings", [1, 20])
def test_rules_agree_with_the_label_of_every_pattern(wordings):
    found = agreement(4, wordings)
    # Characters without sense may look like an answer now and then.
    assert {name: count for name, count in found.items() if count < 4 and name != "garbled"} == {}
    assert found["garbled"] >= 3
    assert found.keys() == PATTERNS.keys()
