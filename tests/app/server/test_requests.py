import asyncio
import importlib.util
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fake_job import fake_job
from fastapi.testclient import TestClient

from cameo3d.app.server import running
from cameo3d.app.server.app import create_app
from cameo3d.app.server.documentation import Created, Failure, Health, JobView, Models
from cameo3d.app.server.kinds import kind_of
from cameo3d.app.server.settings import Limits, Settings

PNG, CSV, WAV = b"\x89PNG\r\n\x1a\n-", b"time,jawOpen\n0,0\n", b"RIFF\0\0\0\0WAVEfmt "
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isom"
FILES = {"me.png": PNG, "motion.csv": CSV, "speech.wav": WAV, "driver.mp4": MP4}
EXAMPLES = Path(__file__).parents[3] / "examples"
LIMITS = Limits(body_mib=1, upload_grace_seconds=0.3, text_characters=100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def client(folder) -> Iterator[TestClient]:
    app = create_app(Settings(folder, workers=1, limits=LIMITS), job=fake_job)
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        yield client


def refused(client: TestClient, folder: Path, status: int, path: str = "animations", **request) -> str:
    """The sentence with which a request is refused, which must leave nothing behind."""
    before = set((folder / "jobs").iterdir())
    answer = client.post(f"/v1/{path}", **request)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert set((folder / "jobs").iterdir()) == before
    return answer.json()["error"]


@pytest.mark.parametrize(
    ("status", "files", "data", "said"),
    [
        (422, {"motion": CSV}, {}, "either a photo or an avatar"),
        (422, {"photo": PNG}, {}, "0 came"),
        (422, {"photo": PNG, "motion": CSV, "voice": WAV}, {}, "2 came"),
        (422, {"photo": PNG, "motion": CSV}, {"avatar": "0"}, "either a photo or an avatar"),
        (404, {"motion": CSV}, {"avatar": "../../etc"}, "no job of this id"),
        (422, {"photo": PNG, "motion": CSV, "../x": CSV}, {}, "no such field"),
        (422, {"photo": PNG, "motion": CSV}, {"voice": "/etc/passwd"}, "without a file"),
        (422, {"photo": b"", "motion": CSV}, {}, "empty file"),
        (415, {"photo": CSV, "motion": CSV}, {}, "send JPEG, PNG"),
        (415, {"photo": b"%PDF-1.7", "motion": CSV}, {}, "it is a PDF file"),
        (415, {"photo": PNG, "motion": PNG}, {}, "motion file"),
        (415, {"photo": PNG, "voice": b"#EXTM3U\nhttp://x/"}, {}, "send WAV"),
        (415, {"photo": PNG, "video": b"PK\3\4\0\0"}, {}, "send MP4"),
        (415, {"avatar": PNG, "motion": CSV}, {}, "POST /v1/avatars"),
        (422, {"photo": PNG}, {"text": "  "}, "0 characters"),
        (422, {"photo": PNG}, {"text": "a" * 101}, "101 characters"),
        (422, {"photo": PNG, "motion": CSV}, {"options": "[1]"}, "no JSON object"),
        (422, {"photo": PNG, "motion": CSV}, {"options": "{"}, "no JSON"),
        (422, {"photo": PNG, "motion": CSV}, {"options": "[" * 9999}, "no JSON"),
        (413, {"photo": PNG, "motion": CSV}, {"options": " " * 9 + "9" * 99999}, "the most"),
        (422, {"photo": PNG, "motion": CSV}, {"options": '{"out": "/tmp/x"}'}, 'no option "out"'),
        (422, {"photo": PNG, "motion": CSV}, {"options": '{"pose": "/etc/passwd"}'}, "option pose"),
        (422, {"photo": PNG, "motion": CSV}, {"options": '{"smooth": 2}'}, "option smooth"),
        (422, {"photo": PNG, "motion": CSV}, {"options": '{"seed": "1"}'}, "option seed"),
        (422, {"photo": PNG, "motion": CSV}, {"options": '{"gaze": "up"}'}, "--gaze cannot be"),
        (422, {"photo": PNG, "motion": CSV}, {"options": '{"crop_scale": 9}'}, "--crop-scale"),
        (
            422,
            {"photo": PNG, "motion": CSV},
            {"options": '{"background": "transparent", "format": "mp4"}'},
            "webm",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(client, folder, status, files, data, said):
    assert said in refused(client, folder, status, files=files, data=data)


def test_bodies_that_are_no_form_or_too_large_are_refused(client, folder):
    assert "multipart" in refused(client, folder, 415, json={"photo": "x"})
    form = {"content-type": "multipart/form-data; boundary=x"}
    refused(client, folder, 400, content=b"--x\r\nno header", headers=form)
    refused(client, folder, 400, content=b"nothing", headers={"content-type": "multipart/form-data"})
    assert "1 MiB" in refused(client, folder, 413, files={"photo": PNG * (1 << 18), "motion": CSV})
    pieces = (b"x" * (1 << 16) for _ in range(20))  # without a length
    assert "1 MiB" in refused(client, folder, 413, content=pieces, headers=form)
    refused(client, folder, 400, files=[("photo", PNG)] * 40)
    assert "or an avatar file" in refused(client, folder, 422, "avatars", files={"avatar": (None, "an id")})
    assert "8 times" in refused(client, folder, 422, "avatars", files=[("photo", PNG)] * 9)


def test_names_of_uploads_reach_no_path(client, folder):
    name = "../../../evil.png"
    files = {"photo": (name, PNG, "text/html"), "motion": ("/etc/passwd", CSV), "pose": ("a\0b", CSV)}
    job = client.post("/v1/animations", files=files).json()["id"]
    assert len(job) == 32
    assert not [path for path in folder.parent.rglob("*evil*")]
    for path in ("..", "%2e%2e", "../../lock", "%2e%2e%2flock", "0" * 32, "a" * 9999, "%00"):
        assert client.get(f"/v1/jobs/{path}").status_code == 404


def test_the_content_of_a_file_says_what_it_is(tmp_path):
    kinds = {
        b"\xff\xd8\xff\xe0": "picture",
        b"RIFF\0\0\0\0WEBPVP8 ": "picture",
        b"\0\0\0\x1cftypavif\0\0\0\0": "picture",
        b"\0\0\0\x20ftypM4A \0\0\0\0": "film or sound",
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  ": "film or sound",
        b"\x1a\x45\xdf\xa3": "film or sound",
        b"\xff\xfb\x90\x64": "film or sound",
        b"fLaC": "film or sound",
        "timecode,a\n".encode("utf-16"): "motion",
        "Blendshape,ä".encode()[:-1]: "motion",
        b"\x02\0\0\0\0\0\0\0{}": "avatar",
        b"\0\0\0\x18ftypheic\0\0\0\0": None,
        b"\x7fELF\2\1\1\0": None,
    }
    for head, kind in kinds.items():
        (tmp_path / "file").write_bytes(head)
        assert kind_of(tmp_path / "file") == kind, head


@pytest.fixture
def port(tmp_path, monkeypatch) -> Iterator[int]:
    """A real server with little patience."""
    monkeypatch.setattr(running, "_HEADER_SECONDS", 0.3)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    app = create_app(Settings(tmp_path, workers=1, limits=LIMITS), job=fake_job)
    server = uvicorn.Server(running.configuration(app, Settings(tmp_path, port=0, limits=LIMITS)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def answer_of(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    received = b""
    while piece := connection.recv(4096):
        received += piece
    return received


def test_connections_that_say_nothing_or_stop_in_the_headers_are_closed(port):
    for said in (b"", b"GET /v1/health HTTP/1.1\r\nHost: local"):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(said)
            assert answer_of(connection) == b""


def test_uploads_that_stop_or_break_off_are_cut_off_and_leave_nothing(port, tmp_path):
    head = (
        b"POST /v1/animations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head)
        answer = answer_of(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.split(b"\r\n\r\n")[1])["error"].startswith("The upload came too slowly")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head)
    time.sleep(0.2)
    assert not [*(tmp_path / "jobs").iterdir(), *(tmp_path / "uploads").iterdir()]


def examples(description: dict) -> list[tuple[str, dict]]:
    found = []
    for path, methods in description["paths"].items():
        if "post" in methods:
            (content,) = methods["post"]["requestBody"]["content"].values()
            found += [(path, example["value"]) for example in content["examples"].values()]
    return found


def test_every_example_of_the_openapi_description_works_as_described(client):
    description = client.get("/openapi.json").json()
    shapes = {model.__name__: model for model in (Created, Failure, Health, JobView, Models)}

    def checked(method: str, path: str, given: str, **request) -> dict:
        answer = client.request(method, given, **request)
        said = description["paths"][path][method]["responses"][str(answer.status_code)]
        name = said["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        shapes[name].model_validate(answer.json(), extra="forbid")
        return answer.json()

    checked("get", "/v1/health", "/v1/health")
    checked("get", "/v1/models", "/v1/models")
    made = {}
    for path, example in examples(description):
        if "avatar" in example:
            example["avatar"] = made["/v1/avatars"]
        files = [
            (name, (file, FILES[file]))
            for name, value in example.items()
            for file in (value if isinstance(value, list) else [value])
            if file in FILES
        ]
        texts = {name: value for name, value in example.items() if name in ("avatar", "text", "options")}
        made[path] = checked("post", path, path, files=files, data=texts)["id"]
    assert set(made) == {"/v1/avatars", "/v1/animations", "/v1/track"}
    path = "/v1/jobs/{id}"
    for job in made.values():
        while checked("get", path, f"/v1/jobs/{job}")["state"] != "done":
            time.sleep(0.01)
        assert client.get(f"/v1/jobs/{job}/result").content == bytes(range(256))
        checked("get", "/v1/jobs/{id}/credentials", f"/v1/jobs/{job}/credentials")
        checked("delete", path, f"/v1/jobs/{job}")
        checked("get", path, f"/v1/jobs/{job}")


def test_options_are_those_of_the_command_line(client):
    description = client.get("/openapi.json").json()
    body = description["paths"]["/v1/animations"]["post"]["requestBody"]["content"]["multipart/form-data"]
    options = body["schema"]["properties"]["options"]["contentSchema"]["properties"]
    assert {"mouth_amplitude", "no_mark", "model", "size", "hidden", "strength", "loop"} <= set(options)
    assert not {"out", "overwrite", "source", "video"} & set(options)
    assert all(option.get("description") for option in options.values())


def test_the_example_client_speaks_to_a_real_server(port, tmp_path):
    spec = importlib.util.spec_from_file_location("service_client", EXAMPLES / "service_client.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    client = example.Client(f"http://127.0.0.1:{port}")
    avatar = client.make_avatar(tmp_path / "me.png", face=1)
    job = client.animate(avatar=avatar, text="Hello there.", seed=2)
    assert client.save(job, tmp_path / "me.mp4").read_bytes() == bytes(range(256))
    track = client.track(tmp_path / "driver.mp4")
    assert [*client.events(track)][-1]["state"] == "done"
    client.remove(track)
    with pytest.raises(example.ServiceError, match="no job of this id"):
        client.state(track)
    with pytest.raises(example.ServiceError, match="send JPEG"):
        client.animate(tmp_path / "motion.csv", files={"motion": tmp_path / "motion.csv"})
    assert not list(tmp_path.glob("*.part"))
    assert len((EXAMPLES / "service_client.py").read_text().splitlines()) < 150
