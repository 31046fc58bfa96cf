"""What `whet sample` refuses once it has read its problems: what no engine could draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loguru import logger

from ..artifacts import WrongArtifact
from ..artifacts.wording import counted
from .models import check_vocabulary, context_of, folder_of, read_config

if TYPE_CHECKING:
    from .rollout_drawing import RolloutDrawing


def refuse_undrawable(drawing: RolloutDrawing) -> None:
    """Find what cannot be drawn before anything is: images, prompts beyond the context, no program.

    Raises:
        WrongArtifact: such problems.
    """
    problems, policy, prompts, options = drawing.problems, drawing.policy, drawing.prompts, drawing.options
    seen = [problem["problem_id"] for problem in problems if problem.get("images")]
    if seen:
        raise WrongArtifact(
            f"{counted(len(seen), 'problem has', 'problems have')} images (the first is {seen[0]}), "
            "expected text alone: no engine reads images yet, take them out of the problems"
        )
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
    if not drawing.encoder.end_token_ids:
        logger.warning(f"{policy.spec} names no end token: every rollout will run to --max-tokens")
    config = read_config(folder_of(policy))
    check_vocabulary(drawing.encoder.vocabulary, config, policy)
    context = context_of(config)
    limit = options.vllm.max_model_len
    context = min(context, limit or context)
    prefill = len(prompts.prefill_token_ids)
    lengths = [(len(prompts.encode(problem)) + prefill, problem["problem_id"]) for problem in problems]
    if long := [entry for entry in lengths if entry[0] >= context]:
        tokens, problem = max(long)
        raise WrongArtifact(
            f"{counted(len(long), 'prompt fills', 'prompts fill')} the context of {context:,} tokens "
            f"(the longest, {problem}, has {tokens:,}): take them out of the problems, or give "
            + ("a policy with a longer context" if limit is None else "a larger --max-model-len")
        )
