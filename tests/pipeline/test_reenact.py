from dataclasses import replace

import numpy as np
import torch

from cameo3d.pipeline.animate import create
from cameo3d.pipeline.motion import TrackedVideo
from cameo3d.pipeline.reenact import matching_frame, seen_at
from cameo3d.pipeline.shots import Shots
from cameo3d.values.motion import still_motion


def frames() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    # Coarse random patterns: they survive the shrinking that makes re-encoding harmless.
    return [
        np.kron(generator.integers(0, 255, (12, 12, 3)), np.ones((20, 20, 1))).astype(np.uint8)
        for _ in range(5)
    ]


def test_a_photo_finds_its_frame_in_spite_of_noise():
    video = frames()
    noise = np.random.default_rng(1).normal(0, 8, video[3].shape)
    assert matching_frame((video[3] + noise).clip(0, 255).astype(np.uint8), video) == 3


def test_a_photo_of_something_else_finds_none():
    assert matching_frame(np.full((240, 240, 3), 128, np.uint8), frames()) is None


def test_the_search_stops_at_the_frame_itself():
    seen = []

    def watched():
        for frame in frames():
            seen.append(1)
            yield frame

    assert matching_frame(frames()[1], watched()) == 1
    assert len(seen) == 2


def test_a_video_that_takes_the_head_for_nearer_is_brought_to_the_avatars_distance(astronaut_path):
    avatar = create(astronaut_path)
    moved = avatar.person.translation + torch.tensor([[0.0, 0, 0], [0.02, -0.01, 0.03]])
    motion = replace(still_motion(2), translation=0.97 * moved, rotation=torch.full((2, 3), 0.1))
    shots, identity = Shots((0,), (avatar.person.crop,)), avatar.person.identity + 1
    tracked = TrackedVideo(motion, shots, identity, (512, 512), 0, torch.ones(2, 4))
    known, video = seen_at(avatar, tracked, 0)
    torch.testing.assert_close(video.motion.translation, moved)
    torch.testing.assert_close(known.person.translation, avatar.person.translation)
    torch.testing.assert_close(known.person.rotation, motion.rotation[0])
    torch.testing.assert_close(known.person.identity, avatar.person.identity + 1)
