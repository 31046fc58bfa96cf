"""Messages and texts as other tools write them."""

from typing import Any

from .reading import BadRow

_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "developer": "system"}


def as_messages(value: Any) -> list[dict[str, str]]:
    """A text as one user message; a list of `{role, content}` (or `{from, value}`) as messages.

    Raises:
        BadRow: neither, or content that is not text.
    """
    if isinstance(value, str):
        if not value.strip():
            raise BadRow("has an empty question")
        return [{"role": "user", "content": value}]
    if isinstance(value, dict) and "content" in value:
        value = [value]
    if not isinstance(value, list) or not value:
        raise BadRow(f"has a question of type {type(value).__name__}, expected a text or messages")
    messages = []
    for item in value:
        role = item.get("role", item.get("from")) if isinstance(item, dict) else None
        if not isinstance(role, str):
            raise BadRow("has a message without a role")
        content = item.get("content", item.get("value"))
        messages.append({"role": _ROLES.get(role, role), "content": _content(content)})
    return messages


def without_last_turn(messages: list[dict[str, str]]) -> tuple[list[dict[str, str]], str | None]:
    """The messages up to a final assistant message, and what that one says."""
    if messages[-1]["role"] != "assistant":
        return messages, None
    if len(messages) == 1:
        raise BadRow("has an assistant message and nothing that it answers")
    return messages[:-1], messages[-1]["content"]


def as_text(value: Any, what: str) -> str:
    """A completion: a text, or messages of which the last one is meant.

    Raises:
        BadRow: neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict) and value:
        return as_messages(value)[-1]["content"]
    raise BadRow(f"has a {what} of type {type(value).__name__}, expected text")


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        if len(parts) == len(content) and all(isinstance(part, str) for part in parts):
            return "".join(part for part in parts if part is not None)
        raise BadRow("has a message with parts that are not text")
    raise BadRow(f"has a message whose content is of type {type(content).__name__}, expected text")
