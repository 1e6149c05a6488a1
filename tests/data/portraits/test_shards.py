"""A photo becomes a shard, shards become pairs, and pairs train a network."""

import cv2
import numpy as np
import pytest
import torch

from cameo3d.data.portraits.goha_pairs import GohaBatches, GohaSet
from cameo3d.data.portraits.goha_shards import shard_clips
from cameo3d.data.portraits.pair_batches import PairBatches, video_cameras
from cameo3d.data.portraits.preparing import Preparation
from cameo3d.data.portraits.shards import Shard, open_shards
from cameo3d.data.portraits.workers import prepare_folder
from cameo3d.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, astronaut_path):
    folder, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("shards")
    for name in ("one.png", "two.png"):
        (folder / name).write_bytes(astronaut_path.read_bytes())
    cv2.imwrite(str(folder / "noise.png"), np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8))
    counts = prepare_folder(folder, out, Preparation(size=128))
    return folder, out, counts


def test_usable_photos_become_shards_and_others_are_listed_with_the_reason(prepared):
    _, out, counts = prepared
    assert counts == (2, 1)
    assert (out / "skipped.csv").read_text().strip() == "noise,It shows no face."


def test_a_shard_gives_back_what_was_put_in(prepared):
    shard = Shard(prepared[1] / "one.safetensors")
    assert (shard.about.name, shard.about.face, shard.about.size, len(shard)) == ("one", "shipped", 128, 1)
    picture, classes, matte = shard.picture(0), shard.classes(0), shard.matte(0)
    assert picture.shape == (128, 128, 3)
    assert set(np.unique(classes)) >= {0, 1, 3}
    assert classes[64, 64] == 3  # the nose is skin of the face
    assert matte[64, 64] > 200
    assert picture[64, 64, 0] > picture[64, 64, 2]  # red before blue
    assert shard.background.shape == (128, 128, 3)
    assert shard.tensor("landmarks").shape == (1, 478, 3)
    assert shard.path.stat().st_size < 200_000


def test_what_is_prepared_already_is_left_as_it_is(prepared):
    folder, out, _ = prepared
    before = (out / "one.safetensors").stat().st_mtime_ns
    assert prepare_folder(folder, out, Preparation(size=128)) == (2, 1)
    assert (out / "one.safetensors").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="other options"):
        prepare_folder(folder, out, Preparation(size=64))


def test_pairs_show_the_person_taken_apart(prepared):
    batches = PairBatches(open_shards(prepared[1]), batch=2, size=128, seed=0, device=CPU)
    batch, again = batches.draw(3), batches.draw(3)
    assert torch.equal(batch.source.picture, again.source.picture)
    assert torch.equal(batch.perturbed, again.perturbed)
    view = batch.target
    assert view.picture.shape == (2, 3, 128, 128)
    assert (view.classes.sum(dim=1) == 1).all()
    assert (view.head.abs() <= 1).all()
    assert (view.head[:, :, :4] == -1).float().mean() > 0.5  # above the hair it is black
    assert view.head_mask[0, 0, 64, 64] == 1
    assert (view.pncc.amax(dim=(1, 2, 3)) > 0).all()
    assert 0 < (batch.perturbed - batch.base).abs().mean() < 0.05
    closing = (batch.blinks[:, 1:] > -1).float().sum(dim=(1, 2, 3, 4)) - (
        batch.blinks[:, :2] > -1
    ).float().sum(dim=(1, 2, 3, 4))
    assert (closing >= 0).all()  # lids cover the holes of the eyes
    # The face's middle projects to the middle of the key points.
    assert view.points[0, 27:36, :2].mean(dim=0).abs().max() < 0.4


def test_cameras_look_at_the_head_from_its_front(prepared):
    cameras = video_cameras(open_shards(prepared[1]))
    assert cameras.shape == (2, 25)
    position = cameras[0, :16].reshape(4, 4)[:3, 3]
    assert 2.0 < position.norm() < 4.5
    assert position[2] > 1.5


def test_shards_of_another_size_are_refused(prepared):
    with pytest.raises(InputError, match="wants 512 pixels"):
        PairBatches(open_shards(prepared[1]), 1, 512, 0, CPU)


def test_a_damaged_shard_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no shard"):
        open_shards(tmp_path)


def test_an_empty_folder_of_shards_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no shard to learn from"):
        open_shards(tmp_path)


def test_held_out_people_are_not_learned_from(prepared):
    assert len(open_shards(prepared[1])) == 2
    with pytest.raises(InputError, match="for validation"):
        open_shards(prepared[1], validation=True)


def test_shards_are_gohas_clips_too(prepared):
    """People over black, and a camera at its distance that looks at the astronaut's nearly frontal head."""
    [clip, _] = shard_clips(open_shards(prepared[1]))
    [frame] = clip.frames
    picture, label = frame.read(64), frame.label()
    assert picture.shape == (3, 64, 64)
    assert picture[:, 0, 0].max() < -0.9  # no background
    assert picture[0, 32, 32] > -0.5
    pose = label[:16].unflatten(0, (4, 4))
    torch.testing.assert_close(pose[:3, 3].norm(), torch.tensor(2.7))
    assert torch.nn.functional.cosine_similarity(pose[:3, 2], -pose[:3, 3], dim=0) > 0.99
    assert label.tolist() == pytest.approx(frame.camera)
    batch = GohaBatches([GohaSet("ffhq", "photos", [clip])], {"ffhq": 1.0}, 2, 64, seed=0).draw(0)
    assert torch.equal(batch.source[0], picture)
