from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Message, Weights, WrongArtifact, WrongOption
from whet.stages.pairing import Pairing
from whet.stages.pairs.preferences import write_pairs
from whet.stages.pairs.reading import read_pairs
from whet.stages.reward_mapping import Reward
from whet.stages.tokens import load_encoder

BOXES = [["1", "22", "3", "no"], ["1", "1", "2"], ["7", "8"]]
LETTERS = ["ciiv", "cci", "cc"]
ASK: Message = {"role": "user", "content": "1+1"}


def scores_of(training, rollouts, numbers, name="scores"):
    """A score for every rollout, in their order."""
    draft = Draft.create(
        training.folder / name, kind="scores", stage="test", options={"n": numbers}, inputs={"rollouts": rollouts}
    )
    draft.facts["belongs_to"] = {"rollouts": rollouts.digest}
    for chunk in draft.chunks([0]):
        for order, (row, score) in enumerate(zip(rollouts.rows(), numbers, strict=True)):
            ids = {"rollout_id": row["rollout_id"], "problem_id": row["problem_id"]}
            chunk.write({**ids, "score": score}, order)
    return draft.publish()


def preferences_of(training, *rows, name="preferences"):
    draft = Draft.create(training.folder / name, kind="preferences", stage="test", options={"rows": len(rows)})
    for chunk in draft.chunks([0]):
        for order, row in enumerate(rows):
            chunk.write(row, order)
    return draft.publish()


def texts(pairs):
    return [(pair.chosen.text, pair.rejected.text) for pair in pairs]


def test_pairs_of_rollouts_carry_their_tokens_and_never_cross_problems(training):
    rollouts = training.rollouts("r", BOXES)
    verdicts = training.verdicts(rollouts, LETTERS)
    given = read_pairs(
        training.policy(), rollouts=[rollouts], verdicts=[verdicts], pairing=Pairing(pairs="all"), seed=0
    )
    # Problem 0: 1 against 22, 3 and no. Problem 1: two 1s against 2. Problem 2 is all right: ties.
    assert texts(given.pairs) == [("1", "22"), ("1", "3"), ("1", "no"), ("1", "2"), ("1", "2")]
    expected = {"rollouts": 9, "groups": 3, "groups_without_pair": 1, "pairs": 5}
    assert {name: given.counts[name] for name in expected} == expected
    rows = {row["rollout_id"]: row for row in rollouts.rows()}
    for pair in given.pairs:
        for side in (pair.chosen, pair.rejected):
            row = rows[side.row.rollout_id]
            assert row["problem_id"] == pair.problem_id
            assert side.row.token_ids.tolist() == row["token_ids"]
            assert side.row.prompt_token_ids.tolist() == row["prompt_token_ids"]
    assert given.pairs[0].reference == "1"
    chosen, rejected = given.pairs[1].rows(unit=7)
    assert (chosen.unit, chosen.reward, rejected.unit, rejected.reward) == (7, 1.0, 7, 0.0)


def test_the_rollouts_of_unknown_verdicts_and_broken_problems_are_left_out(training):
    rollouts = training.rollouts("r", BOXES)
    verdicts = training.verdicts(rollouts, ["cuuu", "cpi", "ci"])
    given = read_pairs(training.policy(), rollouts=[rollouts], verdicts=[verdicts])
    assert texts(given.pairs) == [("7", "8")]
    assert (given.counts["unknown"], given.counts["of_broken_problems"]) == (3, 3)


def test_scores_alone_order_rollouts_and_their_difference_is_the_margin(training):
    rollouts = training.rollouts("r", [["1", "2", "3"]])
    scores = scores_of(training, rollouts, [0.5, 2.0, None])
    given = read_pairs(training.policy(), rollouts=[rollouts], scores=[scores])
    assert texts(given.pairs) == [("2", "1")]
    assert given.pairs[0].margin == pytest.approx(1.5)
    assert given.counts["unknown"] == 1


def test_a_reward_of_its_own_tells_wrong_from_invalid(training):
    rollouts = training.rollouts("r", [["1", "2"]])
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["iv"])]}
    with pytest.raises(WrongArtifact, match="no pair could be made"):
        read_pairs(training.policy(), **inputs)
    given = read_pairs(training.policy(), **inputs, reward=Reward(invalid=-1.0))
    assert texts(given.pairs) == [("1", "2")]


def test_two_rollouts_that_say_the_same_are_no_pair(training):
    rollouts = training.rollouts("r", [["1", "1"], ["1", "2"]])
    verdicts = training.verdicts(rollouts, ["ci", "ci"])
    given = read_pairs(training.policy(), rollouts=[rollouts], verdicts=[verdicts])
    assert texts(given.pairs) == [("1", "2")]
    assert given.counts["identical"] == 1


def test_the_pairs_of_a_problem_do_not_depend_on_the_other_problems(training):
    policy = training.policy()
    texts_of_one = ["1", "2", "3", "4", "5", "6"]

    def made(name, problems, letters, seed=0):
        rollouts = training.rollouts(name, problems)
        verdicts = training.verdicts(rollouts, letters)
        pairing = Pairing(pairs="random", max_pairs_per_problem=3)
        return texts(read_pairs(policy, rollouts=[rollouts], verdicts=[verdicts], pairing=pairing, seed=seed).pairs)

    alone = made("a", [texts_of_one], ["ccciii"])
    beside = made("b", [texts_of_one, ["7", "8"]], ["ccciii", "ci"])
    assert len(alone) == 3
    assert alone == beside[:3]
    assert any(made(f"s{seed}", [texts_of_one], ["ccciii"], seed) != alone for seed in range(1, 6))


