import numpy as np

from cameo3d.imaging.compose import compose


def test_alpha_mixes_person_and_background():
    frame = np.zeros((2, 3, 4), np.uint8)
    frame[..., :3], frame[..., 3] = 200, np.array([0, 128, 255], np.uint8)
    result = compose(frame, np.full((2, 3, 3), 100, np.uint8))
    np.testing.assert_array_equal(result[0, :, 0], [100, 150, 200])
