from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from making import add_pictures

from cameo3d.media.dynamic_range import Curve, StandardRange, srgb_signal
from cameo3d.media.video import read_frames

BT2020_FROM_SRGB = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
COLORS = np.array([(220, 220, 220), (128, 128, 128), (200, 120, 90), (60, 90, 160), (255, 255, 255)])


def linear(signal: np.ndarray) -> np.ndarray:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def pq_signal(nits: np.ndarray) -> np.ndarray:
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg_signal(nits: np.ndarray) -> np.ndarray:
    display = nits / 1000
    luminance = display @ np.array([0.2627, 0.6780, 0.0593])
    scene = display * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def coded(curve: Curve, white_nits: float) -> np.ndarray:
    """The colours as stripes, white being as bright as that, full scale 65535."""
    nits = white_nits * linear(COLORS / 255) @ BT2020_FROM_SRGB.T
    signal = pq_signal(nits) if curve == "pq" else hlg_signal(nits)
    return np.rint(signal * 65535).astype(np.uint16)[None].repeat(64, 0).repeat(64, 1)


@pytest.mark.parametrize("curve", ["hlg", "pq"])
@pytest.mark.parametrize("white_nits", [100.0, 203.0])
def test_what_was_made_from_standard_range_comes_back(curve: Curve, white_nits: float):
    shown = StandardRange(curve)(coded(curve, white_nits))[32, 32::64]
    # Room is left above the brightest parts: 26 of 220 were missing at 100 candelas, 7 at 203.
    np.testing.assert_allclose(shown[:4].astype(int), COLORS[:4], atol=30 if white_nits < 203 else 12)
    assert shown[4].min() > 220


def test_lights_are_compressed_and_keep_their_order():
    nits = np.geomspace(1, 1000, 256)[:, None].repeat(3, 1)
    grey = StandardRange("pq")(np.rint(pq_signal(nits) * 65535).astype(np.uint16)[None])[0, :, 1]
    assert (np.diff(grey.astype(int)) >= 0).all()
    assert grey[-1] > 250
    assert grey[np.searchsorted(nits[:, 0], 203)] < 250


def test_srgb_is_its_own_inverse():
    signal = np.linspace(0, 1, 256)
    np.testing.assert_allclose(srgb_signal(linear(signal)), signal, atol=1e-4)


@pytest.mark.parametrize(("curve", "transfer"), [("hlg", ColorTrc.ARIB_STD_B67), ("pq", ColorTrc.SMPTE2084)])
def test_a_video_of_high_dynamic_range_is_read_as_bright_as_it_was(
    tmp_path: Path, curve: Curve, transfer: ColorTrc
):
    pixels = coded(curve, 203.0)
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as container:
        stream = add_pictures(container, "libx265", 25, pixels.shape[1], 64)
        stream.pix_fmt = "yuv420p10le"
        stream.options = {"x265-params": "log-level=error"}
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.BT2020, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT2020, transfer
        for index in range(3):
            source = av.VideoFrame.from_ndarray(pixels, "rgb48le")
            frame = source.reformat(
                format="yuv420p10le", dst_colorspace=Colorspace.BT2020, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    shown = next(read_frames(path))[32, 32::64].astype(int)
    np.testing.assert_allclose(shown[:4], COLORS[:4], atol=25)
