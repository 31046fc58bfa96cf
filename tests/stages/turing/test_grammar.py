import subprocess
import sys

import pytest

from whet.stages.turing import Tape, load_task, task_names


def test_a_state_is_written_with_its_operands_its_result_and_its_successor():
    tape = Tape()
    tape.step([0, 1], [("x", 3), ("y", 4)], "3*4=12", "12")
    tape.step([1], [("z", 12)], "12-2=10", "10")

    assert tape.halt("10") == (
        "{0,1}\n[(x = 3), (y = 4)]\n3*4=12\n{0,1} -> {1}\n{1}\n[(z = 12)]\n12-2=10\n{1} -> F\n\\boxed{10}"
    )


def test_the_compact_style_keeps_states_operands_and_results_on_one_line_each():
    tape = Tape("compact")
    tape.step([0, 1], [("x", 3), ("y", 4)], "3*4=12", "12")
    tape.step([1], [("z", 12)], "12-2=10", "10")

    assert tape.halt("10") == "{0,1}3,4:12\n{1}12:10\n\\boxed{10}"


def test_tasks_are_found_by_listing_the_folder_and_none_is_imported():
    code = (
        "import sys; from whet.stages.turing import task_names; names = task_names();"
        "print(*names, *[m for m in sys.modules if m.startswith('whet.stages.turing.') and '._' not in m])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == list(task_names())
    assert {"addition", "binary-search", "comparison", "word-flip"} <= set(found)


def test_every_task_has_twenty_distinct_templates_that_its_payload_fills():
    import random

    for name in task_names():
        task = load_task(name)
        payload = task.generate(random.Random(0), 5, 9).payload
        questions = {template.format(**payload) for template in task.TEMPLATES}
        assert len(questions) == len(task.TEMPLATES) >= 20
        assert task.ANSWER_TYPE in ("text", "number")


def test_an_unknown_task_is_refused_with_the_list():
    with pytest.raises(KeyError, match=r"subtraction is no task; known are addition, .*word-flip"):
        load_task("subtraction")
