"""What `whet score` refuses before there is a draft: inputs that a method does not go with. Imports no torch."""

from __future__ import annotations

from importlib.util import find_spec

from ...artifacts import Artifact, Rollout, Verdict, Weights, WrongArtifact, WrongOption
from .methods import BradleyTerry, Method, Polar, held_settings, name_of


def check_vllm(method: Method, model: Weights) -> None:
    """Refuse what vllm does not score with."""
    if model.adapter is not None:
        raise WrongOption("--engine vllm scores with whole models, and --adapter is merged here: leave --engine out")
    if not isinstance(method, BradleyTerry):
        raise WrongOption(
            f"--engine vllm runs bradley-terry models, the method is {name_of(method)}: leave --engine out"
        )
    if find_spec("vllm") is None:
        raise WrongOption(
            "--engine vllm needs vllm, which is not installed here: pip install 'whet[vllm]', or on a CPU "
            "recipes/vllm-cpu.sh; leave --engine out"
        )


def check_polar(
    method: Polar, reference_rollouts: Artifact[Rollout] | None, verdicts: Artifact[Verdict] | None
) -> None:
    """Refuse references that are named twice, or not told apart."""
    if method.reference == "best-rollout" and reference_rollouts is not None:
        raise WrongOption("--reference best-rollout and --reference-rollouts name a reference each, expected one")
    if method.reference == "best-rollout" and verdicts is None:
        raise WrongOption("--reference best-rollout takes the first correct rollout: say which are, with --verdicts")
    if verdicts is not None and method.reference == "answer" and reference_rollouts is None:
        raise WrongOption("--verdicts choose references among rollouts: give --reference best-rollout as well")


def check_reference(model: Weights, reference: Weights | None) -> None:
    """Refuse a reference that an implicit reward cannot be taken to; warn of another one than it was trained with."""
    from loguru import logger

    if reference is None:
        if model.adapter is not None:
            return
        raise WrongOption(
            "--reference-policy is missing: an implicit reward is the model's likelihood against that of the policy it "
            "was trained from"
        )
    if reference.tokenizer_digest != model.tokenizer_digest:
        raise WrongArtifact(
            f"{reference.spec} and {model.spec} have different tokenizers, expected the same: the reference is the "
            "policy that the model was trained from"
        )
    settings = held_settings(model)
    trained = settings.reference if settings is not None else None
    if trained is not None and trained.digest != reference.digest:
        logger.warning(
            f"{model.spec} was trained against {trained.spec} ({trained.digest[:12]}), --reference-policy is "
            f"{reference.spec} ({reference.digest[:12]}): its rewards mean something else then"
        )
