"""The options of drawing rollouts, shared by `whet sample` and the on-policy trainer."""

from __future__ import annotations

from dataclasses import dataclass

from .options import expect


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How rollouts are drawn."""

    rollouts_per_problem: int = 1
    """Rollouts of each problem (n, the size of a group)"""

    temperature: float = 1.0
    """Divides the logits before drawing; 0 takes the most likely token (tau)"""

    top_p: float = 1.0
    """Draw from the smallest set of tokens whose probability reaches this (nucleus)"""

    top_k: int = 0
    """Draw from this many most likely tokens; 0: from all"""

    max_tokens: int = 1024
    """Tokens of one rollout at most, end token included"""

    seed: int = 0
    """Another seed gives other rollouts"""

    def __post_init__(self) -> None:

        checks = (
            ("--rollouts-per-problem", self.rollouts_per_problem, self.rollouts_per_problem >= 1, "at least 1"),
            (
                "--temperature",
                self.temperature,
                0 <= self.temperature < float("inf"),
                "0 (greedy) or a positive number",
            ),
            ("--top-p", self.top_p, 0 < self.top_p <= 1, "a number above 0 and up to 1"),
            ("--top-k", self.top_k, self.top_k >= 0, "0 (all tokens) or a positive number"),
            ("--max-tokens", self.max_tokens, self.max_tokens >= 1, "at least 1"),
            ("--seed", self.seed, self.seed >= 0, "0 or a positive number"),
        )
        expect(checks)

    @property
    def reshapes(self) -> bool:
        """Whether tokens are drawn from another distribution than the policy's own."""
        return self.temperature != 1 or self.top_p < 1 or self.top_k > 0
