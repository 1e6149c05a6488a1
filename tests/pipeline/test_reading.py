import numpy as np
import torch

from cameo3d.models.relief import RELIEF
from cameo3d.pipeline.motion import TrackedVideo
from cameo3d.pipeline.reading import ExpressionReader, with_read_expressions
from cameo3d.values import Crop
from cameo3d.values.motion import still_motion


class Brightness:
    """Reads the mean of each picture."""

    picture_size = 20

    def read_expression(self, picture):
        assert picture.shape == (20, 20, 3)
        return torch.full((64,), float(picture.mean()))


def tracked(count: int) -> TrackedVideo:
    motion = still_motion(count)
    motion.translation[1, 0] = 0.05
    return TrackedVideo(motion, Crop(50.0, 40.0, 30.0), torch.zeros(10), (100, 80), 0)


def test_each_frame_is_read_in_a_square_that_follows_the_face():
    frames = np.zeros((3, 80, 100, 3), np.uint8)
    frames[:, 25:55, 35:65] = 100
    # In the second frame the head is 0.05 m to the right, 4.2647 * 0.05 * 30 = 6.4 pixels.
    frames[1] = np.roll(frames[1], 6, axis=1)
    read = with_read_expressions(tracked(3), iter(frames), Brightness())
    assert read.basel is not None
    assert read.basel.shape == (3, 64)
    assert (read.basel > 95).all()


def test_a_missing_last_frame_keeps_the_expression_before():
    frames = np.full((2, 80, 100, 3), 50, np.uint8)
    frames[1] = 90
    read = with_read_expressions(tracked(4), iter(frames), Brightness())
    assert read.basel is not None
    torch.testing.assert_close(read.basel[:, 0], torch.tensor([50.0, 90, 90, 90]))


def test_the_relief_reads_nothing():
    assert isinstance(Brightness(), ExpressionReader)
    assert not isinstance(RELIEF, ExpressionReader)
