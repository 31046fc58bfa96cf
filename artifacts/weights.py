"""Model arguments: a folder of ours, a plain Hugging Face folder, `hub:`, `program:` or `server:` (or a bare URL)."""

import os
import re
from copy import copy
from pathlib import Path
from typing import Any

from .errors import WrongArtifact, WrongOption
from .files import digest_of, read_json, sha256_file, write_json
from .folder import Artifact, drafts, versions
from .manifest import NAME
from .provenance import mask_url

MODEL_KINDS = ("policy", "reward-model", "verifier")
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "vocab.json", "merges.txt", "tokenizer.model", "spiece.model", "vocab.txt",
)  # fmt: skip
_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token", "additional_special_tokens", "extra_special_tokens")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?$")


class Weights:
    """A model as an input of a stage.

    Attributes:
        engine: "model" (weights in `path`), "program" or "server".
        path: the folder transformers can load; None for programs and servers.
        digest: of the payload (content digest of ours, digest of the files of a plain folder).
        revision: the commit of a hub model.
        adapter: the LoRA adapter that is merged into the weights when they are loaded.
    """

    def __init__(self, spec: str, allow: tuple[str, ...] = (), trust_remote_code: bool = False) -> None:
        self.spec = mask_url(spec)
        self.trust_remote_code = trust_remote_code
        self.engine = self.kind = "model"
        self.path: Path | None = None
        self.artifact: Artifact[Any] | None = None
        self.revision: str | None = None
        self.adapter: Weights | None = None
        scheme, colon, rest = spec.partition(":")
        if rest.startswith("//") and scheme in ("http", "https"):
            scheme, rest = "server", spec
        if colon and scheme in ("program", "server"):
            if scheme not in allow:
                raise WrongOption(
                    f"{self.spec}: a {scheme} cannot be used here, expected a model folder or hub:org/name"
                )
            self.engine = self.kind = scheme
            self.name = rest
            self.url = rest
            self.digest = digest_of([scheme, mask_url(rest)])  # a digest of a password could be guessed
        elif colon and scheme == "hub":
            self._open_hub(rest)
        else:
            self._open_folder(Path(spec), "adapter" in allow)

    def __repr__(self) -> str:
        return f"Weights({self.spec})"

    def adapted(self, adapter: "Weights | None") -> "Weights":
        """This model with an adapter; itself where there is none.

        Raises:
            WrongOption: it has no weights that an adapter could be merged into.
        """
        if adapter is None:
            return self
        if self.engine != "model":
            raise WrongOption(f"--adapter goes with a model folder, {self.spec} is a {self.engine}: leave it out")
        together = copy(self)
        together.adapter = adapter
        return together

    def _open_folder(self, path: Path, adapter: bool) -> None:
        if adapter or (path / "adapter_config.json").is_file():
            self._open_adapter(path, adapter)
        elif (path / NAME).is_file() or versions(path):
            self.artifact = Artifact.open(path, MODEL_KINDS)
            if (self.artifact.path / "adapter_config.json").is_file():
                self._open_adapter(self.artifact.path, wanted=False)
            self.path, self.digest, self.kind = self.artifact.path, self.artifact.digest, self.artifact.kind
        elif (path / "config.json").is_file():
            self.path, self.digest = path, folder_digest(path)
        elif path.is_dir():
            found = "only a draft" if drafts(path) else "no config.json and no manifest.json"
            raise WrongArtifact(f"{path} holds {found}, expected a model folder: run the command that makes it again")
        elif _HUB_NAME.match(str(path)) and not path.exists():
            raise WrongArtifact(f"{path} is no folder: for a model of the hub write hub:{path}")
        else:
            raise WrongArtifact(f"{path} does not exist, expected a model folder or hub:org/name@revision")

    def _open_adapter(self, path: Path, wanted: bool) -> None:
        """A LoRA adapter as peft saves it, which is no model by itself."""
        if not wanted:
            raise WrongArtifact(
                f"{path} holds an adapter, expected a model: give the model it was trained on, and --adapter (sample, "
                "score and verify have it), or train with --lora.merge"
            )
        if (path / NAME).is_file() or versions(path):
            self.artifact = Artifact.open(path, MODEL_KINDS)
            path = self.artifact.path
        missing = [name for name in ("adapter_config.json", "adapter_model.safetensors") if not (path / name).is_file()]
        if missing:
            raise WrongArtifact(f"{path} has no {missing[0]}, expected the folder of a LoRA adapter (peft)")
        self.path, self.digest, self.kind = path, folder_digest(path), "adapter"

    def _open_hub(self, name: str) -> None:
        from huggingface_hub import snapshot_download

        repository, _, revision = name.partition("@")
        patterns = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"] + (
            ["*.py"] if self.trust_remote_code else []
        )
        try:
            folder = snapshot_download(repository, revision=revision or None, allow_patterns=patterns)
        except (OSError, ValueError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0]
            raise WrongArtifact(
                f"hub:{name} could not be fetched ({first}): check the name, the network, HF_TOKEN"
            ) from error
        self.path = Path(folder)
        self.revision = self.path.name
        self.digest = folder_digest(self.path)

    @property
    def tokenizer_digest(self) -> str | None:
        return tokenizer_digest(self.path) if self.path else None

    @property
    def chat_template_digest(self) -> str | None:
        template = chat_template(self.path) if self.path else None
        return digest_of(template) if template is not None else None


def folder_digest(path: Path) -> str:
    """Digest of a plain model folder's files; hashes are kept in the user's cache by path, size and time."""
    entries = []
    for file in sorted(path.iterdir()):
        if file.is_file() and not file.name.startswith(".") and file.name != "README.md":
            entries.append([file.name, file.stat().st_size, _cached_sha256(file)])
    return digest_of(entries)


def _cached_sha256(file: Path) -> str:
    status = file.stat()
    key = digest_of([str(file.resolve()), status.st_size, status.st_mtime_ns])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whet" / "digests" / f"{key}.json"
    try:
        return read_json(cache)["sha256"]
    except (OSError, ValueError, KeyError):
        pass
    sha256 = sha256_file(file)
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_json(cache, {"path": str(file.resolve()), "sha256": sha256})
    except OSError:
        return sha256  # a read-only home only costs time
    return sha256


def chat_template(path: Path) -> str | None:
    """The chat template of a model folder, None when it has none."""
    file = path / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    config = path / "tokenizer_config.json"
    template = read_json(config).get("chat_template") if config.is_file() else None
    return template if isinstance(template, str) else None


def tokenizer_digest(path: Path) -> str | None:
    """Digest of what turns text into ids: tokenizer.json without padding and truncation, plus the special tokens.

    None when the folder has no tokenizer.json (a folder without a tokenizer, or a slow one).
    """
    file = path / "tokenizer.json"
    if not file.is_file():
        return None
    rules = {key: value for key, value in read_json(file).items() if key not in ("padding", "truncation")}
    config = path / "tokenizer_config.json"
    settings = read_json(config) if config.is_file() else {}
    special = {name: _content(settings[name]) for name in _SPECIAL if settings.get(name)}
    return digest_of([rules, special])


def _content(token: Any) -> Any:
    """A special token's text: transformers writes it plain or as a dictionary."""
    return token.get("content") if isinstance(token, dict) else token
