"""What a frame computes on a GPU has fixed shapes and waits for no result.

Tensors of the device `meta` have shapes but no numbers: code that asks for one fails. That is what a captured
graph of a GPU's work needs too.
"""

from contextlib import nullcontext

import pytest
import torch
from official_real3d import TINY as REAL3D
from tiny_goha import TINY as GOHA

from cameo3d.models.goha.generator import GohaGenerator, GohaSource
from cameo3d.models.real3d.generator import Real3DGenerator


@pytest.fixture(autouse=True)
def without_numbers(monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # `meta` has no precisions
    with torch.device("meta"), torch.no_grad():
        yield


def test_a_frame_of_real3d_waits_for_no_number():
    network = Real3DGenerator(REAL3D).eval()
    picture, points, half = torch.zeros(1, 3, 128, 128), torch.zeros(1, 68, 3), torch.zeros(1, 3, 4, 64, 64)
    scene = network.prepare_scene(picture, torch.zeros(1, 6, 128, 128), picture)
    added = network.motion_planes(picture, picture, picture)
    frame = network(half + added, scene, torch.zeros(1, 4, 4), torch.zeros(1, 3, 3), points, points)
    assert frame.image.shape == (1, 3, 128, 128)
    assert frame.image.device.type == "meta"


def test_a_frame_of_goha_waits_for_no_number():
    network = GohaGenerator(GOHA).eval()
    picture, planes = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 4, 32, 32)
    camera, lens = torch.zeros(1, 4, 4), torch.zeros(1, 3, 3)
    source = GohaSource(picture, picture[:, :1], planes, camera, lens)
    base = planes + network.expression_planes(torch.zeros(1, 3, 224, 224))
    frame = network.draw(network.with_appearance(source, base), camera, lens)
    assert frame.shape == (1, 3, 64, 64)
    assert frame.device.type == "meta"


def test_code_that_asks_for_a_number_fails_here():
    with pytest.raises(RuntimeError, match="meta"):
        bool(torch.zeros(3).any())
