"""The encoder against AutoTokenizer, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Message, WrongArtifact
from whet.stages.alphabets import Alphabet, write_tokenizer
from whet.stages.tokens import load_encoder

CHAT: list[Message] = [
    {"role": "system", "content": "Be  brief ."},
    {"role": "user", "content": "1+2 = ?\n\n  a , b <|end|> it's"},
    {"role": "assistant", "content": '"3"'},
    {"role": "user", "content": "sure?"},
]

LLAMA_LIKE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'skip' %}{% continue %}{% endif %}"
    "[{{ m.role }}]{% generation %}{{ m.content | tojson }}{% endgeneration %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[Alphabet], Path]:
    """A folder with one of our own tokenizers and the config of a Qwen2 model, which AutoTokenizer looks at."""

    def make(alphabet: Alphabet) -> Path:
        write_tokenizer(alphabet, tmp_path)
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "eos_token_id": 1}))
        return tmp_path

    return make


@pytest.fixture
def with_bos(tmp_path: Path) -> Path:
    """A BPE tokenizer that adds <s>, as Llama's does, and a template that writes one too."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>"], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(["the cat sat on the mat and the dog too"] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.enable_truncation(4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    bos = {"__type": "AddedToken", "content": "<s>", "special": True}  # one of the two forms transformers writes
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": LLAMA_LIKE}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "eos_token_id": 7}))
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 9]}))
    return tmp_path


def _auto(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("alphabet", ["character", "byte"])
def test_a_fresh_tokenizer_encodes_as_autotokenizer_does(alphabet: Alphabet, fresh: Callable[[Alphabet], Path]) -> None:
    folder = fresh(alphabet)
    encoder, auto = load_encoder(folder), _auto(folder)
    assert encoder.prompt_text(CHAT) == auto.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    token_ids = encoder.encode_prompt(CHAT)
    assert token_ids == auto.apply_chat_template(CHAT, add_generation_prompt=True)["input_ids"]
    for skip in (True, False):
        assert encoder.decode(token_ids, skip_special=skip) == auto.decode(token_ids, skip_special_tokens=skip)
    assert encoder.vocabulary == len(auto) == (101 if alphabet == "character" else 261)
    assert (encoder.end_id, encoder.pad_id) == (auto.eos_token_id, auto.pad_token_id) == (1, 0)


def test_every_template_feature_renders_as_transformers_renders_it(with_bos: Path) -> None:
    encoder, auto = load_encoder(with_bos), _auto(with_bos)
    chat: list[Message] = [{"role": "user", "content": 'naïve <b> "x"'}, {"role": "skip", "content": "no"}, *CHAT]
    assert encoder.prompt_text(chat) == auto.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    # The file's truncation to 4 tokens is not a property of text: AutoTokenizer drops it too.
    assert encoder.encode_prompt(chat) == auto.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]


def test_a_prompt_has_one_bos_at_most(with_bos: Path) -> None:
    encoder = load_encoder(with_bos)
    assert encoder.bos_id == 0
    chat = encoder.encode_prompt([{"role": "user", "content": "the cat"}])
    raw = encoder.encode_prompt([{"role": "user", "content": "the cat"}], "raw")
    written = encoder.encode_prompt([{"role": "user", "content": "<s>the cat"}], "raw")
    assert [ids.count(0) for ids in (chat, raw, written)] == [1, 1, 1]
    assert raw == written == _auto(with_bos)("the cat")["input_ids"]


def test_text_of_its_own_gets_nothing_added(with_bos: Path) -> None:
    encoder = load_encoder(with_bos)
    assert encoder.encode("the cat")[0] != 0
    assert encoder.encode("") == []


def test_end_tokens_are_the_generation_configs_and_the_tokenizers(with_bos: Path) -> None:
    assert load_encoder(with_bos).end_token_ids == {1, 9}
    (with_bos / "generation_config.json").unlink()
    assert load_encoder(with_bos).end_token_ids == {1, 7}


