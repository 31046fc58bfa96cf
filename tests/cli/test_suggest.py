import pytest

from whet.cli.suggest import hint, nearest


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("verfy", ["verify", "eval"], "verify"),
        ("rollout", ["rollouts", "verdicts"], "rollouts"),
        ("--max_tokens", ["--max-tokens", "--top-k"], "--max-tokens"),
        ("--temperature", ["--sampling.temperature", "--sampling.top-p"], "--sampling.temperature"),
        ("--sampling.temperature", ["--temperature", "--top-p"], "--temperature"),
        ("zebra", ["verify", "eval"], None),
    ],
)
def test_the_nearest_name_is_found(word: str, known: list[str], found: str | None) -> None:
    assert nearest(word, known) == found


def test_a_hint_is_a_question_or_the_alternative() -> None:
    assert hint("evl", ["eval"]) == ": did you mean eval?"
    assert hint("zebra", ["eval"], ", known are eval") == ", known are eval"
