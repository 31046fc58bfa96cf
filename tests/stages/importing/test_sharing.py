import json
import multiprocessing

import numpy as np
import pytest

from whet.artifacts import DraftGone, Stop, Stopped, find
from whet.stages.importing.reading import read, units
from whet.stages.importing.survey import _earlier

RECORDS = 25_000


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.jsonl"
    with open(path, "w") as file:
        for n in range(RECORDS):
            file.write(json.dumps({"question": f"{n % 20_000}+1", "answer": str(n % 20_000 + 1)}) + "\n" * (1 + n % 3))
    return path


def test_units_cover_a_file_once_with_its_line_numbers(large):
    cut = units(large, "jsonl")
    assert [unit.records for unit in cut] == [10_000, 10_000, 5_000]
    whole = large.read_text().split("\n")
    seen = 0
    for unit in cut:
        for line, record in read(large, "jsonl", unit):
            assert json.loads(whole[line - 1]) == record
            seen += 1
    assert seen == RECORDS


def test_units_of_csv_and_parquet_cover_the_file_once(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"n": str(n), "text": f'line\n"{n}"'} for n in range(23_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=700)
    quoted = ('{},"line\n""{}"""\n'.format(row["n"], row["n"]) for row in rows)
    (tmp_path / "a.csv").write_text("n,text\n" + "".join(quoted))
    for name in ("parquet", "csv"):
        path = tmp_path / f"a.{name}"
        cut = units(path, name)
        assert [unit.records for unit in cut] == [10_000, 10_000, 3_000]
        assert [record for unit in cut for _, record in read(path, name, unit)] == rows


def test_earlier_records_are_counted_by_identity():
    identities = np.array([7, 5, 7, 0, 7, 5, 0], dtype=np.uint64)
    assert _earlier(identities).tolist() == [0, 0, 1, 0, 2, 1, 0]
    assert _earlier(np.array([], dtype=np.uint64)).tolist() == []


def test_repeats_are_counted_across_units(large, load):
    made = load(large)
    assert [part.rows for part in made.parts] == [10_000, 10_000, 5_000]
    assert made.manifest.counts == {"repeated": 5_000}


def test_a_stopped_import_keeps_its_finished_parts_and_ends_in_the_same_bytes(large, load, start):
    class StopAfter(Stop):
        left = 13_000

        @property
        def requested(self):
            self.left -= 1
            return self.left < 0

    whole = load(large, "whole")
    draft, work = start(large, "cut", stop=StopAfter())
    with pytest.raises(Stopped):
        work()
    draft.close()
    finished = {path.name: path.stat().st_ino for path in (draft.folder / "data").iterdir()}
    assert sorted(finished) == ["part-00000.parquet"]
    again = load(large, "cut")
    assert again.digest == whole.digest
    assert (again.path / "data" / "part-00000.parquet").stat().st_ino == finished["part-00000.parquet"]


def test_three_processes_share_one_import(large, load, start, tmp_path):
    whole = load(large, "whole")
    fork = multiprocessing.get_context("fork")

    def work_along():
        draft, work = start(large, "shared")
        try:
            work()
            draft.publish()
        except DraftGone:
            draft.close()

    workers = [fork.Process(target=work_along) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    draft, _ = start(large, "probe")
    made = find(tmp_path / "shared", draft.recipe)
    draft.close()
    assert made is not None
    assert made.digest == whole.digest
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["v1"]
