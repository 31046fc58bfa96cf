from pathlib import Path

import pytest
from loguru import logger

from whet.cli.log import LogFile, mask, start


def test_messages_are_masked_and_the_file_also_has_what_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "abcdefgh12")
    shown: list[str] = []
    start("INFO", shown.append)
    log = LogFile(tmp_path)
    logger.debug("using abcdefgh12 on {}", "http://u:p@host/v1?k=1")
    logger.info("{braces} stay")
    logger.warning("careful")
    try:
        raise ValueError("abcdefgh12")
    except ValueError as error:
        logger.opt(exception=error).debug("it failed")
    log.close()
    logger.info("after")
    assert shown == ["{braces} stay\n", "warning: careful\n", "after\n"]
    text = (tmp_path / log.name).read_text()
    assert "using *** on http://***@host/v1?***" in text
    assert "ValueError: ***" in text
    assert "abcdefgh12" not in text
    assert "after" not in text


def test_short_values_and_counts_are_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "1")
    assert mask("max_tokens=1024 of 1") == "max_tokens=1024 of 1"
    assert mask("api_key=abc") == "api_key=***"
