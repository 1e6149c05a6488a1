import threading

import numpy as np
import pytest
from made_person import made_person

from cameo3d.live.pace import Pace
from cameo3d.live.session import LiveSession


class Kept:
    def __init__(self, moments):
        self.sounds, self.pictures, self.moments = [], [], moments
        self.is_complete = threading.Event()

    def sound(self, index, samples):
        self.sounds.append(index)
        if len(self.sounds) == self.moments:
            self.is_complete.set()

    def picture(self, moment, rgb):
        self.pictures.append(moment.index)


class Slow:
    """Draws its first picture only once all sound has left."""

    width = height = 8
    last: np.ndarray | None = None

    def __init__(self, kept):
        self.kept = kept

    def draw(self, motion):
        assert self.kept.is_complete.wait(30), "sound waits for pictures"
        return np.zeros((8, 8, 3), np.uint8)


class Broken(Slow):
    def draw(self, motion):
        raise RuntimeError("no canvas")


def test_sound_never_waits_for_pictures_which_are_left_out_instead():
    kept = Kept(12)
    pace = Pace(LiveSession(made_person()), Slow(kept), kept)
    pace.run(threading.Event(), 12)
    assert kept.sounds == list(range(12))
    assert kept.pictures[0] == 0
    assert kept.pictures == sorted(set(kept.pictures))
    assert pace.health.left_out + len(kept.pictures) == 12
    assert pace.health.left_out >= 9


def test_what_drawing_raises_ends_the_run():
    kept = Kept(500)
    with pytest.raises(RuntimeError, match="no canvas"):
        Pace(LiveSession(made_person()), Broken(kept), kept).run(threading.Event(), 500)
    assert len(kept.sounds) < 500
