import cv2
import numpy as np
import pytest
import torch

from cameo3d.errors import InputError
from cameo3d.imaging.compose import compose
from cameo3d.imaging.framing import cut
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.prior import resting
from cameo3d.pipeline.animate import load_model, model_of
from cameo3d.pipeline.options import ModelOptions
from cameo3d.pipeline.portrait import make_portrait


@pytest.fixture(scope="module")
def portrait(astronaut_path):
    """A photo with 820 pixels across head and shoulders, and detail that 512 pixels cannot hold."""
    photo = cv2.resize(read_image(astronaut_path), None, fx=3.5, fy=3.5, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).integers(-30, 31, photo.shape[:2])[..., None]
    made = make_portrait(photo[:1500, :1500])
    noisy = np.clip(made.person.photo.numpy() + noise[:1500, :1500], 0, 255).astype(np.uint8)
    object.__setattr__(made.person, "photo", torch.from_numpy(noisy))
    return made


def test_large_frames_show_the_photos_own_pixels(portrait):
    model = load_model("relief", size_px=768)
    avatar = model.encode(portrait)
    assert isinstance(avatar, ReliefAvatar)
    frame = next(render(model.network, avatar, resting(avatar)))
    assert frame.shape == (768, 768, 4)
    shown = compose(frame, model.network.background(avatar)).astype(np.float32).mean(-1)
    photo = cut(portrait.person.photo.numpy(), portrait.person.crop, 768).astype(np.float32).mean(-1)
    cheek = np.s_[330:430, 300:360]
    fine = [picture[cheek] - cv2.GaussianBlur(picture, (0, 0), 1.5)[cheek] for picture in (shown, photo)]
    assert np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1] > 0.8


def test_networks_of_one_size_refuse_another():
    with pytest.raises(InputError, match="goha draws 512 pixels"):
        model_of(ModelOptions("goha", size_px=1024))


def test_frames_that_enlarge_the_photo_are_told_so(portrait, caplog):
    load_model("relief", size_px=1440).orbit(portrait, seconds=0.04)
    assert "is enlarged" in caplog.text
