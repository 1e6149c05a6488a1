import cv2
import numpy as np
import pytest

from cameo3d.live.webcam import WebcamFace
from cameo3d.media.images import read_image


@pytest.fixture(scope="module")
def photo(astronaut_path):
    return read_image(astronaut_path, 512)


def test_a_tilted_face_tilts_and_no_face_is_no_motion(photo):
    face = WebcamFace()
    seen = [face.see(photo) for _ in range(20)]
    assert seen[0] is None
    assert seen[-1] is not None
    motion, neutral = seen[-1]
    assert float((motion.rotation - neutral.rotation).norm()) < 0.01
    side = photo.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -10, 1)  # clockwise
    tilted = cv2.warpAffine(photo, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    for _ in range(12):
        after = face.see(tilted)
    assert after is not None
    assert float(after[0].rotation[0, 2] - neutral.rotation[0, 2]) == pytest.approx(np.radians(10), abs=0.03)
    assert face.see(np.zeros_like(photo)) is None
