"""The tokenizers that a fresh policy gets: one token a character, or one token a byte.

    write_tokenizer("character", folder)        # tokenizer.json, tokenizer_config.json, chat_template.jinja

* character: printable ASCII and the newline, 101 ids, the smallest vocabulary; the encoder refuses other characters.
* byte: every text, 261 ids.

Both have the form of Qwen2's tokenizer (byte-level symbols, text in Unicode's composed form, `<|endoftext|>`), as
AutoTokenizer builds that form for a Qwen2 model whatever tokenizer.json says. There are no merges: a symbol is a token.

One special token a role and one that ends a turn: the chat template costs a policy three tokens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

Alphabet = Literal["character", "byte"]

PAD, END = "<|endoftext|>", "<|end|>"
ROLES = ("system", "user", "assistant")
SPECIAL = (PAD, END, *(f"<|{role}|>" for role in ROLES))
CHARACTERS = "\n" + "".join(chr(code) for code in range(32, 127))

CHAT_TEMPLATE = (
    "{%- for message in messages -%}\n"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] -%}\n"
    "{{- raise_exception('roles are system, user and assistant, found ' + message['role']) -}}\n"
    "{%- endif -%}\n"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{- '<|assistant|>' -}}\n"
    "{%- endif -%}\n"
)


def write_tokenizer(alphabet: Alphabet, folder: Path) -> int:
    """Write the files that AutoTokenizer reads; the number of ids is returned."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    bytes_to_symbols = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if alphabet == "character":
        symbols = [bytes_to_symbols.pre_tokenize_str(character)[0][0] for character in CHARACTERS]
    else:
        symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate((*SPECIAL, *symbols))}, merges=[]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = bytes_to_symbols
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": END,
        "pad_token": PAD,
        "unk_token": PAD,
        "extra_special_tokens": [f"<|{role}|>" for role in ROLES],
        # Else decoding takes the space before a full stop away, and a text no longer survives the round trip.
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    return tokenizer.get_vocab_size(with_added_tokens=True)
