"""Rollouts shown with each token shaded by its log-probability."""

import math
from pathlib import Path
from typing import Any

import click
import pytest

from whet.artifacts import Artifact
from whet.cli.main import main
from whet.cli.page import Page
from whet.cli.shading import encoder_of, pieces_of, shade_of, shaded_block
from whet.cli.showing_rows import rows_of, rows_page


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory: pytest.TempPathFactory) -> Artifact[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shown"))
        assert main(["problems", "addition", "--count", "4", "--out", "problems", "-q"]) == 0
        assert main(["init", "--context", "200", "--tokenizer", "byte", "--out", "policy", "-q"]) == 0
        drawn = ["--rollouts-per-problem", "3", "--max-tokens", "20", "--prefill", "Hé 北"]
        assert main(["sample", "problems", "policy", *drawn, "--out", "rollouts", "-q"]) == 0
        return Artifact.open(Path("rollouts").resolve())


def test_shades_go_by_probability() -> None:
    assert shade_of(math.log(0.95)) is None
    assert shade_of(0.0) is None
    shades = [shade_of(math.log(p)) for p in (0.9, 0.6, 0.2, 0.05, 0.001)]
    assert len(set(map(str, shades))) == 5


def test_pieces_join_to_the_text_also_where_characters_take_several_tokens(rollouts: Artifact[Any]) -> None:
    encoder = encoder_of(rollouts)
    assert encoder is not None
    text = "Hé 北京 1+1=2 😀!"
    token_ids = encoder.encode(text)
    assert len(token_ids) == len(text.encode())
    assert "".join(pieces_of(encoder, token_ids)) == text
    assert pieces_of(encoder, encoder.encode("é")) == ["", "é"]


def test_a_group_is_shown_with_shaded_tokens_and_what_was_put_there_dimmed(rollouts: Artifact[Any]) -> None:
    page = Page(colour=True, width=60)
    shown = rows_of(rollouts, 3, None, [])
    for item in shown:
        item.encoder = encoder_of(rollouts)
    text = "".join(rows_page(page, "rollouts", shown, len(rollouts)))
    assert "group of 3 rollouts shown: " in text
    assert click.style("H", dim=True) in text
    assert click.style("北", dim=True) in text
    assert "below 1 %" in text
    assert max(len(click.unstyle(line)) for line in text.splitlines()) <= 120


def test_lines_fit_and_steer_no_terminal(rollouts: Artifact[Any]) -> None:
    encoder = encoder_of(rollouts)
    assert encoder is not None
    token_ids = encoder.encode("a" * 150 + "\x1b[2J\nnext")
    row = {"token_ids": token_ids, "logprobs": [-3.0] * len(token_ids), "segments": []}
    lines = "".join(shaded_block(Page(colour=False, width=50), encoder, row, 2)).splitlines()[1:]
    assert all(len(line) <= 50 for line in lines)
    assert lines[-1].strip() == "next"
    assert "\x1b" not in "".join(lines)


def test_without_its_tokenizer_the_text_stays_plain(rollouts: Artifact[Any], tmp_path: Path) -> None:
    import shutil

    moved = shutil.copytree(rollouts.path, tmp_path / "elsewhere" / "v1")
    assert encoder_of(Artifact.open(moved)) is None
