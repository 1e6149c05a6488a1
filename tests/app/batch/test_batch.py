import json
from pathlib import Path

import pytest
from row_job import row_job

from cameo3d.app.batch.rows import Row, is_in_shard, read_rows, shard_of
from cameo3d.app.batch.running import Batch, run
from cameo3d.app.cli import main
from cameo3d.errors import InputError


def table(folder: Path, *rows: dict | str) -> Path:
    path = folder / "jobs.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def carried_out(path: Path, out: Path, row_seconds: float = 30.0, shard: tuple[int, int] = (0, 1)) -> Batch:
    batch = Batch(path, out, shard)
    run(batch, 2, row_seconds, lambda batch: None, row_job)
    return batch


def report(out: Path) -> dict[int, dict]:
    (path,) = out.glob("report-*.jsonl")
    return {line["row"]: line for line in map(json.loads, path.read_text().splitlines())}


def say(text: str, **more: object) -> dict:
    return {"photo": "me.png", "text": text, **more}


def test_bad_rows_are_listed_and_skipped_and_a_second_run_does_only_what_is_left(tmp_path):
    rows = [say("hello", seed=3), "{", say("fail", name="anna"), say("crash"), say("hello", sed=1), say("hi")]
    out = tmp_path / "out"
    batch = carried_out(table(tmp_path, *rows), out)
    assert batch.counts == {"done": 2, "failed": 4, "skipped": 0}
    assert (out / "000001.mp4").read_text() == '{"seed": 3}'
    seen = report(out)
    assert [seen[row]["state"] for row in range(1, 7)] == [
        "done",
        "failed",
        "failed",
        "failed",
        "failed",
        "done",
    ]
    assert seen[3]["name"] == "anna"
    assert "no face" in seen[3]["error"]
    assert "crashed" in seen[4]["error"]
    assert 'no option "sed"' in seen[5]["error"]
    again = carried_out(table(tmp_path, *rows[:2], say("hello", name="anna"), *rows[3:]), out)
    assert again.counts == {"done": 1, "failed": 3, "skipped": 2}
    assert {path.name for path in out.glob("*.mp4")} == {"000001.mp4", "anna.mp4", "000006.mp4"}


def test_a_row_that_takes_too_long_is_given_up(tmp_path):
    batch = carried_out(table(tmp_path, say("sleep"), say("hello")), tmp_path / "out", row_seconds=4.0)
    assert batch.counts["done"] == 1
    assert "longer than 4 s" in str(batch.failed[0].error)


def test_shards_are_a_partition_that_stays(tmp_path):
    path = table(tmp_path, *[say("hello")] * 7)
    for index in range(3):
        carried_out(path, tmp_path / str(index), shard=(index, 3))
    found = [sorted(report(tmp_path / str(index))) for index in range(3)]
    assert found == [[1, 4, 7], [2, 5], [3, 6]]
    assert all(sum(is_in_shard(row, index, 16) for index in range(16)) == 1 for row in range(1, 99))


def test_the_shard_is_read_from_kubernetes_and_slurm(monkeypatch):
    for name in ("JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    assert shard_of(None) == (0, 1)
    assert shard_of("3/16") == (2, 16)
    for text in ("0/3", "4/3", "3", "a/b", "-1/3"):
        with pytest.raises(InputError, match="3/16"):
            shard_of(text)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "5")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "5")
    assert shard_of(None) == (4, 5)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")
    with pytest.raises(InputError, match="CAMEO3D_SHARDS"):
        shard_of(None)
    monkeypatch.setenv("CAMEO3D_SHARDS", "4")
    assert shard_of(None) == (2, 4)


def test_a_csv_says_the_same_as_json_lines(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(
        "photo,text,seed,loop,name,pose\nme.png,12,3,true,a,still\nme.png,hi,,,b,pose.csv\nx,y,1,1,c,d,e\n"
    )
    first, second, third = read_rows(path)
    assert first == Row(1, "a", {"photo": "me.png", "text": "12", "seed": 3, "loop": True, "pose": "still"})
    assert isinstance(second, Row)
    task = second.task(tmp_path / "out", tmp_path)
    assert (task["pose"], task["photos"]) == (str(tmp_path / "pose.csv"), [str(tmp_path / "me.png")])
    assert (task["options"], task["out"]) == ({}, "b.mp4")
    assert third == (3, "It has more cells than the head line.")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "x"}, "photo or an avatar"),
        ({"photo": "a", "avatar": "b", "text": "x"}, "photo or an avatar"),
        ({"photo": "a"}, "has 0"),
        ({"photo": "a", "text": "x", "voice": "y"}, "has 2"),
        ({"photo": "a", "text": "x", "out": "/etc/x"}, 'no option "out"'),
        ({"photo": "a", "text": "x", "smooth": 3}, "option smooth"),
    ],
)
def test_rows_that_make_no_sense_are_told(tmp_path, row, said):
    with pytest.raises(InputError, match=said):
        Row(1, "1", row).task(tmp_path, tmp_path)


def test_names_are_plain_and_stand_once(tmp_path):
    path = table(tmp_path, say("x", name="../a"), say("x", name="a"), say("x", name="a"))
    wrong, row, twice = read_rows(path)
    assert "letters" in wrong[1]  # type: ignore[index]
    assert isinstance(row, Row)
    assert "earlier row" in twice[1]  # type: ignore[index]


def test_the_command_lists_what_failed_and_its_exit_code_tells_so(tmp_path, capsys):
    words = ["batch", str(table(tmp_path, "{", say("x", name="b", sed=1))), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        main(words)
    shown = capsys.readouterr()
    assert stop.value.code == 1
    assert shown.out == "0 done, 2 failed, 0 skipped\n"
    assert shown.err.splitlines()[0] == "cameo3d: row 1: It is no JSON object."
    assert 'row 2 (b): There is no option "sed"' in shown.err
