"""Rows in the forms other tools read: one function a form and kind, each from rows to JSON records."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from ..artifacts import Problem

Rows = Iterable[Mapping[str, Any]]
Problems = Mapping[str, Problem]
Records = Iterator[dict[str, Any]]


def jsonl(rows: Rows, problems: Problems) -> Records:
    """Every column of every row, a rollout with its problem: `whet import` reads it back."""
    for row in rows:
        yield _present(row) | ({"problem": _present(problems[row["problem_id"]])} if problems else {})


def trl_problems(rows: Rows, problems: Problems) -> Records:
    """TRL's conversational prompt-only form; `answer` is for its reward functions."""
    for row in rows:
        yield {"prompt": row["messages"], "answer": row["answer"], "problem_id": row["problem_id"]}


def trl_rollouts(rows: Rows, problems: Problems) -> Records:
    """TRL's conversational prompt-completion form."""
    for row in rows:
        yield {"prompt": problems[row["problem_id"]]["messages"], "completion": _assistant(row["text"])}


def trl_preferences(rows: Rows, problems: Problems) -> Records:
    """TRL's conversational preference form."""
    for row in rows:
        pair = {name: _assistant(row[name]) for name in ("chosen", "rejected")}
        yield {"prompt": row["messages"], **pair}


def verl_problems(rows: Rows, problems: Problems) -> Records:
    """The columns verl's data sets have; its own reward functions compare with `ground_truth`."""
    for index, row in enumerate(rows):
        yield {
            "data_source": row["source"] or "whet",
            "prompt": row["messages"],
            "ability": "math" if row["answer_type"] in ("math", "number") else row["answer_type"] or "unknown",
            "reward_model": {"style": "rule", "ground_truth": row["answer"]},
            "extra_info": {"split": row["split"], "index": index, "problem_id": row["problem_id"]},
        }


def openai_problems(rows: Rows, problems: Problems) -> Records:
    """Chat messages with the reference answer beside them (the form of OpenAI's reinforcement fine-tuning)."""
    for row in rows:
        yield {"messages": row["messages"], "answer": row["answer"]}


def openai_rollouts(rows: Rows, problems: Problems) -> Records:
    """Chat messages that end with the completion (the form of OpenAI's supervised fine-tuning)."""
    for row in rows:
        yield {"messages": [*problems[row["problem_id"]]["messages"], *_assistant(row["text"])]}


def openai_preferences(rows: Rows, problems: Problems) -> Records:
    """The form of OpenAI's preference fine-tuning."""
    for row in rows:
        yield {
            "input": {"messages": row["messages"]},
            "preferred_output": _assistant(row["chosen"]),
            "non_preferred_output": _assistant(row["rejected"]),
        }


def lm_eval_problems(rows: Rows, problems: Problems) -> Records:
    """Documents for a task of lm-evaluation-harness (`dataset_path: json`): `question` and `answer`."""
    for row in rows:
        yield {"id": row["problem_id"], "question": _question(row), "answer": row["answer"]}


def lm_eval_rollouts(rows: Rows, problems: Problems) -> Records:
    """The log of samples that lm-evaluation-harness writes: one record a group, its completions in `resps`."""
    for index, (problem_id, group) in enumerate(groupby(rows, key=lambda row: row["problem_id"])):
        problem = problems[problem_id]
        texts = [row["text"] for row in group]
        yield {
            "doc_id": index,
            "doc": {"id": problem_id, "question": _question(problem), "answer": problem["answer"]},
            "target": problem["answer"],
            "arguments": [[_question(problem)]],
            "resps": [texts],
            "filtered_resps": texts,
        }


FORMS: dict[str, dict[str, Callable[[Rows, Problems], Records]]] = {
    "jsonl": dict.fromkeys(("problems", "rollouts", "verdicts", "scores", "texts", "preferences"), jsonl),
    "trl": {"problems": trl_problems, "rollouts": trl_rollouts, "preferences": trl_preferences},
    "verl": {"problems": verl_problems},
    "openai": {"problems": openai_problems, "rollouts": openai_rollouts, "preferences": openai_preferences},
    "lm-eval": {"problems": lm_eval_problems, "rollouts": lm_eval_rollouts},
}
"""What each form can hold."""

COLUMNS = {
    "problems": ["problem_id", "messages", "answer", "answer_type", "source", "split"],
    "rollouts": ["problem_id", "text"],
    "preferences": ["messages", "chosen", "rejected"],
}
"""The columns that the forms of other tools need."""


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without its empty optional columns."""
    return {name: value for name, value in row.items() if value is not None or name in ("answer", "text", "score")}


def _assistant(text: str | None) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text or ""}]


def _question(problem: Mapping[str, Any]) -> str:
    return "\n\n".join(message["content"] for message in problem["messages"])
