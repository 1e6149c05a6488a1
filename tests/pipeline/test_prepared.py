"""GOHA's prepared folders as source and driver."""

import numpy as np
import pytest
import torch
from goha_making import PreparedFrame, camera_numbers, write_clip
from tiny_goha import TINY

from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.errors import InputError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.media.images import read_image
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.relief import RELIEF
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.pipeline.animate import Model
from cameo3d.pipeline.compare import compared, compared_size
from cameo3d.values.goha_folders import read_clips


def no_matte(picture):
    raise AssertionError("the folder has mattes")


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    face, regressor = BaselFace.from_arrays(sheet_arrays(12)), FaceRegressor(width=4)
    for head in regressor.heads:
        torch.nn.init.normal_(head.weight, std=0.01)  # type: ignore[arg-type]
    return Model("goha", Goha(GohaGenerator(TINY), regressor, face, no_matte, cuts_photos=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, astronaut_path):
    """A clip of three frames, of which the second is darker, in a folder of clips."""
    picture = np.ascontiguousarray(read_image(astronaut_path)[:320, 64:384])
    rows, columns = np.mgrid[:320, :320]
    matte = (255 * (np.hypot(rows - 150, columns - 160) < 130)).astype(np.uint8)
    turns = ((0.1, 0.05), (-0.2, 0.0), (0.3, -0.1))
    shades = (picture, picture // 2, picture)
    clip = [
        PreparedFrame(name, shade, matte, camera_numbers(*turn))
        for name, shade, turn in zip(("2", "10", "9"), shades, turns, strict=True)
    ]
    path = tmp_path_factory.mktemp("goha")
    write_clip(path / "clip", clip)
    return path


def test_the_source_is_the_first_picture_with_its_own_matte_and_camera(model, folder):
    frame = read_clips(folder)[0].frames[0]
    assert frame.image.name == "2.png"  # type: ignore[attr-defined]
    avatar = model.animate(folder, motion=still(), relative=False).avatar
    torch.testing.assert_close(avatar.eg3d_from_camera, frame.label()[:16].reshape(4, 4))
    torch.testing.assert_close(avatar.image, frame.read(TINY.image_size), atol=0.2, rtol=0)
    whole = avatar.person.crop
    assert (whole.center_x, whole.side) == (160.0, 320.0)


def still():
    from cameo3d.values.motion import still_motion

    return still_motion(2, 25.0)


def test_the_driver_is_read_off_pictures_and_labels_in_natural_order(model, folder):
    driven = model.animate(folder, video=folder / "clip", relative=False)
    frames = read_clips(folder)[0].frames
    assert [frame.image.stem for frame in frames] == ["2", "9", "10"]  # type: ignore[attr-defined]
    motion = driven.motion
    assert len(motion) == 3
    expected = torch.stack([model.network.read_prepared(frame.read(TINY.image_size)) for frame in frames])
    torch.testing.assert_close(motion.basel, expected)
    assert not torch.equal(motion.basel[1], motion.basel[2])
    # The first frame is the photo itself, and the camera of each turns as its label says.
    torch.testing.assert_close(motion.rotation[0], driven.avatar.person.rotation, atol=1e-4, rtol=0)
    yaws = motion.rotation[:, 0] - motion.rotation[0, 0]
    torch.testing.assert_close(yaws.abs(), torch.tensor([0.0, 0.2, 0.3]), atol=0.04, rtol=0)
    assert yaws[1] * yaws[2] < 0


def test_the_drivers_pictures_stand_beside_the_result(model, folder, monkeypatch):
    monkeypatch.setattr(model.network, "matte", lambda picture: np.ones(picture.shape[:2], np.float32))
    driven = model.animate(folder, video=folder / "clip", relative=False)
    frames = list(compared(driven))
    assert len(frames) == 3
    width, height = compared_size(driven)
    assert frames[0].shape == (height, width, 3)
    first, second = (frame[:, height : 2 * height].astype(int).mean() for frame in (frames[0], frames[2]))
    assert second < 0.6 * first  # the third in order is the darker one


def test_other_models_take_no_folders(folder, tmp_path):
    relief = Model("relief", RELIEF)
    with pytest.raises(InputError, match="only the official GOHA takes"):
        relief.animate(folder, motion=still())
    with pytest.raises(InputError, match="holds no clip"):
        relief.animate(tmp_path, motion=still())
