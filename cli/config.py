"""`--config FILE`: options from YAML, or from the manifest of an artifact that the same command made."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..artifacts import WrongOption
from .options import Given, Option, find_key
from .signature import Stage


def read_config(path: Path, stage: Stage, commands: Collection[str], options: list[Option]) -> list[Given]:
    """What a file says about the options of a command.

    Args:
        path: YAML, a manifest.json, or the folder of an artifact's version.
        commands: names of all commands; a section named after another one is passed over.

    Raises:
        WrongOption: unreadable, an unknown key, or the manifest of another stage.
    """
    content = _load(path)
    if isinstance(content, dict) and content.get("format") == "whet artifact":
        if content.get("stage") != stage.name:
            raise WrongOption(
                f"{path} is the manifest of whet {content.get('stage')}, expected one of whet {stage.name}"
            )
        known = {option.key for option in options}
        runtime = {key: value for key, value in content.get("runtime", {}).items() if key in known}
        # Words are inputs, and "part" tells the several artifacts of one run apart: neither is an option.
        passed = {"part", *(item.name for item in stage.inputs if item.form == "word")}
        semantic = {key: value for key, value in content.get("options", {}).items() if key not in passed}
        return [_given(key, value, path, options) for key, value in {**runtime, **semantic}.items()]
    if content is None:
        return []
    if not isinstance(content, dict):
        raise WrongOption(f"{path}: found {type(content).__name__}, expected keys and values")
    groups = {option.path[0] for option in options if len(option.path) > 1}
    others = {str(name) for name in commands} - groups
    flat: dict[str, Any] = {}
    sections: dict[str, Any] = {}
    for key, value in content.items():
        section = str(key).replace("_", "-")
        if isinstance(value, dict) and section in others:
            if section == stage.name:
                sections |= flatten(value)
        else:
            flat |= flatten({key: value})
    return [_given(key, value, path, options) for part in (flat, sections) for key, value in part.items()]


def flatten(content: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= flatten(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _given(typed: str, value: Any, path: Path, options: list[Option]) -> Given:
    key = find_key(options, typed, str(path))
    return Given(key, value, f"{path}: {typed}", texts=False)


def _load(path: Path) -> Any:
    from yaml import YAMLError

    if path.is_dir():
        path = path / "manifest.json"
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else _load_yaml(text)
    except FileNotFoundError:
        raise WrongOption(f"--config {path} does not exist") from None
    except OSError as error:
        raise WrongOption(f"--config {path} cannot be read: {error.strerror}") from error
    except (ValueError, YAMLError) as error:
        first = " ".join(str(error).split())
        raise WrongOption(f"--config {path} is not valid: {first}") from error


def _load_yaml(text: str) -> Any:
    import yaml

    class Strict(yaml.SafeLoader):
        """A key given twice is a mistake, not a silent choice of the last one."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key_node, _ in node.value:
                key = str(key_node.value)
                if key in seen:
                    raise yaml.YAMLError(f"key {key} stands twice, again in line {key_node.start_mark.line + 1}")
                seen.add(key)
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader=Strict)
