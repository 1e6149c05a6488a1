import json
from pathlib import Path

import pytest
from row_job import row_job

from cameo3d.app.batch.running import Batch
from cameo3d.errors import InputError
from cameo3d.values import Motion

pytest.importorskip("ray", reason="no Ray; pip install 'cameo3d[ray]'")
from cameo3d.app.batch import on_ray


@pytest.fixture(autouse=True)
def _open(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def test_rows_are_done_on_a_cluster_and_a_crash_or_a_long_one_costs_itself_only(tmp_path):
    rows = [{"photo": "me.png", "text": text} for text in ("hello", "crash", "sleep", "fail", "hi", "hi")]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    batch = Batch(tmp_path / "jobs.jsonl", tmp_path / "out", (0, 1))
    on_ray.run(batch, "local", 2, 20.0, lambda batch: None, row_job)
    assert batch.counts == {"done": 3, "failed": 3, "skipped": 0}
    errors = {failed.row: failed.error or "" for failed in batch.failed}
    assert "crashed" in errors[2]
    assert "longer than 20 s" in errors[3]
    assert "no face" in errors[4]


def test_a_cluster_that_is_not_there_is_told(tmp_path):
    (tmp_path / "jobs.jsonl").write_text("")
    batch = Batch(tmp_path / "jobs.jsonl", tmp_path / "out", (0, 1))
    with pytest.raises(InputError, match="no Ray cluster"):
        on_ray.run(batch, "127.0.0.1:1", 1, 20.0, lambda batch: None, row_job)


def test_a_cluster_draws_what_this_machine_would(tmp_path, astronaut_path, demo_motion_path):
    Motion.load(demo_motion_path).part(0, 2).save(tmp_path / "motion.csv")
    row = {"photo": str(astronaut_path), "motion": "motion.csv"}
    (tmp_path / "jobs.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(row | {'photo': 'no.png'})}\n")
    batch = Batch(tmp_path / "jobs.jsonl", tmp_path / "out", (0, 1))
    on_ray.run(batch, "local", 1, 300.0, lambda batch: None)
    assert batch.counts == {"done": 1, "failed": 1, "skipped": 0}
    assert (tmp_path / "out" / "000001.mp4").stat().st_size > 1000
    assert "no.png" in str(batch.failed[0].error)
