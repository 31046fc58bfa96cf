"""What options mean for a verifier, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from whet.artifacts import SourceFile, Weights, WrongArtifact, WrongOption
from whet.stages.verifiers.asking import Asking, ChainOfThought, Direct, resolve_asking, settings_of
from whet.stages.verifiers.prompts import Prompt, load_prompt
from whet.stages.verifiers.settings import Settings, read_settings, write_settings


def test_a_published_model_is_asked_with_the_prompt_of_the_mode(tiny: Callable[..., Path]) -> None:
    weights = Weights(str(tiny()))
    assert settings_of(weights, Asking(), None) == Settings(load_prompt("direct"))
    asking = Asking(mode=ChainOfThought())
    assert settings_of(weights, asking, None) == Settings(load_prompt("chain-of-thought"))


def test_a_trained_verifier_is_asked_as_it_was_trained_unless_a_prompt_is_given(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "verifier"
    shutil.copytree(tiny(), folder)
    trained = Settings(Prompt("{question}{reference}{completion}"), {"Y": "correct", "N": "incorrect"}, chat=False)
    write_settings(folder, trained)
    weights = Weights(str(folder))
    assert settings_of(weights, Asking(), None) == trained
    (tmp_path / "mine.txt").write_text("Q {question} R {reference} C {completion}")
    given = settings_of(weights, Asking(), SourceFile(str(tmp_path / "mine.txt")))
    assert given.prompt.text == "Q {question} R {reference} C {completion}"
    assert (given.labels, given.chat) == (trained.labels, False)
    with pytest.raises(WrongOption, match="was trained to give its label at once"):
        settings_of(weights, Asking(mode=ChainOfThought()), None)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "no JSON",
        '{"format": 2, "prompt": "", "labels": {}, "chat": true}',
        '{"format": 1, "prompt": "{question}", "labels": {"A": "correct", "B": "incorrect"}, "chat": true}',
        '{"format": 1, "prompt": "{question}{reference}{completion}", "labels": {"A": "good"}, "chat": true}',
        '{"format": 1, "prompt": "{question}{reference}{completion}", "labels": {"A": "correct"}, "chat": true}',
    ],
)
def test_a_damaged_verifier_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "verifier.json").write_text(text)
    with pytest.raises(WrongArtifact, match=r"verifier\.json"):
        read_settings(tmp_path)


def test_a_folder_without_a_verifier_file_has_no_settings(tmp_path: Path) -> None:
    assert read_settings(tmp_path) is None


def test_the_longest_prompt_leaves_room_for_what_is_written(tiny: Callable[..., Path]) -> None:
    weights = Weights(str(tiny(context=2048)))
    assert resolve_asking(Asking(), weights, None).max_prompt_tokens == 2046
    assert resolve_asking(Asking(mode=ChainOfThought(max_tokens=48)), weights, None).max_prompt_tokens == 2000
    assert resolve_asking(Asking(max_prompt_tokens=7), weights, None).max_prompt_tokens == 7
    assert resolve_asking(Asking(), weights, None).precision in ("float32", "bfloat16")
    for asking in (Asking(mode=ChainOfThought()), Asking(max_prompt_tokens=2047)):
        with pytest.raises(WrongOption, match="more than the context of 2,048 tokens"):
            resolve_asking(asking, weights, None)


def test_a_verifier_must_be_given() -> None:
    with pytest.raises(WrongOption, match="--verifier is missing"):
        resolve_asking(Asking(), None, None)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Direct(min_confidence=1.5), "--min-confidence is 1.5"),
        (lambda: ChainOfThought(max_tokens=0), "--max-tokens is 0"),
        (lambda: Asking(max_prompt_tokens=0), "--max-prompt-tokens is 0"),
        (lambda: Asking(verifier_batch_tokens=0), "--verifier-batch-tokens is 0"),
    ],
)
def test_values_that_mean_nothing_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(WrongOption, match=said):
        make()


def test_a_server_without_a_model_is_refused_before_it_is_asked() -> None:
    with pytest.raises(WrongOption, match="server:http://h:1/v1 names no model, expected"):
        resolve_asking(Asking(), Weights("http://me:pw@h:1", allow=("server",)), None)
