import json
import shutil
from pathlib import Path

import pytest

from whet.artifacts import Draft, Weights, WrongArtifact, WrongOption
from whet.artifacts.weights import chat_template, tokenizer_digest


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen2"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text(
        json.dumps({"model": {"vocab": {"a": 0}}, "padding": None, "truncation": None})
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "a", "chat_template": "{{ messages }}"}))
    return folder


def test_a_plain_folder_is_known_by_its_files_wherever_it_lies(plain: Path, tmp_path: Path) -> None:
    digest = Weights(str(plain)).digest
    shutil.copytree(plain, tmp_path / "copy")
    (tmp_path / "copy/README.md").write_text("a card changes nothing")
    assert Weights(str(tmp_path / "copy")).digest == digest
    (tmp_path / "copy/model.safetensors").write_bytes(b"Weights")
    assert Weights(str(tmp_path / "copy")).digest != digest
    assert len(list((tmp_path / "cache/whet/digests").iterdir())) > 0


def test_a_tokenizer_is_the_same_whatever_its_padding_and_its_chat_template(plain: Path) -> None:
    digest = tokenizer_digest(plain)
    rules = json.loads((plain / "tokenizer.json").read_text())
    (plain / "tokenizer.json").write_text(json.dumps({**rules, "padding": {"length": 8}, "truncation": {"length": 4}}))
    (plain / "chat_template.jinja").write_text("{{ other }}")
    assert tokenizer_digest(plain) == digest
    assert chat_template(plain) == "{{ other }}"
    (plain / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "a"}}))
    assert tokenizer_digest(plain) == digest
    (plain / "tokenizer_config.json").write_text(json.dumps({"eos_token": "b"}))
    assert tokenizer_digest(plain) != digest


def test_a_policy_of_ours_has_its_content_digest(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "policy", kind="policy", stage="init")
    (draft.folder / "config.json").write_text("{}")
    made = draft.publish()
    weights = Weights(str(tmp_path / "policy"))
    assert (weights.path, weights.digest, weights.kind) == (made.path, made.digest, "policy")
    assert weights.tokenizer_digest is None


def test_programs_and_servers_are_allowed_only_where_they_make_sense() -> None:
    program = Weights("program:tail", allow=("program", "server"))
    assert (program.engine, program.name, program.path) == ("program", "tail", None)
    server = Weights("server:http://me:pw@host/v1?k=s#model", allow=("server",))
    assert "pw" not in server.spec
    assert server.digest == Weights("server:http://you:wp@host/v1?k=t#model", allow=("server",)).digest
    assert server.digest != Weights("server:http://me:pw@host/v1?k=s#other", allow=("server",)).digest
    with pytest.raises(WrongOption, match="program:tail: a program cannot be used here"):
        Weights("program:tail")


def test_what_is_no_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WrongArtifact, match="no config.json and no manifest.json"):
        Weights(str(tmp_path / "empty"))
    with pytest.raises(WrongArtifact, match="write hub:Qwen/Qwen2.5-0.5B"):
        Weights("Qwen/Qwen2.5-0.5B")
    with pytest.raises(WrongArtifact, match="does not exist"):
        Weights(str(tmp_path / "deep/down/nowhere"))
    draft = Draft.create(tmp_path / "rows", kind="texts", stage="toy")
    for chunk in draft.chunks([0]):
        chunk.write({"text_id": "a", "text": "b"}, 0)
    draft.publish()
    with pytest.raises(WrongArtifact, match="holds texts, expected policy or reward-model or verifier"):
        Weights(str(tmp_path / "rows"))


def test_a_hub_model_that_cannot_be_fetched_is_a_missing_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WrongArtifact, match="hub:nobody/nothing@main could not be fetched"):
        Weights("hub:nobody/nothing@main")
