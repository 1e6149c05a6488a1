"""The network against what ncnn 1.0 makes of the same file; tools/span/convert.py reads it."""

import cv2
import numpy as np
import torch

from cameo3d.media.images import read_image
from cameo3d.perception.span import doubled, load_span

RECORDED = (
    *((0.8976, 0.14559, 0.75993, 0.41235), (0.76836, 0.38847, 0.43803, 0.74122)),
    *((0.4348, 0.73304, 0.14642, 0.91037), (0.1211, 0.89833, 0.14032, 0.76431)),
    *((0.84674, 0.67812, 0.13972, 0.31814), (0.12306, 0.59911, 0.87719, 0.37682)),
    *((0.7208, 0.1558, 0.29095, 0.84915), (0.56981, 0.89292, 0.4148, 0.11138)),
    *((0.55525, 0.68734, 0.80003, 0.88846), (0.64858, 0.9006, 0.64965, 0.2063)),
    *((0.72639, 0.68176, 0.10199, 0.6745), (0.82057, 0.26321, 0.64843, 0.47253)),
)
"""Every sixth row and eighth column of the three colours of a wavy picture, enlarged."""


def test_a_picture_is_enlarged_as_ncnn_does_it():
    y, x = np.mgrid[:12, :16]
    waves = np.stack((np.sin(x * 0.9 + y * 0.3), np.cos(x * 0.4 - y * 0.8), np.sin(x * y * 0.07)))
    picture = torch.from_numpy(waves.astype(np.float32) * 0.4 + 0.5)
    with torch.inference_mode():
        large = load_span()(picture[None])[0].numpy()
    # Largest difference of all numbers, before they were rounded: 6e-7.
    np.testing.assert_allclose(large[:, 3::6, 3::8].reshape(-1, 4), RECORDED, atol=5e-5)


def test_a_face_at_half_its_size_comes_back_better_than_by_cubic_splines(astronaut_path):
    face = read_image(astronaut_path)[50:206, 150:302]
    small = cv2.resize(face, (76, 78), interpolation=cv2.INTER_AREA)
    ways = (doubled(small), cv2.resize(small, (152, 156), interpolation=cv2.INTER_CUBIC))
    errors = [((large.astype(np.float32) - face) ** 2).mean() for large in ways]
    assert 10 * np.log10(errors[1] / errors[0]) > 0.6  # dB; 0.87 when it was measured


def test_even_colour_stays_even_up_to_the_border():
    even = np.full((13, 10, 3), (200, 120, 60), np.uint8)
    large = doubled(even)
    assert large.shape == (26, 20, 3)
    assert np.abs(large.astype(int) - even[0, 0]).max() <= 3
