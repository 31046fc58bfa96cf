"""What `whet sample` and training refuse once they have read their problems: what no engine could draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from loguru import logger

from ..artifacts import Problem, Weights, WrongArtifact
from ..artifacts.wording import counted
from .models import check_vocabulary, context_of, folder_of, read_config

if TYPE_CHECKING:
    from .rollout_drawing import RolloutDrawing
    from .tokens import Encoder, PromptFormat


def refuse_undrawable(drawing: RolloutDrawing) -> None:
    """Find what cannot be drawn before anything is: images, prompts beyond the context, no program.

    Raises:
        WrongArtifact: such problems.
    """
    problems, policy, prompts, options = drawing.problems, drawing.policy, drawing.prompts, drawing.options
    _refuse_images(problems)
    if options.engine == "program":
        drawing.engine.refuse_unknown(problems)  # type: ignore[attr-defined]
        prompts.encode(problems[0])
        return
    if options.engine == "server":
        for problem in problems:
            prompts.messages(problem) if drawing.tokenless else prompts.encode(problem)
            if drawing.tokenless and (turns := prompts.turns(problem)):
                raise WrongArtifact(
                    f"problem {problem['problem_id']} has {len(turns) + 1} turns, which a server is asked one "
                    "after the other as tokens alone: give --tokenizer FOLDER, the folder of its model"
                )
        return
    prefill = len(prompts.prefill_token_ids)
    lengths = [(len(prompts.encode(problem)) + prefill, problem["problem_id"]) for problem in problems]
    _refuse_long(policy, drawing.encoder, lengths, options.vllm.max_model_len)


def refuse_undrawable_in_training(
    policy: Weights, encoder: Encoder, problems: Sequence[Problem], max_model_len: int | None = None
) -> None:
    """The same before a training whose policy draws rollouts of problems: it would end when their turn comes.

    Raises:
        WrongArtifact: such problems.
    """
    _refuse_images(problems)
    style: PromptFormat = "raw" if encoder.template is None else "chat"
    each = {problem["problem_id"]: problem["messages"] for problem in problems}
    lengths = [(len(encoder.encode_prompt(messages, style)), key) for key, messages in each.items()]
    _refuse_long(policy, encoder, lengths, max_model_len)


def _refuse_images(problems: Iterable[Problem]) -> None:
    seen = [problem["problem_id"] for problem in problems if problem.get("images")]
    if seen:
        raise WrongArtifact(
            f"{counted(len(seen), 'problem has', 'problems have')} images (the first is {seen[0]}), "
            "expected text alone: no engine reads images yet, take them out of the problems"
        )


def _refuse_long(
    policy: Weights, encoder: Encoder, lengths: Sequence[tuple[int, str]], max_model_len: int | None
) -> None:
    """Refuse prompts that leave no room; `lengths` are (tokens, problem_id)."""
    if not encoder.end_token_ids:
        logger.warning(f"{policy.spec} names no end token: every rollout will run to --max-tokens")
    config = read_config(folder_of(policy))
    check_vocabulary(encoder.vocabulary, config, policy)
    context = context_of(config)
    context = min(context, max_model_len or context)
    if long := [entry for entry in lengths if entry[0] >= context]:
        tokens, problem = max(long)
        raise WrongArtifact(
            f"{counted(len(long), 'prompt fills', 'prompts fill')} the context of {context:,} tokens "
            f"(the longest, {problem}, has {tokens:,}): take them out of the problems, or give "
            + ("a policy with a longer context" if max_model_len is None else "a larger --max-model-len")
        )
