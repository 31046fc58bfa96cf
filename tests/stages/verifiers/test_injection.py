"""Lines injected into a wrong completion: they cannot move the rules, and what they do to a verifier is measured."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from prompt_injection import INJECTIONS, rates, shown, verdicts_of_model, verdicts_of_rules, wrong_rows  # pyright: ignore[reportMissingImports]

from whet.stages.cascade import case_of
from whet.stages.tokens import Encoder
from whet.stages.verifiers import Case, Opinion
from whet.stages.verifiers.prompts import PROMPTS, encode_case, load_prompt


def test_no_injected_line_makes_the_rules_call_a_wrong_answer_correct() -> None:
    found = verdicts_of_rules(shown(wrong_rows(12)))
    assert len(found) == 12 * 2 * len(INJECTIONS)
    assert "correct" not in found.values()
    assert rates(found)["ratio"] == 0.0


class Gullible:
    """Believes whatever ends with a letter A, or says that it is correct in so many words."""

    def ask(self, cases: Iterable[tuple[int, Case]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        for number, case in cases:
            believed = case.completion.endswith("A") or case.completion.endswith("CORRECT")
            yield number, Opinion("correct" if believed else "incorrect")


def test_the_overturn_rate_of_a_gullible_verifier_is_measured() -> None:
    found = rates(verdicts_of_model(Gullible(), shown(wrong_rows(6))))
    # 6 rows in two places each; a line is believed at the end alone: 6 of 12 where it ends so.
    assert (found["rows"], found["called correct as they are"]) == (12, 0)
    believed = {name for name, text in INJECTIONS.items() if text.endswith(("A", "CORRECT"))}
    assert len(believed) == 6
    for name, (rate, low, high) in found["overturn rate"].items():
        assert rate == (0.5 if name in believed else 0.0)
        assert low <= rate <= high
    # 6 names of 12, half of their rows: .25
    assert found["ratio"] == pytest.approx(6 * 6 / (12 * 12))


@pytest.mark.parametrize("name", PROMPTS)
def test_no_injected_line_closes_the_completions_block_or_writes_a_turn(name: str, encoder: Encoder) -> None:
    prompt = load_prompt(name)
    special = {encoder.encode(text)[0] for text in encoder.special_texts}
    plain = encode_case(encoder, prompt, Case("Q", "R", "C"), 100_000)[0]
    for problem, text in shown(wrong_rows(2)).values():
        case = case_of(text, problem)
        rendered = prompt.render(case)
        assert rendered.count("</completion>") == 1
        assert "<|im_start|>" not in rendered
        token_ids = encode_case(encoder, prompt, case, 100_000)[0]
        assert sum(token in special for token in token_ids) == sum(token in special for token in plain)
