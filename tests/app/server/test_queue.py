import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_job import fake_job
from fastapi.testclient import TestClient

from cameo3d.app.server.app import create_app
from cameo3d.app.server.children import resident_bytes
from cameo3d.app.server.settings import Limits, Settings

PNG, CSV = b"\x89PNG\r\n\x1a\n-", b"time,jawOpen\n0,0\n"
LIMITS = Limits(memory_gib=1.0, queue=3, jobs_per_client=4)


@contextmanager
def service(folder: Path, limits: Limits = LIMITS) -> Iterator[TestClient]:
    app = create_app(Settings(folder, workers=1, limits=limits), job=fake_job)
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        yield client


@pytest.fixture
def client(tmp_path) -> Iterator[TestClient]:
    with service(tmp_path) as client:
        yield client


def send(client: TestClient, text: str = "write") -> str:
    answer = client.post("/v1/animations", files={"photo": PNG}, data={"text": text})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def state(client: TestClient, job: str) -> dict:
    return client.get(f"/v1/jobs/{job}").json()


def ended(client: TestClient, job: str) -> dict:
    return until(lambda: (seen := state(client, job))["state"] not in ("queued", "running") and seen)


def until(found: Callable, seconds: float = 10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError("It did not happen.")


def names(folder: Path, job: str) -> set[str]:
    return {path.name for path in (folder / "jobs" / job).iterdir()}


def test_a_job_ends_with_a_result_that_can_be_read_in_parts(client, tmp_path):
    job = send(client)
    seen = ended(client, job)
    assert (seen["state"], seen["progress"], seen["error"], seen["result_bytes"]) == ("done", 1.0, None, 256)
    whole = client.get(f"/v1/jobs/{job}/result")
    assert (whole.status_code, whole.content) == (200, bytes(range(256)))
    assert whole.headers["content-type"] == "video/mp4"
    part = client.get(f"/v1/jobs/{job}/result", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    beyond = client.get(f"/v1/jobs/{job}/result", headers={"range": "bytes=999-"})
    assert beyond.status_code == 416
    assert list(beyond.json()) == ["error"]
    assert names(tmp_path, job) == {"job.json", "result.mp4"}
    assert client.delete(f"/v1/jobs/{job}").status_code == 200
    assert client.get(f"/v1/jobs/{job}").status_code == 404
    assert not (tmp_path / "jobs" / job).exists()


def test_events_tell_every_step_and_end_with_the_job(client):
    with client.stream("GET", f"/v1/jobs/{send(client, 'sleep 0.3')}/events") as answer:
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert [event["state"] for event in events][-2:] == ["running", "done"]
    assert 0.5 in [event["progress"] for event in events]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fail", "The photo shows no face; give another."),
        ("crash", "crashed"),
        ("stop", "crashed"),
        ("break", "for a reason that it should not"),
        ("grow", "memory"),
        ("hoard", "memory"),
    ],
)
def test_a_bad_job_fails_with_a_sentence_and_costs_no_other(client, tmp_path, text, sentence):
    bad, good = send(client, text), send(client)
    seen = ended(client, bad)
    assert seen["state"] == "failed"
    assert sentence in seen["error"]
    assert client.get(f"/v1/jobs/{bad}/result").json() == {"error": seen["error"]}
    assert names(tmp_path, bad) == {"job.json"}
    assert ended(client, good)["state"] == "done"


def test_a_job_that_runs_too_long_is_killed(tmp_path):
    with service(tmp_path, Limits(run_seconds=2.0)) as client:
        assert "ran for 2 s" in ended(client, send(client, "sleep 60"))["error"]
        assert ended(client, send(client))["state"] == "done"


