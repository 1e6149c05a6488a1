"""What a live head draws."""

from pathlib import Path

import numpy as np

from cameo3d.live.head import LiveHead
from cameo3d.pipeline.animate import load_model
from cameo3d.provenance.detection import average_texture, read_mark
from cameo3d.values.motion import still_motion


def test_live_pictures_carry_the_mark_and_a_still_waits_without_it(astronaut_path: Path):
    model = load_model()
    avatar = model.encode(astronaut_path)
    head = LiveHead(model, avatar, 0xC0FFEE42)
    motion = still_motion(1)
    motion.translation[0], motion.rotation[0] = avatar.person.translation, avatar.person.rotation
    frames = [head.draw(motion) for _ in range(3)]
    reading = read_mark(average_texture(frames, 25), search=False)
    assert reading.found
    assert reading.identity == 0xC0FFEE42
    assert head.last is not None
    assert not read_mark(average_texture([head.last], 25), search=False).found
    assert np.abs(head.last.astype(int) - frames[-1]).max() < 40