def test_raw_prompts_are_the_bare_contents(fresh: Callable[[Alphabet], Path]) -> None:
    encoder = load_encoder(fresh("character"))
    messages: list[Message] = [{"role": "system", "content": "ab"}, {"role": "user", "content": "c"}]
    assert encoder.decode(encoder.encode_prompt(messages, "raw")) == "ab\nc"


def test_characters_without_a_token_are_refused_not_dropped(fresh: Callable[[Alphabet], Path]) -> None:
    encoder = load_encoder(fresh("character"))
    with pytest.raises(WrongArtifact, match="has no token for 'ï' '→' in 'naïve →'"):
        encoder.encode("naïve →")
    with pytest.raises(WrongArtifact, match="has no token for"):
        encoder.encode_prompt([{"role": "user", "content": "é"}])


@pytest.mark.parametrize(
    "text", ["", "naïve → 中文 🙂", " two  spaces , and .\n\n\ttabs ", "<|end|> written out", "\x00\x7f"]
)
def test_bytes_give_every_text_back(fresh: Callable[[Alphabet], Path], text: str) -> None:
    encoder = load_encoder(fresh("byte"))
    assert encoder.decode(encoder.encode_exactly(text), skip_special=False) == text


def test_text_that_does_not_survive_the_round_trip_is_refused_where_it_must(fresh: Callable[[Alphabet], Path]) -> None:
    decomposed = "e\u0301"  # e and an accent of its own; the tokenizer composes them
    encoder = load_encoder(fresh("byte"))
    assert encoder.decode(encoder.encode(decomposed)) == "\u00e9"
    with pytest.raises(WrongArtifact, match="does not survive encoding and decoding"):
        encoder.encode_exactly(decomposed)


def test_a_folder_without_a_chat_template_says_what_to_do(fresh: Callable[[Alphabet], Path]) -> None:
    folder = fresh("byte")
    (folder / "chat_template.jinja").unlink()
    encoder = load_encoder(folder)
    with pytest.raises(WrongArtifact, match="has no chat template: --prompt-format raw"):
        encoder.encode_prompt(CHAT)
    assert encoder.encode_prompt(CHAT, "raw")


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception('roles must alternate') }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(fresh: Callable[[Alphabet], Path], template: str) -> None:
    folder = fresh("byte")
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(WrongArtifact, match="its chat template refuses"):
        load_encoder(folder).prompt_text(CHAT)


def test_a_template_that_asks_for_the_date_gives_the_same_prompt_every_day(fresh: Callable[[Alphabet], Path]) -> None:
    folder = fresh("byte")
    (folder / "chat_template.jinja").write_text("{{ strftime_now('%d %b %Y') }}")
    assert load_encoder(folder).prompt_text(CHAT) == "26 Jul 2024"


def test_named_templates_of_an_older_form_are_read(fresh: Callable[[Alphabet], Path]) -> None:
    folder = fresh("byte")
    (folder / "chat_template.jinja").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["chat_template"] = [{"name": "tools", "template": "t"}, {"name": "default", "template": "d"}]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert load_encoder(folder).prompt_text(CHAT) == "d"


def test_a_folder_without_tokenizer_json_goes_through_autotokenizer(tmp_path: Path) -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    symbols = [*sorted(ByteLevel.alphabet()), "th", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({symbol: i for i, symbol in enumerate(symbols)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nt h\n")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"})
    )
    encoder = load_encoder(tmp_path)
    assert encoder.encode("the") == _auto(tmp_path)("the")["input_ids"] == [256, symbols.index("e")]
    assert encoder.end_token_ids == {257}


def test_broken_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WrongArtifact, match="holds no tokenizer that can be read"):
        load_encoder(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(WrongArtifact, match=r"tokenizer_config\.json is no JSON"):
        load_encoder(tmp_path)
