"""What a GPU does for a frame, done on a CPU: the same pictures, and nothing that a captured graph forbids.

`Taped` stands for the graphs: it does again what was noted, on the same memory, and refuses to ask for
numbers and to take them from the host. `as_on_a_gpu` turns the compiled loops of a CPU off.
"""

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from made_person import made_person
from synthetic_basel import basel_face
from taped import Taped
from tiny_goha import TINY as GOHA
from tiny_real3d import TINY as REAL3D

from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.compiled import as_on_a_gpu
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.goha.avatar import Goha, PublishedPerformance
from cameo3d.models.goha.drawing import FrameDrawing as GohaDrawing
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.real3d.avatar import Real3D
from cameo3d.models.real3d.conditioning import BaselSteering, ShippedSteering, SteeringFace
from cameo3d.models.real3d.drawing import FrameDrawing as Real3DDrawing
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES, Motion, Portrait


def moving(avatar, frames: int = 4) -> Motion:
    """Turns with another expression in every frame."""
    motion = orbit_motion(avatar.person, frames / 25, 0.4, 0.0)
    shares = torch.linspace(0, 0.6, len(motion))[:, None]
    return replace(
        motion, expression=motion.expression + shares * torch.eye(52)[BLENDSHAPES.index("jawOpen")]
    )


def frames_of(model, avatar, motion: Motion, *view) -> np.ndarray:
    return np.stack(list(render(model, avatar, motion, *view))).astype(int)


def assert_alike(one: np.ndarray, other: np.ndarray) -> None:
    """Sums in another order: single bytes may round the other way."""
    apart = np.abs(one - other)
    assert apart.max() <= 2
    assert (apart > 0).mean() < 0.01


def made_real3d(face: SteeringFace) -> Real3D:
    torch.manual_seed(0)
    return Real3D(Real3DGenerator(REAL3D).requires_grad_(False), face, "official")


@pytest.fixture(scope="module")
def real3d() -> Real3D:
    return made_real3d(ShippedSteering(load_face_model(), 128))


@pytest.fixture(scope="module")
def portrait(astronaut_path) -> Portrait:
    return make_portrait(read_image(astronaut_path))


@pytest.fixture(scope="module")
def real3d_avatar(real3d, portrait):
    return real3d.encode([portrait])


def on_tape(real3d: Real3D) -> tuple[Real3D, Taped]:
    """The model as on a GPU, its graphs on tape."""
    recorder, model = Taped(), copy.copy(real3d)
    model.drawing = Real3DDrawing(real3d.generator, real3d.face, real3d.precision, recorder)
    return model, recorder


def test_real3d_draws_from_graphs_what_it_draws_on_a_processor(real3d, real3d_avatar):
    motion, plate = moving(real3d_avatar), real3d.background(real3d_avatar)
    taped, recorder = on_tape(real3d)
    for backdrop in (plate, 255 - plate):  # the second clip only replays
        plain = frames_of(real3d, real3d_avatar, motion, "crop", backdrop)
        with as_on_a_gpu():
            assert_alike(frames_of(taped, real3d_avatar, motion, "crop", backdrop), plain)
    assert recorder.count == 2  # the face, the frame
    assert taped.drawing.steady_pncc.is_recorded
    assert taped.drawing.steady_frame.is_recorded
    assert np.abs(plain[0] - plain[-1]).mean() > 0.05


def test_the_basel_face_is_drawn_from_graphs_and_its_lids_are_painted(portrait):
    model = made_real3d(BaselSteering(basel_face(), load_face_model(), 128))
    avatar = model.encode([portrait])
    blink = torch.eye(52)[BLENDSHAPES.index("eyeBlinkLeft")] * torch.tensor([0, 0, 0.9, 0])[:, None]
    motion = moving(avatar)
    motion = replace(motion, expression=motion.expression + blink)
    plain = frames_of(model, avatar, motion, "crop", model.background(avatar))
    taped, _ = on_tape(model)
    with as_on_a_gpu():
        assert_alike(frames_of(taped, avatar, motion, "crop", model.background(avatar)), plain)
    assert taped.drawing.steady_pncc.is_recorded


def test_real3d_captures_again_where_frames_have_alpha(real3d, real3d_avatar):
    motion, plate = moving(real3d_avatar, 2), real3d.background(real3d_avatar)
    taped, recorder = on_tape(real3d)
    with as_on_a_gpu():
        frames_of(taped, real3d_avatar, motion, "crop", plate)
        clear = frames_of(taped, real3d_avatar, motion)
    assert_alike(clear[..., 3], frames_of(real3d, real3d_avatar, motion)[..., 3])
    assert recorder.count == 3


