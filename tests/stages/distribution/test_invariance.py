"""What a step learns depends on its rows alone: not on how they are cut, ordered, padded or dealt."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from whet.stages.batching import pad
from whet.stages.token_logprobs import completion_logprobs

from .one_step import OBJECTIVES, VOCABULARY, eight_rows, one_step, tiny_model

Tensors = dict[str, torch.Tensor]


def assert_gradients_agree(found: Tensors, expected: Tensors) -> None:
    """Each to 1e-5 of the largest entry: smaller ones are sums that cancel."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        scale = gradient.abs().max()
        assert scale > 0, name
        assert (found[name] - gradient).abs().max() / scale < 1e-5, name


def assert_weights_agree(found: Tensors, expected: Tensors) -> None:
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert (found[name] - weight).abs().max() < 1e-6, name


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_one_micro_batch_of_8_eight_of_1_and_any_order_or_budget_give_the_same_step(
    name: str, packed: bool, tmp_path: Path
) -> None:
    rows, objective = eight_rows(name), OBJECTIVES[name]
    gradients, weights, logged = one_step(tmp_path / "whole", objective, rows, packed=packed)
    start = tiny_model(0).state_dict()
    assert max((weights[key] - start[key]).abs().max() for key in weights) > 1e-3  # the step moves them
    other = [rows[index] for index in (5, 2, 7, 0, 3, 6, 1, 4)]
    variants = {"alone": (rows, 1), "permuted": (other, 4096), "budget": (rows, 40), "both": (other, 25)}
    for variant, (given, batch_tokens) in variants.items():
        found = one_step(tmp_path / variant, objective, given, batch_tokens=batch_tokens, packed=packed)
        assert_gradients_agree(found[0], gradients)
        assert_weights_agree(found[1], weights)
        assert found[2]["loss"] == pytest.approx(logged["loss"], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_packing_without_padding_gives_the_same_step_as_padding(name: str, tmp_path: Path) -> None:
    packed = one_step(tmp_path / "packed", OBJECTIVES[name], eight_rows(name), packed=True)
    padded = one_step(tmp_path / "padded", OBJECTIVES[name], eight_rows(name), packed=False)
    assert_gradients_agree(packed[0], padded[0])
    assert_weights_agree(packed[1], padded[1])


def test_padding_on_the_left_gives_the_same_log_probabilities_as_ours_on_the_right() -> None:
    rows, model = eight_rows(), tiny_model(0).eval()
    longest = max(row.length for row in rows)
    tokens_BS = torch.zeros((len(rows), longest), dtype=torch.int64)
    mask_BS = torch.zeros_like(tokens_BS)
    for index, row in enumerate(rows):
        tokens_BS[index, longest - row.length :] = torch.tensor([*row.prompt_token_ids, *row.token_ids])
        mask_BS[index, longest - row.length :] = 1
    positions_BS = (mask_BS.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        ours_BT = completion_logprobs(model, pad(rows))
        logits_BSV = model(input_ids=tokens_BS, attention_mask=mask_BS, position_ids=positions_BS).logits
    assert logits_BSV.shape[-1] == VOCABULARY
    for index, row in enumerate(rows):
        length = len(row.token_ids)
        logprobs_TV = logits_BSV[index, longest - length - 1 : longest - 1].log_softmax(-1)
        expected_T = logprobs_TV.gather(1, torch.tensor(row.token_ids, dtype=torch.int64)[:, None])[:, 0]
        trained_T = torch.tensor(row.trained)
        assert torch.allclose(ours_BT[index, :length][trained_T], expected_T[trained_T], atol=1e-5)


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same step by two processes: each with the whole model, and each with half of it."""
    folders = {}
    for kind in ("whole", "shard"):
        folders[kind] = tmp_path_factory.mktemp(kind)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
        script = [str(Path(__file__).with_name("one_step.py")), str(folders[kind]), kind]
        done = subprocess.run([*command, *script], capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("kind", ["whole", "shard"])
def test_two_processes_of_4_rows_make_the_step_of_one_process_of_8(
    two_ranks: dict[str, Path], kind: str, name: str, tmp_path: Path
) -> None:
    gradients, weights, logged = one_step(tmp_path / "alone", OBJECTIVES[name], eight_rows(name))
    folder = two_ranks[kind]
    assert_gradients_agree(load_file(folder / f"{name}-gradients.safetensors"), gradients)
    assert_weights_agree(load_file(folder / f"{name}-weights.safetensors"), weights)
    found = load_file(folder / f"{name}-log.safetensors")
    assert found.keys() == logged.keys()
    for key in logged:
        if key != "padding":
            assert float(found[key]) == pytest.approx(logged[key], rel=1e-4, abs=1e-6), key
