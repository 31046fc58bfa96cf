"""Small real models, and what a fresh transformers forward pass says of drawn tokens."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from whet.stages.engines import Completion, Request

END = 5
VOCABULARY = 64


def _config(kind: str, **options: Any) -> Any:
    from transformers import LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

    classes = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig, "mistral": MistralConfig}
    shape = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 256,
        "bos_token_id": None,
        "eos_token_id": END,
        "pad_token_id": 0,
    }
    return classes[kind](**{**shape, **options})


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Any]:
    """`make_model("qwen2", **config)`: a model with random weights, biases and norms that matter."""
    from transformers import AutoModelForCausalLM

    def make(kind: str = "qwen2", **options: Any) -> Any:
        torch.manual_seed(0)
        loader: Any = AutoModelForCausalLM
        model = loader.from_config(_config(kind, **options)).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "bias" in name or "norm" in name:
                    parameter.add_(0.3 * torch.randn_like(parameter))
                else:
                    parameter.mul_(4)
        return model

    return make


@pytest.fixture
def requests() -> list[Request]:
    """24 requests with prompts of 1 to 30 tokens, no two alike."""
    rng = random.Random(1)
    return [
        Request(index, [rng.randrange(6, VOCABULARY) for _ in range(rng.randint(1, 30))], rng.getrandbits(63))
        for index in range(24)
    ]


@pytest.fixture(scope="session")
def recompute() -> Callable[[Any, Completion], list[float]]:
    """Log-probabilities of a completion's tokens from one fresh forward pass over the single row."""

    def compute(model: Any, completion: Completion) -> list[float]:
        prompt = completion.request.prompt_token_ids
        ids = torch.tensor([prompt + completion.token_ids])
        with torch.no_grad():
            logprobs = torch.log_softmax(model(ids).logits[0].float(), dim=-1)
        return logprobs[len(prompt) - 1 : -1].gather(1, ids[0, len(prompt) :, None])[:, 0].tolist()

    return compute
