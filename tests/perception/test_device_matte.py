"""What a GPU does for a matte, done on the CPU next to what the CPU does."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cameo3d.media.images import read_image
from cameo3d.perception.device_matte import modnet_matte_on, person_matte_on
from cameo3d.perception.matte import person_matte
from cameo3d.perception.modnet import ModNet, modnet_matte

CPU = torch.device("cpu")


def picture_of(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("side", [256, 512])
def test_the_persons_matte_is_that_of_the_cpu(astronaut_path, side):
    rgb = cv2.resize(read_image(astronaut_path), (side, side), interpolation=cv2.INTER_AREA)
    wanted = person_matte(rgb)
    with torch.inference_mode():
        matte = person_matte_on(CPU)(picture_of(rgb)).numpy()
    assert 0.1 < wanted.mean() < 0.9
    # Largest difference measured: 0.003 of 255 levels.
    assert np.abs(matte - wanted).max() < 0.03 / 255


def test_other_sides_are_refused():
    with pytest.raises(ValueError, match="multiple of 256"):
        person_matte_on(CPU)(torch.zeros(1, 3, 300, 300))


def test_modnets_matte_is_that_of_the_cpu(tmp_path, monkeypatch):
    torch.manual_seed(0)
    network = ModNet().eval()
    monkeypatch.setattr("cameo3d.perception.modnet.load_modnet", lambda path: network)
    monkeypatch.setattr("cameo3d.perception.device_matte.load_modnet", lambda path: network)
    rgb = np.random.default_rng(1).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    with torch.inference_mode():
        matte = modnet_matte_on(CPU, Path("any"))(picture_of(rgb))
    np.testing.assert_array_equal(matte.numpy(), modnet_matte(rgb, Path("any")))