def test_deleting_a_running_job_kills_its_worker_at_once(client, tmp_path):
    job = send(client, "sleep 60")
    until(lambda: (tmp_path / "jobs" / job / "half.mp4").exists())
    (child,) = client.app.state.service.queue._children.values()  # type: ignore[attr-defined]
    began = time.monotonic()
    assert client.delete(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    assert time.monotonic() - began < 1.0
    assert resident_bytes(child.pid) == 0
    assert names(tmp_path, job) == {"job.json"}
    assert client.get(f"/v1/jobs/{job}/result").status_code == 410
    assert ended(client, send(client))["state"] == "done"


def test_a_job_that_waits_is_cancelled_without_having_run(client):
    first, second = send(client, "sleep 0.5"), send(client)
    assert client.delete(f"/v1/jobs/{second}").json()["state"] == "cancelled"
    assert ended(client, first)["state"] == "done"
    assert state(client, second)["progress"] == 0


def test_a_full_queue_and_a_greedy_client_are_refused(client):
    jobs = [send(client, "sleep 1")]
    until(lambda: state(client, jobs[0])["state"] == "running")
    jobs += [send(client) for _ in range(3)]
    answer = client.post("/v1/animations", files={"photo": PNG}, data={"text": "write"})
    assert answer.status_code == 429
    assert "queue is full" in answer.json()["error"]
    assert answer.headers["retry-after"]
    assert all(ended(client, job)["state"] == "done" for job in jobs)


def test_a_restart_keeps_results_and_runs_what_was_cut_off(tmp_path):
    with service(tmp_path) as client:
        done, cut, given_up = send(client), send(client, "sleep 0.3"), send(client)
        ended(client, given_up)
    for job, attempts in ((cut, 1), (given_up, 2)):  # as a server leaves them that is killed
        record = tmp_path / "jobs" / job / "job.json"
        told = json.loads(record.read_text()) | {"state": "running", "attempts": attempts, "progress": 0.4}
        record.write_text(json.dumps(told))
    (tmp_path / "jobs" / cut / ".cameo3d-0123.mp4").write_bytes(b"half")
    (tmp_path / "jobs" / "broken").mkdir()
    with service(tmp_path) as client:
        assert client.get(f"/v1/jobs/{done}/result").content == bytes(range(256))
        assert ended(client, cut)["state"] == "done"
        assert names(tmp_path, cut) == {"job.json", "result.mp4"}
        assert "stopped twice" in ended(client, given_up)["error"]
        assert not (tmp_path / "jobs" / "broken").exists()


def test_an_avatar_is_made_while_a_long_job_runs_and_serves_many_animations(client):
    send(client, "sleep 1.5")
    answer = client.post("/v1/avatars", files=[("photo", PNG), ("photo", PNG)])
    assert answer.status_code == 201
    avatar = answer.json()["id"]
    assert state(client, avatar)["kind"] == "avatar"
    jobs = [
        client.post("/v1/animations", files={"motion": CSV}, data={"avatar": avatar}).json()["id"]
        for _ in range(2)
    ]
    assert [ended(client, job)["state"] for job in jobs] == ["done", "done"]


def test_an_animation_may_name_an_avatar_that_is_not_there_yet(tmp_path, monkeypatch):
    monkeypatch.setattr("cameo3d.app.server.routes._AVATAR_SECONDS", 0.0)
    with service(tmp_path) as client:
        answer = client.post("/v1/avatars", files={"photo": PNG})
        assert answer.status_code == 202
        fields = {"avatar": answer.json()["id"]}
        job = client.post("/v1/animations", files={"motion": CSV}, data=fields).json()["id"]
        assert ended(client, job)["state"] == "done"
        fields = {"avatar": job}
        assert client.post("/v1/animations", files={"motion": CSV}, data=fields).status_code == 422


def test_what_nobody_asks_for_is_removed(tmp_path):
    with service(tmp_path) as client:
        job = send(client)
        ended(client, job)
    record = tmp_path / "jobs" / job / "job.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"used": time.time() - 25 * 3600}))
    with service(tmp_path) as client:
        until(lambda: not record.exists())
        assert client.get(f"/v1/jobs/{job}").status_code == 404


def test_metrics_count_jobs_and_answers(client):
    ended(client, send(client))
    text = client.get("/v1/metrics").text
    assert 'cameo3d_jobs_ended_total{kind="animation",state="done"} 1' in text
    assert 'cameo3d_answers_total{status="202"} 1' in text
