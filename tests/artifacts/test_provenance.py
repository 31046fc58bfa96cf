import pytest

from whet.artifacts.provenance import code, environment, is_secret, mask_arguments, mask_text, mask_url


@pytest.mark.parametrize("name", ["api-key", "api_key", "token", "hf-token", "HF_TOKEN", "key", "db.password"])
def test_a_name_that_holds_a_secret_is_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["max-tokens", "batch_tokens", "tokens", "tokenizer", "keyboard", "think-tokens", "monkey", "reward_token"]
)
def test_a_name_that_holds_none_is_left_alone(name: str) -> None:
    assert not is_secret(name)


def test_a_url_loses_its_user_and_its_query() -> None:
    assert mask_url("see https://me:pw@host:8000/v1?key=abc&x=1 now") == "see https://***@host:8000/v1?*** now"
    assert mask_url("http://host/v1#model") == "http://host/v1#model"
    assert mask_url("https://me:p@ss@host/v1") == "https://***@host/v1"


def test_a_command_line_keeps_its_form_without_its_secrets() -> None:
    arguments = [
        "whet",
        "sample",
        "--api-key",
        "abc",
        "--token=def",
        "--max-tokens",
        "64",
        "server:http://u:p@h/v1?k=1#m",
    ]
    masked = ["whet", "sample", "--api-key", "***", "--token=***", "--max-tokens", "64", "server:http://***@h/v1?***#m"]
    assert mask_arguments(arguments) == masked


def test_a_log_line_loses_what_follows_a_secrets_name() -> None:
    assert mask_text("api_key=abcdefgh, max_tokens=4096") == "api_key=***, max_tokens=4096"
    assert mask_text("HF_TOKEN: 'hf_abcdefgh'") == "HF_TOKEN: '***'"
    assert mask_text("Authorization token hf_abcdefgh12345678 refused") == "Authorization token *** refused"


def test_a_log_line_about_tokens_and_keys_stays_readable() -> None:
    for line in (
        "rollouts 5,000, tokens 260,765, truncated 0", "tokens: 260765", "the key question", "a token bucket",
        "but the method is token: leave it out", "--separator-token=<|system|>",
    ):  # fmt: skip
        assert mask_text(line) == line


def test_the_environment_names_the_packages_and_the_machine() -> None:
    assert code()["packages"]["whet"]
    assert environment()["python"].startswith("3.")
