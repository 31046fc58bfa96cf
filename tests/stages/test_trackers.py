"""Trackers that are installed, for real."""

from pathlib import Path

import pytest

from whet.artifacts import Draft
from whet.stages.trackers import finish, started


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_mlflow_goes_on_after_a_resume_and_another_draft_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    mlflow.set_tracking_uri("sqlite:///runs.db")
    for name, step in (("one", 1), ("one", 2), ("other", 1)):
        draft = Draft.create(tmp_path / name, kind="policy", stage="train", options={"a": 1})
        (tracker,) = started(["mlflow"], draft)
        tracker.log({"loss": step / 4}, step=step)
        finish(tracker)
    runs = mlflow.search_runs(experiment_names=["ours"], output_format="list")
    client = mlflow.MlflowClient()
    told = [
        [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, "loss")] for run in runs
    ]
    assert sorted(told) == [[(1, 0.25)], [(1, 0.25), (2, 0.5)]]
    assert {run.data.params["a"] for run in runs} == {"1"}
