import hashlib

from whet.artifacts import Message, make_problem, problem_id, recipe_digest, rollout_id, seed_of
from whet.artifacts.files import canonical_json, digest_of
from whet.artifacts.recipe import content_digest

ASKED: list[Message] = [{"role": "user", "content": "1+1"}]
SYSTEM: list[Message] = [{"role": "system", "content": "x"}]


def test_a_digest_is_the_sha256_of_the_canonical_json() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None, "ä"]}) == '{"a":[1.5,null,"ä"],"b":1}'
    assert digest_of({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()


def test_text_with_a_lone_surrogate_still_has_an_identity() -> None:
    assert problem_id([{"role": "user", "content": "\ud800"}], None) != problem_id(
        [{"role": "user", "content": "?"}], None
    )


def test_a_problem_is_the_same_wherever_it_comes_from() -> None:
    here = make_problem(ASKED, "2", "number", source="here", split="train", meta="{}")
    there = make_problem(list(reversed(ASKED)), "2", "number")
    assert here["problem_id"] == there["problem_id"]
    assert here["problem_id"] != problem_id(ASKED, "3", "number")
    assert here["problem_id"] != problem_id(SYSTEM + ASKED, "2", "number")


def test_no_two_recipes_problems_draws_steps_or_occurrences_share_a_rollout() -> None:
    identities = {
        rollout_id(recipe, problem, draw, step, occurrence)
        for recipe in "ab" for problem in "cd" for draw in (0, 1) for step in (0, 1) for occurrence in (0, 1)
    }  # fmt: skip
    assert len(identities) == 32
    assert all(0 <= seed_of(identity) < 2**63 for identity in identities)
    assert len({seed_of(identity) for identity in identities}) == 32


def test_a_recipe_changes_with_each_of_its_parts_and_with_nothing_else() -> None:
    base = recipe_digest("verify", 1, {"a": 1, "b": 2}, {"rollouts": ["x"]})
    assert base == recipe_digest("verify", 1, {"b": 2, "a": 1}, {"rollouts": ["x"]})
    others = [
        recipe_digest("score", 1, {"a": 1, "b": 2}, {"rollouts": ["x"]}),
        recipe_digest("verify", 2, {"a": 1, "b": 2}, {"rollouts": ["x"]}),
        recipe_digest("verify", 1, {"a": 1, "b": 3}, {"rollouts": ["x"]}),
        recipe_digest("verify", 1, {"a": 1, "b": 2}, {"rollouts": ["y"]}),
        recipe_digest("verify", 1, {"a": 1, "b": 2}, {"problems": ["x"]}),
    ]
    assert len({base, *others}) == 6


def test_a_content_digest_does_not_depend_on_the_order_of_the_files() -> None:
    files = [("data/part-00000.parquet", 3, "aa"), ("problems.parquet", 4, "bb")]
    assert content_digest(files) == content_digest(reversed(files))
    assert content_digest(files) != content_digest([("data/part-00000.parquet", 3, "ab"), files[1]])
