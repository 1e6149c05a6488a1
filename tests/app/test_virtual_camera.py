import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cameo3d.app.virtual_camera import show
from cameo3d.errors import InputError, OutputError
from cameo3d.pipeline.animate import load_model


class Camera:
    """Stands in for pyvirtualcam's; Ctrl-C comes at the third picture."""

    device = "/dev/video9"
    last: "Camera"

    def __init__(self, width, height, fps):
        self.size, self.fps, self.sent, self.closed = (height, width, 3), fps, [], False
        Camera.last = self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def send(self, rgb):
        self.sent.append(rgb)
        if len(self.sent) == 3:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def avatar_path(astronaut_path, tmp_path_factory):
    path = tmp_path_factory.mktemp("avatar") / "me.avatar"
    load_model().encode(astronaut_path).save(path)
    return path


@pytest.fixture(autouse=True)
def _threads_stay(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


def no_camera(width, height, fps):
    raise RuntimeError("no device")


def installed(monkeypatch, camera):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=camera))


def test_a_head_lives_on_a_camera_until_it_is_stopped(monkeypatch, avatar_path, capsys):
    installed(monkeypatch, Camera)
    with pytest.raises(KeyboardInterrupt):
        show(avatar_path, "#204060", 0, None)
    camera = Camera.last
    assert camera.closed
    assert camera.fps == 25
    assert all(picture.shape == camera.size and picture.dtype == np.uint8 for picture in camera.sent)
    assert abs(camera.sent[-1][:8, :8].astype(float).mean((0, 1)) - (32, 64, 96)).max() < 6
    assert "/dev/video9" in capsys.readouterr().err


def test_what_is_missing_is_told(monkeypatch, avatar_path):
    installed(monkeypatch, no_camera)
    with pytest.raises(OutputError, match="v4l2loopback"):
        show(avatar_path, "keep", 0, None)
    installed(monkeypatch, Camera)
    with pytest.raises(InputError, match="webcam 99"):
        show(avatar_path, "keep", 0, 99)
    assert Camera.last.closed
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(InputError, match="pip install pyvirtualcam"):
        show(avatar_path, "keep", 0, None)
