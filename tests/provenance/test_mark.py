import hashlib
from io import BytesIO

import av
import cv2
import numpy as np
import pytest
from av.container import InputContainer
from av.video.stream import VideoStream

from cameo3d.provenance.detection import FALSE_ALARM, average_texture, bound, read_mark
from cameo3d.provenance.embedding import POWER, Mark, marked
from cameo3d.provenance.masking import masks_of, small_luma
from cameo3d.provenance.pattern import CHIPS, GRID, PRESENCE_CHIPS, mark_pattern

IDENTITY = 0xC0FFEE42


def coded(frames, crf, rate=25):
    """Through H.264 and back."""
    buffer, (height, width) = BytesIO(), frames[0].shape[:2]
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "medium"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")))
        container.mux(stream.encode(None))
    with av.open(BytesIO(buffer.getvalue()), "r") as container:
        assert isinstance(container, InputContainer)
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def toned(frames, gain, gamma):
    table = np.clip(255 * gain * np.linspace(0, 1, 256) ** gamma, 0, 255).astype(np.uint8)
    return [table[frame] for frame in frames]


def halved(frames):
    return [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]


@pytest.fixture(scope="module")
def written(clip):
    return coded(list(marked(clip, IDENTITY)), 17)


@pytest.mark.parametrize(
    "chain",
    [
        lambda f: f,
        lambda f: coded(f, 23),
        lambda f: coded(f, 28),
        lambda f: coded(coded(f, 23), 28),
        lambda f: coded(halved(f), 23),
        lambda f: coded([f[index * 5 // 6] for index in range(len(f))], 23, 30),
        lambda f: coded(toned(f, 1.2, 1.0), 23),
        lambda f: coded(toned(f, 1.0, 1.25), 23),
        lambda f: [frame[:, ::-1] for frame in coded(f, 23)],
        lambda f: f[5:6],
    ],
    ids=["written", "23", "28", "again", "half", "30 a second", "bright", "gamma", "mirror", "one frame"],
)
def test_the_mark_survives(written, chain):
    reading = read_mark(average_texture(chain(written), 25), search=False)
    assert reading.found
    # One second is short: the id, which needs more, may stay unread, but is never read wrongly.
    assert reading.identity in (IDENTITY, None)


@pytest.mark.parametrize("crf", [17, 23])
def test_the_id_is_read_from_one_second(clip, crf):
    windows = average_texture(coded(list(marked(clip, IDENTITY)), crf), 25)
    assert read_mark(windows, search=False).identity == IDENTITY


def test_a_crop_is_found_by_a_search_that_tells_what_is_left(written):
    cut = [frame[20:450, 60:490] for frame in written]
    windows = average_texture(coded(cut, 23), 25)
    assert not read_mark(windows, search=False).found
    reading = read_mark(windows)
    assert reading.found
    assert reading.identity == IDENTITY
    np.testing.assert_allclose(reading.kept, 430 / 512, atol=0.01)


def test_the_change_is_small_in_every_frame(clip):
    for frame, changed in zip(clip, marked(clip, IDENTITY), strict=True):
        difference = changed.astype(np.float64) - frame
        # Rounding to whole grey levels adds up to a twelfth.
        assert 10 * np.log10(255**2 / np.mean(difference**2)) > 42
        assert np.mean(difference**2) < POWER * 1.05 + 1 / 12


def test_flat_places_are_left_nearly_alone():
    # Half of the frame is flat, the other half noise: the mark goes where the noise is.
    frame = np.full((512, 512, 3), 128, np.uint8)
    frame[:, 256:] += np.random.default_rng(0).integers(0, 40, (512, 256, 1), np.uint8)
    difference = np.abs(Mark(IDENTITY).apply(frame).astype(int) - frame)
    assert difference[:, :230].mean() < 0.3
    assert difference[:, 280:].mean() > 3 * difference[:, :230].mean()


def test_edges_get_no_halo():
    # Four grid pixels from a strong edge a flat place hides as little as one far away.
    luma = np.zeros((GRID, GRID), np.float32)
    luma[:, GRID // 2 :] = 200
    room = masks_of(luma).room
    assert room[:, : GRID // 2 - 4].max() < 1.5 * room[:, 4].mean()


def test_alpha_stays_and_other_shapes_are_marked():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (301, 517, 4), np.uint8)
    changed = Mark(IDENTITY).apply(frame)
    np.testing.assert_array_equal(changed[..., 3], frame[..., 3])
    assert (changed[..., :3] != frame[..., :3]).any()
    assert Mark(IDENTITY).apply(frame[:20, :30, :3].copy()).shape == (20, 30, 3)


def test_a_frame_is_marked_alike_wherever_it_stands_in_the_stream(clip):
    mark = Mark(IDENTITY)
    mark.apply(clip[3])
    np.testing.assert_array_equal(mark.apply(clip[0]), Mark(IDENTITY).apply(clip[0]))
    np.testing.assert_array_equal(mark.apply(clip[0]), next(iter(marked(clip, IDENTITY))))


def test_the_frame_that_is_marked_is_not_touched(clip):
    before = clip[0].copy()
    Mark(IDENTITY).apply(clip[0])
    np.testing.assert_array_equal(clip[0], before)


def test_the_picture_without_a_mark_shows_none(clip):
    assert read_mark(average_texture(clip, 25)).p_value > 1e-3


def test_another_id_is_another_id(clip):
    first, second = (read_mark(average_texture(marked(clip, one), 25)).identity for one in (7, 8))
    assert (first, second) == (7, 8)


def test_a_marked_stretch_is_found_in_a_longer_video(clip, portrait):
    stretch = list(marked(clip, IDENTITY))
    rng = np.random.default_rng(0)
    others = [rng.integers(0, 256, portrait.shape, np.uint8) for _ in range(25)]
    # 25 frames are five seconds at 5 frames a second.
    reading = read_mark(average_texture([*others, *stretch, *others], 5), search=False)
    assert reading.found
    assert reading.identity == IDENTITY


@pytest.mark.parametrize("frame", [np.zeros((64, 64, 3), np.uint8), np.full((512, 512, 3), 255, np.uint8)])
def test_a_picture_of_nothing_shows_no_mark(frame):
    reading = read_mark(average_texture([frame], 25))
    assert not reading.found
    assert reading.identity is None


def test_the_bound_holds_for_signs_drawn_at_random(portrait):
    # Hoeffding: of signs drawn anew, at most exp(-z^2 / 2) exceed z standard deviations on this picture.
    pattern = mark_pattern()
    transform = cv2.dct(average_texture([portrait], 1)[0])
    steps = (pattern.weights * transform.ravel()[pattern.places])[pattern.chips < PRESENCE_CHIPS]
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (20000, len(steps)))
    deviations = signs @ steps / np.linalg.norm(steps)
    for limit in (1.0, 2.0, 3.0):
        assert np.mean(deviations > limit) < bound(limit)
    assert abs(deviations.std() - 1) < 0.02


def test_the_bound_counts_attempts():
    assert bound(6.0, 10) == pytest.approx(10 * np.exp(-18))
    assert bound(-3.0) == 1
    assert bound(5.3) < FALSE_ALARM < bound(5.2)


def test_chips_are_orthonormal_and_of_one_size():
    pattern = mark_pattern()
    assert len(np.unique(pattern.places)) == len(pattern.places)
    assert set(np.bincount(pattern.chips, minlength=CHIPS)) == {len(pattern.places) // CHIPS}
    values = np.random.default_rng(0).standard_normal(CHIPS)
    np.testing.assert_allclose(pattern.chip_values(pattern.transform(values)), values, atol=1e-5)


def test_the_pattern_is_the_one_that_outputs_out_there_carry():
    pattern = mark_pattern()
    digest = hashlib.sha256(pattern.places.astype("<i4").tobytes() + pattern.chips.astype("<i4").tobytes())
    digest.update((pattern.weights > 0).tobytes())
    assert digest.hexdigest()[:16] == "825ac8c85596576d"


def test_luma_of_what_is_transparent_is_black():
    frame = np.full((128, 128, 4), 200, np.uint8)
    frame[:64, :, 3] = 0
    frame[64:, :, 3] = 255
    luma = small_luma(frame)
    assert luma[:64].max() == 0
    np.testing.assert_allclose(luma[64:], 200, atol=1)
