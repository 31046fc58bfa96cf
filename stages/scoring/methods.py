"""The methods of `whet score`, their options, and which one a model folder holds; imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from ...artifacts import Weights, WrongArtifact, WrongOption
from ..models import folder_of, read_config
from ..options import Later, expect
from ..rewards.folder import Settings, said_settings
from ..rewards.internlm2 import is_internlm2
from ..rewards.loading import labels_of, settings_of
from ..rewards.polar_packing import Packing, published_tokens
from ..tokens import load_encoder
from .steps import MARK

BETA = 0.05
"""Of implicit rewards, where nothing says another. (Implicit PRM, field notes S20.)"""


@dataclass(frozen=True, kw_only=True)
class Auto:
    """What the model folder says: reward-model.json, or a classification head with one label."""

    become: Annotated[Callable[[type], Any], Later] = field(default=lambda method: method(), compare=False, repr=False)
    """Makes the method that the folder holds, of the options given beside auto"""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """ln p of the completion's tokens under any policy: the mean, and each token's (temperature 1, in nats)."""


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Mean probability of the tokens of the final answer under a policy that has read all before them.

    Without an answer there is no score. (CRew, field notes S22.)
    """

    mean: Literal["arithmetic", "geometric"] = "arithmetic"
    """Of the tokens' probabilities"""


@dataclass(frozen=True, kw_only=True)
class Implicit:
    """beta (ln p - ln p of --reference-policy), token by token: the reward that a policy implies."""

    beta: float | None = None
    """Factor of the log-ratio (default: what reward-model.json says, else 0.05)"""

    aggregate: Literal["sum", "mean", "min"] = "sum"
    """sum or mean of the token rewards, or the least of the steps' rewards"""

    step_end: str = MARK
    """What ends a step, for --aggregate min"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--beta", self.beta, self.beta is None or self.beta > 0, "a positive number"),
                ("--step-end", repr(self.step_end), bool(self.step_end), "some text"),
            )
        )


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token-level reward model: the mean of its logits before each token of the completion, and each of them."""

    aggregate: Literal["mean", "min"] = "mean"
    """The mean of the token scores, or that of the step where it is lowest, for best-of-n"""

    step_end: str = MARK
    """What ends a step, for --aggregate min"""

    def __post_init__(self) -> None:
        expect([("--step-end", repr(self.step_end), bool(self.step_end), "some text")])


@dataclass(frozen=True, kw_only=True)
class BradleyTerry:
    """A scalar reward model: its logit at the last token."""


@dataclass(frozen=True, kw_only=True)
class Polar:
    """How far a rollout is from a reference for the same prompt. Scores compare within a problem only."""

    reference: Literal["answer", "best-rollout"] = "answer"
    """answer: the problem's reference answer; best-rollout: the first rollout of its group that --verdicts call
    correct. --reference-rollouts takes another policy's"""


Method = Auto | Likelihood | Confidence | Implicit | Token | BradleyTerry | Polar

BY_NAME: dict[str, type] = {"token": Token, "polar": Polar, "bradley-terry": BradleyTerry, "implicit": Implicit}
"""The methods that a reward-model folder may hold, as reward-model.json names them."""

OF_POLICIES = (Likelihood, Confidence, Implicit)


def name_of(method: Method) -> str:
    """As the command line spells it."""
    return "bradley-terry" if isinstance(method, BradleyTerry) else type(method).__name__.lower()


def resolve_method(method: Method, model: Weights) -> Method:
    """The method asked for, or the one that the folder holds; what the folder says fills in the defaults.

    Raises:
        WrongOption: nothing says how this model scores.
        WrongArtifact: the folder holds another method than the one asked for.
    """
    settings = held_settings(model)
    held = None if settings is None else settings.method
    if isinstance(method, Auto):
        if held is None:
            raise WrongOption(
                f"{model.spec} is a language model, which scores in several ways: give --method likelihood, confidence "
                "or implicit, or the folder of a reward model"
            )
        method = method.become(BY_NAME[held])
    if isinstance(method, OF_POLICIES):
        if held not in (None, "implicit"):
            raise WrongArtifact(
                f"{model.spec} holds a {held} reward model, which gives no token probabilities, expected a language "
                f"model for --method {name_of(method)}"
            )
    elif name_of(method) != held:
        raise WrongArtifact(
            f"{model.spec} holds {'a language model' if held is None else f'a {held} reward model'}, expected a "
            f"{name_of(method)} reward model: leave --method out, or give another folder"
        )
    if isinstance(method, Implicit) and method.beta is None:
        trained = settings.beta if settings is not None else None
        method = replace(method, beta=trained or BETA)
    return method


def held_settings(model: Weights) -> Settings | None:
    """What a reward-model folder says of itself, None where it holds a language model.

    Raises:
        WrongArtifact: a head with several labels.
    """
    settings, folder = said_settings(model), folder_of(model)
    if settings is not None:
        return settings
    config = read_config(folder)
    architecture = next(iter(config.get("architectures") or []), "")
    if architecture.endswith("ForTokenClassification"):
        if (labels := labels_of(config)) != 1:
            raise WrongArtifact(f"{folder} holds a head with {labels} labels, expected one: a reward model")
        return Settings(method="token", token_alignment="before")
    if architecture.endswith("ForSequenceClassification"):
        return settings_of(model)
    if is_internlm2(config) and published_tokens(load_encoder(folder)):
        return Settings(method="polar", packing=Packing())
    return None
