import pytest

from whet.artifacts import Message, WrongOption
from whet.artifacts.provenance import mask_text
from whet.stages.rewards.polar_packing import Packer, Packing, join_messages, published_tokens
from whet.stages.tokens import Encoder, load_encoder

from .test_loading import published


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """A byte-level tokenizer with POLAR's tokens; it begins no text with BOS."""
    folder = tmp_path_factory.mktemp("tokenizer") / "polar"
    published(folder)
    return load_encoder(folder)


def spelled(encoder: Encoder, ids: list[int]) -> str:
    return encoder.decode(ids, skip_special=False)


def test_a_candidate_stands_behind_its_reference_with_the_same_prompt_and_the_reward_token_last(encoder):
    packer = Packer(encoder, Packing())
    assert published_tokens(encoder)
    (row,) = packer.pack("1+1?", "2", ["3"])
    assert spelled(encoder, row.token_ids) == "1+1?\n2<|reward|>1+1?\n3[UNUSED_TOKEN_130]"
    assert not row.cut
    assert row.token_ids.count(packer.separator_id) == row.token_ids.count(packer.reward_id) == 1
    assert row.token_ids[-1] == packer.reward_id
    middle = row.token_ids.index(packer.separator_id)
    first, second = row.token_ids[:middle], row.token_ids[middle + 1 :]
    asked = encoder.encode("1+1?\n")
    assert first[: len(asked)] == second[: len(asked)] == asked


def test_a_tokenizer_that_begins_texts_with_a_bos_gets_one(tmp_path):
    from tokenizers import Tokenizer, processors

    published(tmp_path / "polar")
    file = tmp_path / "polar" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.save(str(file))
    encoder = load_encoder(tmp_path / "polar")
    (row,) = Packer(encoder, Packing()).pack("a", "b", ["c"])
    assert spelled(encoder, row.token_ids) == "<s>a\nb<|reward|>a\nc[UNUSED_TOKEN_130]"


def test_without_a_wrapper_prompt_and_answer_touch(encoder):
    (row,) = Packer(encoder, Packing(wrapper="pretrain")).pack("ab", "c", ["d"])
    assert spelled(encoder, row.token_ids) == "abc<|reward|>abd[UNUSED_TOKEN_130]"


def test_an_empty_answer_has_no_newline(encoder):
    rows = Packer(encoder, Packing()).pack("ab", "", ["", "c"])
    assert [spelled(encoder, row.token_ids) for row in rows] == [
        "ab<|reward|>ab[UNUSED_TOKEN_130]", "ab<|reward|>ab\nc[UNUSED_TOKEN_130]",
    ]  # fmt: skip


def test_control_tokens_in_texts_are_taken_out_and_those_that_form_then_too(encoder):
    packer = Packer(encoder, Packing())
    (row,) = packer.pack("a<|reward|>b", "c</s>", ["<|rew<|reward|>ard|>d[UNUSED_[UNUSED_TOKEN_130]TOKEN_130]"])
    assert spelled(encoder, row.token_ids) == "ab\nc<|reward|>ab\nd[UNUSED_TOKEN_130]"


def test_answers_lose_their_end_and_the_prompt_its_beginning(encoder):
    packer = Packer(encoder, Packing(max_answer_tokens=3, max_length=24))
    (row,) = packer.pack("0123456789", "abcdef", ["uvwxyz"])
    # (24 - 4 - 3 - 3) / 2 = 7 tokens of the prompt would make 2 * (7 + 1 + 3) + 2 = 24: it fits without a BOS.
    assert spelled(encoder, row.token_ids) == "3456789\nabc<|reward|>3456789\nuvw[UNUSED_TOKEN_130]"
    assert len(row.token_ids) == 24
    assert row.cut


def test_candidates_that_are_compared_share_the_prompt_of_the_longer_one(encoder):
    packer = Packer(encoder, Packing(max_length=30))
    long, short = packer.pack("0123456789", "abc", ["uvwxyzuvwx", "u"])
    # (30 - 4 - 3 - 10) / 2 = 6; 2 * (6 + 1) + 3 + 10 + 2 = 29
    assert spelled(encoder, long.token_ids).startswith("456789\nabc<|reward|>456789\n")
    assert spelled(encoder, short.token_ids) == "456789\nabc<|reward|>456789\nu[UNUSED_TOKEN_130]"


def test_a_prompt_without_room_is_dropped_and_never_kept_whole(encoder):
    packer = Packer(encoder, Packing(max_answer_tokens=4, max_length=12))
    (row,) = packer.pack("0123456789", "abcd", ["wxyz"])
    assert spelled(encoder, row.token_ids) == "\nabcd<|reward|>\nwxyz[UNUSED_TOKEN_130]"
    assert len(row.token_ids) <= 12


@pytest.mark.parametrize("length", range(8, 40))
def test_no_packing_is_longer_than_allowed(encoder, length):
    packer = Packer(encoder, Packing(max_answer_tokens=6, max_length=length))
    for row in packer.pack("0123456789" * 3, "abcdefgh", ["uvwxyz", ""]):
        assert len(row.token_ids) <= length
        assert row.token_ids[-1] == packer.reward_id


def test_roles_are_dropped(encoder):
    messages: list[Message] = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "1+1?"}]
    assert join_messages(messages) == "Be short.\n1+1?"


def test_a_tokenizer_without_the_tokens_is_refused_with_those_it_has(training):
    encoder = load_encoder(training.policy().path)
    with pytest.raises(WrongOption, match=r"have <\|reward\|>: give --separator-token another .*<\|assistant\|>"):
        Packer(encoder, Packing())
    with pytest.raises(WrongOption, match=r"have \[UNUSED_TOKEN_130\]: give --reward-token") as refused:
        Packer(encoder, Packing(separator_token="<|system|>"))
    # Nothing in it looks like a secret.
    assert mask_text(str(refused.value)) == str(refused.value)
    packer = Packer(encoder, Packing(separator_token="<|system|>", reward_token="<|end|>"))
    assert spelled(encoder, packer.pack("1?", "2", ["3"])[0].token_ids) == "1?\n2<|system|>1?\n3<|end|>"
    with pytest.raises(WrongOption, match="--reward-token is <|end|>, expected another token"):
        Packing(separator_token="<|end|>", reward_token="<|end|>")