def test_a_face_that_needs_more_room_is_drawn_again(real3d, real3d_avatar, monkeypatch):
    motion, plate = moving(real3d_avatar), real3d.background(real3d_avatar)
    taped, _ = on_tape(real3d)
    slots = taped.drawing.slots
    monkeypatch.setattr(taped.drawing, "slots", lambda fragments: slots(fragments)[: int(fragments) // 2])
    with as_on_a_gpu():
        performance = taped.perform(real3d_avatar, "crop", plate)
        monkeypatch.setattr(taped.drawing, "slots", slots)
        drawn = np.stack([*performance.draw(motion), *performance.finish()]).astype(int)
    assert_alike(drawn, frames_of(real3d, real3d_avatar, motion, "crop", plate))


@pytest.fixture(scope="module", params=[True, False], ids=["enlarged", "resized"])
def goha(request) -> Goha:
    torch.manual_seed(0)
    regressor = FaceRegressor(width=4)
    for head in regressor.heads:
        assert isinstance(head.weight, torch.Tensor)
        torch.nn.init.normal_(head.weight, std=0.01)

    def matte(picture: np.ndarray) -> np.ndarray:
        return picture.mean(axis=2, dtype=np.float32) / np.float32(255)

    generator = GohaGenerator(replace(GOHA, enlarges=request.param)).requires_grad_(False)
    for branch in (generator.canonical, generator.expression):  # what chance gives is nearly one grey
        branch.head.output.weight.mul_(100)
    generator.renderer.decoder.second.bias[0] = 5  # dense enough to be seen
    return Goha(generator, regressor, BaselFace.from_arrays(sheet_arrays(24)), matte)


@pytest.fixture(scope="module")
def goha_avatar(goha):
    random = np.random.default_rng(1)
    matte = np.zeros((120, 100), np.float32)
    matte[20:, 25:75] = 1
    person = made_person(
        photo=torch.from_numpy(random.integers(0, 256, (120, 100, 3), dtype=np.uint8)),
        rotation=torch.tensor([0.1, 0.05, -0.02]),
        translation=torch.tensor([0.01, 0.0, 1.05]),
    )
    return goha.encode([Portrait(person, torch.from_numpy(matte), torch.zeros(478, 3), torch.zeros(478, 3))])


def goha_on_tape(goha: Goha) -> tuple[Goha, Taped]:
    recorder, model = Taped(), copy.copy(goha)
    model.drawing = GohaDrawing(goha.generator, goha.face, lambda picture: picture[0].mean(0) / 255, recorder)
    return model, recorder


def test_goha_draws_from_graphs_what_it_draws_on_a_processor(goha, goha_avatar):
    taped, recorder = goha_on_tape(goha)
    motion = moving(goha_avatar)
    plain = frames_of(goha, goha_avatar, motion)
    for _ in range(2):
        with as_on_a_gpu():
            drawn = frames_of(taped, goha_avatar, motion)
        assert np.abs(drawn - plain)[plain[..., 3] > 60].max() <= 3
        assert_alike(drawn[..., 3], plain[..., 3])
    assert recorder.count == 2  # the planes, the view
    assert taped.drawing.steady_planes.is_recorded
    assert taped.drawing.steady_view.is_recorded
    if not goha.generator.config.enlarges:  # random super-resolution draws hardly anything but itself
        assert all(np.abs(one - other).max() > 2 for one, other in pairwise(plain))


def test_a_drawn_face_of_goha_that_needs_more_room_is_drawn_again(goha, goha_avatar, monkeypatch):
    taped, _ = goha_on_tape(goha)
    motion, performance = moving(goha_avatar), taped.perform(goha_avatar)
    assert isinstance(performance, PublishedPerformance)
    painter = performance._painter
    assert painter._slots is None
    with as_on_a_gpu():
        list(performance.draw(motion.part(0, 1)))
        painter._slots = torch.arange(500)
        drawn = np.stack(list(performance.draw(motion))).astype(int)
    plain = frames_of(goha, goha_avatar, motion)
    assert len(painter._slots) > 500  # type: ignore[arg-type]
    assert_alike(drawn[..., 3], plain[..., 3])


@pytest.fixture
def without_numbers(monkeypatch):
    """Tensors of the device `meta` have shapes but no numbers; with those of the host they do not mix."""
    from contextlib import nullcontext

    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # `meta` has no precisions
    with torch.device("meta"), torch.inference_mode():
        yield


@pytest.mark.usefixtures("without_numbers")
def test_networks_mix_nothing_of_the_host_into_a_frame():
    network, picture = Real3DGenerator(REAL3D).eval(), torch.zeros(1, 3, 128, 128)
    points, half = torch.zeros(1, 68, 3), torch.zeros(1, 3, 4, 64, 64)
    scene = network.prepare_scene(picture, torch.zeros(1, 6, 128, 128), picture)
    added = network.motion_planes(picture, picture, picture)
    frame = network(half + added, scene, torch.zeros(1, 4, 4), torch.zeros(1, 3, 3), points, points)
    assert frame.image.device.type == "meta"
