import json
import random

import pytest

from whet.artifacts import WrongArtifact, WrongOption, make_problem
from whet.stages.engines import Request
from whet.stages.engines.program import ProgramEngine
from whet.stages.meta_patterns import generate, problem_of
from whet.stages.sampling import Sampling

SUM = make_problem(
    [{"role": "user", "content": "12+9"}],
    "21",
    "number",
    "tail/addition",
    meta='{"task": "addition", "payload": {"a": "12", "b": "9"}}',
)
STORY = make_problem([{"role": "user", "content": "How many eggs?"}], "18", "number", "gsm8k", meta='{"idx": 3}')
# 12 + 09: 2+9=11 write 1 carry 1 | 1+0+1=2 -> 21
THOUGHT = "{0,0}2,9,0:11;1\n{1,1}1,0,1:2;21\n\\boxed{21}"


def engine(name="tail-compact", problem=SUM):
    return ProgramEngine(
        name, encode=lambda text: list(text.encode()), end_token_id=300, problem_of=lambda index: problem
    )


def test_a_problem_alone_is_enough_to_write_its_chain_of_thought():
    assert engine().complete(SUM) == THOUGHT
    assert engine("tail").complete(SUM).endswith("{1,1} -> F\n\\boxed{21}")


def test_completions_end_with_the_end_token_and_are_certain():
    (completion,) = engine().sample([Request(0, [1, 2], 7)], Sampling(), lambda: False)
    assert completion.token_ids == [*THOUGHT.encode(), 300]
    assert completion.logprobs == completion.sampling_logprobs == [0.0] * (len(THOUGHT) + 1)
    assert completion.finish_reason == "stop"


def test_a_text_beyond_max_tokens_is_cut_and_says_so():
    limit = len(THOUGHT)
    (cut,) = engine().sample([Request(0, [], 7)], Sampling(max_tokens=limit), lambda: False)
    (whole,) = engine().sample([Request(0, [], 7)], Sampling(max_tokens=limit + 1), lambda: False)
    assert (len(cut.token_ids), cut.finish_reason, whole.finish_reason) == (limit, "length", "stop")


def test_a_stop_ends_between_two_rollouts():
    assert list(engine().sample([Request(0, [], 7)], Sampling(), lambda: True)) == []


def test_problems_without_a_program_are_refused_with_the_list():
    refused = rf"1 problem has no program \(the first is {STORY['problem_id']} of gsm8k\).*addition, .*word-flip"
    with pytest.raises(WrongArtifact, match=refused):
        engine().refuse_unknown([SUM, STORY])
    with pytest.raises(WrongArtifact, match="has no program"):
        engine().complete(STORY)
    engine().refuse_unknown([SUM])


def test_an_unknown_program_is_refused_with_the_names_there_are():
    with pytest.raises(
        WrongOption,
        match="program:tale does not exist, expected program:tail or program:tail-compact or program:meta-patterns",
    ):
        engine("tale")


def written(problem):
    return json.loads(problem["meta"])["completion"]


def case(pattern):
    return problem_of(generate(random.Random(0), 1, 2, patterns=(pattern,)), "train")


def test_a_case_for_verifiers_is_written_as_its_pattern_says():
    made = case("wrong-endpoint")
    (completion,) = engine("meta-patterns", made).sample([Request(0, [1], 7)], Sampling(), lambda: False)
    assert bytes(completion.token_ids[:-1]).decode() == written(made)
    assert (completion.token_ids[-1], completion.finish_reason) == (300, "stop")


def test_a_case_that_was_cut_off_has_no_end_token():
    made = case("truncated")
    (completion,) = engine("meta-patterns", made).sample([Request(0, [1], 7)], Sampling(), lambda: False)
    assert bytes(completion.token_ids).decode() == written(made)
    assert completion.finish_reason == "length"


def test_each_program_refuses_the_problems_of_the_other():
    with pytest.raises(WrongArtifact, match="1 problem has no program .* of meta-patterns"):
        engine("meta-patterns").refuse_unknown([SUM])
    with pytest.raises(WrongArtifact, match="1 problem has no program"):
        engine("tail").refuse_unknown([case("looping")])
