"""The laws by which POLAR chose its pre-training: learning rate, batch size and the loss to expect.

    learning rate = 0.0002306 N^0.01125 Dp^-0.66587 Drm^0.33916
    batch = 31.9032 N^0.06944 Drm^0.52997
    loss = 0.9 N^-0.0425 = 2.4 C^-0.0342

N parameters, Dp the tokens that the language model it starts from has seen, Drm its own, C the computation.
(Dou et al. 2025, arXiv 2507.05197, section 3.3 and appendix.)
*Deviations:* the paper gives all quantities of the first two laws in millions; its own results are only reached with N
in millions and tokens in billions, which is what these functions take.
"""

from __future__ import annotations

FITTED_FROM = 50e6
"""Parameters of the smallest model that the laws were fitted on; the largest had 1B."""


def learning_rate(parameters: float, policy_tokens: float, reward_tokens: float) -> float:
    """The best learning rate of pre-training. Plain numbers: parameters, and tokens of either pre-training."""
    millions, seen, own = parameters / 1e6, policy_tokens / 1e9, reward_tokens / 1e9
    return 0.0002306 * millions**0.01125 * seen**-0.66587 * own**0.33916


def batch_pairs(parameters: float, reward_tokens: float) -> float:
    """The best number of pairs in a step of pre-training."""
    return 31.9032 * (parameters / 1e6) ** 0.06944 * (reward_tokens / 1e9) ** 0.52997


def loss_of_size(parameters: float) -> float:
    """The validation loss that a number of parameters reaches, in nats; fitted on 50M to 1B."""
    return 0.9 * parameters**-0.0425


def loss_of_compute(computation: float) -> float:
    """The validation loss that an amount of computation reaches, in nats, in the paper's unit."""
    return 2.4 * computation**-0.0342


def advice(parameters: float, reward_tokens: float) -> list[str]:
    """What the laws say of a pre-training, in a line; nothing for models far smaller than those they were fitted on."""
    if parameters < FITTED_FROM:
        return []
    rate = learning_rate(parameters, 1e12, reward_tokens)
    return [
        f"POLAR's laws for {parameters / 1e6:,.0f}M parameters and {reward_tokens / 1e9:,.3g}B tokens: "
        f"{batch_pairs(parameters, reward_tokens):,.0f} pairs a step, --learning-rate {rate:.2g} for a policy that has "
        f"seen 1T tokens (times T^-0.67 for T of them), a validation loss of {loss_of_size(parameters):.3f}"
    ]
