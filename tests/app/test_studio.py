import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files

import pytest
from starlette.testclient import TestClient

from cameo3d.app.server.app import create_app
from cameo3d.app.server.live import router as live
from cameo3d.app.server.options import AnimationOptions
from cameo3d.app.server.settings import Settings
from cameo3d.app.studio.routes import PAGE
from cameo3d.app.studio.routes import router as page

FOLDER = files("cameo3d") / "app" / "studio" / "page"


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[TestClient]:
    app = create_app(Settings(tmp_path_factory.mktemp("studio") / "data"), [page, live])
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        yield client


def test_the_page_is_small_and_asks_nobody_else_for_anything(studio):
    texts = [studio.get(path).text for path in PAGE]
    assert sum(len(text.encode()) for text in texts) < 200_000
    for text in texts:
        found = re.findall(r"(?:https?:)?//[\w.]+\.\w+", text)
        assert not [one for one in found if "w3.org" not in one and "127.0.0.1" not in one]


def test_the_page_may_load_and_call_only_its_own_server(studio):
    policy = studio.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_every_file_of_the_page_is_served_as_what_it_is(studio):
    assert {file.name for file in FOLDER.iterdir()} == set(PAGE.values())
    kinds = {path: studio.get(path).headers["content-type"] for path in PAGE}
    assert kinds["/"].startswith("text/html")
    assert kinds["/studio.js"].startswith("text/javascript")


def test_every_control_of_the_page_has_a_name_for_screen_readers():
    html = (FOLDER / "index.html").read_text("utf8")
    for tag in re.findall(r"<(?:input|select|textarea|meter)\b[^>]*>", html):
        name = re.search(r'id="([^"]+)"', tag)
        labelled = name and f'for="{name[1]}"' in html
        wrapped = name and re.search(rf'<label[^>]*>\s*<input[^>]*id="{name[1]}"', html)
        radio = 'name="driver"' in tag
        assert labelled or wrapped or radio or "aria-label" in tag, tag


def test_the_controls_are_built_from_the_options_of_the_command_line(studio):
    assert set(studio.get("/studio/options").json()) == set(AnimationOptions.model_fields)


def test_examples_are_there_and_nothing_else_is(studio):
    assert studio.get("/studio/examples/photo").content[:8] == b"\x89PNG\r\n\x1a\n"
    assert studio.get("/studio/examples/voice").content[:4] == b"fLaC"
    assert studio.get("/studio/examples/passwd").status_code == 404


def test_a_file_is_verified_and_nothing_of_it_stays(studio, astronaut_path):
    with astronaut_path.open("rb") as file:
        found = studio.post("/studio/verify", files={"photo": ("a.png", file, "image/png")}).json()
    assert found["found"] is False
    assert any("no credentials" in line for line in found["lines"])
    settings = studio.app.state.service.settings
    assert not [path for path in (settings.data / "uploads").iterdir() if path.is_dir()]


def test_what_cannot_be_verified_is_told_in_one_sentence(studio):
    answer = studio.post("/studio/verify", files={"photo": ("a.png", b"no picture", "image/png")})
    assert answer.status_code in (415, 422)
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("nonsense", "Begin with"),
        ('{"do": "start"}', "Begin with"),
        ('{"do": "start", "avatar": "../../etc", "format": "h264"}', "no"),
        ('{"do": "start", "avatar": "x", "background": "/etc/passwd"}', "Begin with"),
        ('{"do": "start", "avatar": "x", "seed": -1}', "Begin with"),
    ],
)
def test_a_live_viewer_who_begins_wrongly_is_told_and_closed(studio, start, sentence):
    with studio.websocket_connect("ws://127.0.0.1:7860/v1/live") as socket:
        socket.send_text(start)
        told = socket.receive_json()
        assert told["event"] == "error"
        assert told["final"]
        assert sentence in told["error"]


def test_a_live_viewer_more_than_there_are_cores_is_told_that_all_are_taken(studio, monkeypatch):
    from cameo3d.app.server import live as module

    monkeypatch.setattr(module, "most_heads", lambda: 0)
    monkeypatch.setattr(module, "_avatar_of", lambda service, avatar: "some.avatar")
    with studio.websocket_connect("ws://127.0.0.1:7860/v1/live") as socket:
        socket.send_text('{"do": "start", "avatar": "x"}')
        assert "taken" in socket.receive_json()["error"]


def test_ctrl_c_ends_the_studio_quietly_and_leaves_no_folder(tmp_path):
    words = [sys.executable, "-m", "cameo3d", "studio", "--port", "0", "--no-browser"]
    surroundings = {**os.environ, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=surroundings) as studio:
        assert studio.stdout is not None
        assert studio.stdout.readline().startswith("http://")
        studio.send_signal(signal.SIGINT)
        assert studio.communicate(timeout=60) == ("", "")
    assert studio.returncode == 0
    assert not list(tmp_path.iterdir())
