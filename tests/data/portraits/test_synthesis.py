"""Views that the relief draws of a photo come with exact truths."""

import numpy as np
import pytest
import torch

from cameo3d.data.portraits.faces import steering_face
from cameo3d.data.portraits.pair_batches import PairBatches
from cameo3d.data.portraits.shards import Shard, open_shards
from cameo3d.data.portraits.synthesis import Synthesis
from cameo3d.data.portraits.workers import prepare_folder

HOW = Synthesis(size=128, views=5)


@pytest.fixture(scope="module")
def shards(tmp_path_factory, astronaut_path):
    folder, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("shards")
    (folder / "one.png").write_bytes(astronaut_path.read_bytes())
    assert prepare_folder(folder, out, HOW) == (1, 0)
    return out


@pytest.fixture
def shard(shards) -> Shard:
    return Shard(shards / "one.safetensors")


def test_the_first_frame_is_the_photo_and_the_others_differ(shard):
    assert (len(shard), shard.about.origin) == (5, "synthesised")
    changes = [np.abs(shard.picture(k).astype(int) - shard.picture(0)).mean() for k in range(1, 5)]
    assert min(changes) > 1


def test_depth_is_known_wherever_the_person_is(shard):
    depth = shard.tensor("depth").float()
    for frame in range(5):
        known = torch.isfinite(depth[frame]).numpy()
        assert known[shard.matte(frame) > 250].mean() > 0.99
        assert 0.4 < depth[frame][torch.from_numpy(known)].min() < 1.5
    # The nose is nearer than the cheeks around it.
    tip = shard.tensor("landmarks")[0, 4, :2].int()
    near = depth[0, tip[1] - 1 : tip[1] + 2, tip[0] - 1 : tip[0] + 2].min()
    assert near < depth[0, tip[1], tip[0] - 14] - 0.01


def test_key_points_of_the_coefficients_are_where_the_face_is_drawn(shards, shard):
    motion, face = shard.motion, steering_face("shipped", 128)
    moving = (motion[name] for name in ("expression", "euler", "translation"))
    points = face.key_points(motion["identity"], *moving)
    bridge = (points[:, 27:31, :2].numpy() + 1) * 64
    drawn = shard.tensor("landmarks")[:, [168, 6, 195, 4], :2].numpy()
    assert np.abs(bridge - drawn).mean() < 2
    batch = PairBatches(open_shards(shards), 1, 128, 0, torch.device("cpu")).draw(0)
    assert not torch.equal(batch.source.pncc, batch.target.pncc)


def test_cameras_turn_as_the_heads_do(shard):
    yaw = shard.motion["euler"][:, 1]
    cameras = shard.tensor("cameras")
    assert cameras.shape == (5, 25)
    order = cameras[:, 3].argsort()  # the camera's x in the head's world
    assert yaw[order].diff().sign().abs().sum() == 4
    correlation = torch.corrcoef(torch.stack((cameras[:, 3], yaw)))[0, 1]
    assert correlation.abs() > 0.95


def test_the_same_call_draws_the_same(shards, shard, tmp_path, astronaut_path):
    (tmp_path / "one.png").write_bytes(astronaut_path.read_bytes())
    prepare_folder(tmp_path, tmp_path / "again", HOW)
    other = Shard(tmp_path / "again" / "one.safetensors")
    assert torch.equal(other.motion["expression"], shard.motion["expression"])
    np.testing.assert_array_equal(other.picture(3), shard.picture(3))