def test_pairs_are_published_with_their_rollouts_and_read_back(training):
    rollouts = training.rollouts("r", BOXES)
    verdicts = training.verdicts(rollouts, LETTERS)
    given = read_pairs(training.policy(), rollouts=[rollouts], verdicts=[verdicts], pairing=Pairing(pairs="all"))
    draft = Draft.create(training.folder / "pairs", kind="preferences", stage="test", options={})
    write_pairs(draft, given.pairs)
    made: Artifact[Any] = draft.publish()
    first = next(made.rows())
    assert (first["chosen"], first["rejected"], first["reference"]) == ("1", "22", "1")
    assert (first["chosen_rollout_id"], first["rejected_rollout_id"]) == ("r-0-0", "r-0-1")
    again = read_pairs(training.policy(), preferences=[made])
    assert texts(again.pairs) == texts(given.pairs)
    for one, other in zip(again.pairs, given.pairs, strict=True):
        # A tokenizer of characters gives the rollouts' own tokens.
        assert one.chosen.row.token_ids.tolist() == other.chosen.row.token_ids.tolist()
        assert one.chosen.row.prompt_token_ids.tolist() == other.chosen.row.prompt_token_ids.tolist()
        assert one.problem_id == other.problem_id
    assert again.counts["encoded_once"] == 10


def test_text_is_encoded_with_one_end_token(training):
    given = read_pairs(
        training.policy(),
        preferences=[preferences_of(training, {"messages": [ASK], "chosen": "2", "rejected": "3", "margin": 0.5})],
    )
    encoder = load_encoder(training.folder / "policy")
    (pair,) = given.pairs
    assert pair.chosen.row.token_ids.tolist() == [*encoder.encode("2"), encoder.end_id]
    assert pair.chosen.row.prompt_token_ids.tolist() == encoder.encode_prompt([ASK])
    assert (pair.margin, pair.chosen_votes) == (0.5, None)


def test_text_that_cannot_be_encoded_is_refused(training):
    with pytest.raises(WrongArtifact, match="no token for 'ß'"):
        read_pairs(
            training.policy(),
            preferences=[preferences_of(training, {"messages": [ASK], "chosen": "ß", "rejected": "3"})],
        )


def test_rollouts_without_tokens_or_of_another_tokenizer_are_encoded_where_that_is_allowed(training):
    policy = training.policy()
    nothing = {"token_ids": None, "prompt_token_ids": None}
    rollouts = training.rollouts("r", [["1", "2"]], row=lambda problem, draw: nothing)
    verdicts = training.verdicts(rollouts, ["ci"])
    given = read_pairs(policy, rollouts=[rollouts], verdicts=[verdicts])
    encoder = load_encoder(training.folder / "policy")
    assert given.pairs[0].chosen.row.token_ids.tolist() == [*encoder.encode("1"), encoder.end_id]
    foreign = training.rollouts("f", [["1", "2"]], facts={"tokenizer_digest": "other"})
    inputs: dict[str, Any] = {"rollouts": [foreign], "verdicts": [training.verdicts(foreign, ["ci"])]}
    with pytest.raises(WrongArtifact, match="another tokenizer"):
        read_pairs(policy, **inputs)
    assert read_pairs(policy, **inputs, other_tokenizer="encode").counts["encoded_once"] == 2


def test_what_does_not_go_together_is_refused(training):
    policy: Weights = training.policy()
    rollouts, others = training.rollouts("r", [["1", "2"]]), training.rollouts("s", [["1", "2"]])
    verdicts = training.verdicts(rollouts, ["ci"])
    pairs = preferences_of(training, {"messages": [ASK], "chosen": "2", "rejected": "3"})
    with pytest.raises(WrongOption, match="both --preferences and --rollouts were given"):
        read_pairs(policy, preferences=[pairs], rollouts=[rollouts])
    with pytest.raises(WrongOption, match="neither --preferences and --rollouts were given"):
        read_pairs(policy)
    with pytest.raises(WrongOption, match="need --verdicts or --scores"):
        read_pairs(policy, rollouts=[rollouts])
    with pytest.raises(WrongOption, match="--scores are missing"):
        read_pairs(policy, rollouts=[rollouts], verdicts=[verdicts], pairing=Pairing(pairs="confident-errors"))
    with pytest.raises(WrongArtifact, match="holds verdicts of other rollouts"):
        read_pairs(policy, rollouts=[others], verdicts=[verdicts])
    with pytest.raises(WrongArtifact, match="expected a --verdicts for every --rollouts"):
        read_pairs(policy, rollouts=[rollouts, others], verdicts=[verdicts])


def test_preferences_of_version_1_have_no_margin(training):
    import json

    made = preferences_of(training, {"messages": [ASK], "chosen": "2", "rejected": "3", "margin": 0.5})
    manifest = json.loads((made.path / "manifest.json").read_text())
    (made.path / "manifest.json").write_text(json.dumps({**manifest, "kind_version": 1}))
    (row,) = Artifact.open(made.path).rows()
    assert (row["chosen"], row["margin"]) == ("2", None)
