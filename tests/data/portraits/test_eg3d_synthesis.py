"""People that an EG3D in the official layout makes up become shards whose cameras are known exactly."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from eg3d_making import TEACHER, saved, teacher_file

from cameo3d.data.portraits import eg3d_synthesis
from cameo3d.data.portraits.eg3d_synthesis import Eg3dSynthesis
from cameo3d.data.portraits.goha_shards import shard_clips
from cameo3d.data.portraits.pair_batches import PairBatches, video_cameras
from cameo3d.data.portraits.shards import Shard, open_shards
from cameo3d.data.portraits.workers import prepare_folder
from cameo3d.errors import WeightsError
from cameo3d.media.images import read_image
from cameo3d.models.real3d.eg3d.cameras import orbit_cameras
from cameo3d.models.real3d.generator import split_camera
from cameo3d.perception.landmarks import find_faces
from cameo3d.training.goha.building import _shard_sets

SMALL_TEACHER = replace(
    TEACHER, rendering=replace(TEACHER.rendering, render_size=8, coarse_samples=8, fine_samples=8)
)
HOW = Eg3dSynthesis(size=32, people=3, views=4)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(3)
    tensors = {name: x - 0.5 for name, x in teacher_file().items()}
    tensors |= {name: torch.zeros_like(x) for name, x in tensors.items() if name.endswith("noise_strength")}
    tensors["decoder.net.2.bias"] = tensors["decoder.net.2.bias"] + 4  # dense enough to be seen
    return saved(tmp_path_factory.mktemp("eg3d") / "model_ckpt_steps_3.ckpt", tensors)


@pytest.fixture(scope="module", autouse=True)
def tiny_teacher():
    """A random network draws nobody: the detector says that two of three people have the astronaut's face."""
    photo = Path(str(files("skimage") / "data" / "astronaut.png"))
    points = find_faces(read_image(photo))[0]
    points[:, :2] -= points[:, :2].mean(0)
    points *= 14 / np.ptp(points[:, 0])
    points[:, :2] += 16
    calls = []

    def found(picture):
        calls.append(1)
        return [] if 4 < len(calls) <= 8 else [points]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eg3d_synthesis, "EG3D", SMALL_TEACHER)
        patch.setattr(eg3d_synthesis, "find_faces", found)
        patch.setattr(eg3d_synthesis, "person_matte", lambda picture: np.full(picture.shape[:2], 0.8))
        yield
    eg3d_synthesis._teacher.cache_clear()


@pytest.fixture(scope="module")
def shards(checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("shards")
    assert prepare_folder(checkpoint, out, HOW) == (2, 1)
    return out


def test_pictures_are_what_the_teacher_draws_from_the_cameras_that_are_noted(shards, checkpoint):
    shard = Shard(shards / "person-000002.safetensors")
    assert (len(shard), shard.about.origin, shard.about.person) == (4, "eg3d", "person-000002")
    teacher = eg3d_synthesis._teacher(checkpoint.resolve())
    cameras = shard.cameras
    assert cameras is not None
    with torch.no_grad():
        planes = teacher.draw_planes(shard.tensor("latent")[None], shard.tensor("conditioning")[None])
        drawn = torch.cat([teacher(planes, *split_camera(camera[None]))[0] for camera in cameras])
    wanted = ((drawn.clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    errors = [np.abs(shard.picture(k) - wanted[k]).mean() for k in range(4)]
    assert max(errors) < 3  # of 255: what JPEG changes
    others = [np.abs(shard.picture(k) - wanted[k - 1]).mean() for k in range(4)]
    assert sum(others) > 1.5 * sum(errors)


def test_people_without_a_face_are_listed_and_each_number_is_a_person_of_its_own(shards):
    assert (
        shards / "skipped.csv"
    ).read_text().strip() == "person-000001,It shows a face in 0 of 4 views only."
    latents = [Shard(path).tensor("latent") for path in sorted(shards.glob("*.safetensors"))]
    assert len(latents) == 2
    assert not torch.equal(*latents)


def test_cameras_look_at_the_head_from_where_the_recipe_draws_them(shards):
    cameras = video_cameras(open_shards(shards))
    assert cameras.shape == (8, 25)
    poses = cameras[:, :16].unflatten(1, (4, 4))
    distances = poses[:, :3, 3].norm(dim=1)
    assert ((distances > 2.69) & (distances < 4.01)).all()
    front = orbit_cameras(torch.zeros(1), torch.zeros(1), torch.full((1,), 2.7))[0, :16].unflatten(0, (4, 4))
    turns = torch.arccos((poses[:, :3, 2] @ front[:3, 2]).clamp(-1, 1)).rad2deg()
    assert turns.max() < 55
    assert turns.min() > 0.5


def test_pairs_of_both_systems_get_the_exact_cameras(shards):
    shard = open_shards(shards)[0]
    assert shard.cameras is not None
    batch = PairBatches([shard], 1, 32, 0, CPU).draw(0)
    assert any(torch.equal(batch.source.camera[0], camera) for camera in shard.cameras)
    [people] = _shard_sets([shard])
    assert (people.name, people.kind) == ("synthetic", "views")
    [clip] = shard_clips([shard])
    for frame, camera in zip(clip.frames, shard.cameras, strict=True):
        label, exact = frame.label()[:16].unflatten(0, (4, 4)), camera[:16].unflatten(0, (4, 4))
        torch.testing.assert_close(label[:3, :3], exact[:3, :3])
        torch.testing.assert_close(label[:3, 3].norm(), torch.tensor(2.7))


def test_the_same_numbers_make_the_same_people_and_others_are_told_apart(shards, checkpoint, tmp_path):
    again = tmp_path / "again"
    prepare_folder(checkpoint, again, replace(HOW, people=1))
    one, other = (Shard(folder / "person-000000.safetensors") for folder in (shards, again))
    np.testing.assert_array_equal(one.picture(3), other.picture(3))
    prepare_folder(checkpoint, tmp_path / "other", replace(HOW, people=1, seed=1))
    assert not np.array_equal(
        one.picture(3), Shard(tmp_path / "other" / "person-000000.safetensors").picture(3)
    )


def test_a_file_that_is_no_eg3d_ends_the_run(tmp_path):
    path = saved(tmp_path / "odd.ckpt", {"odd": torch.ones(1)})
    with pytest.raises(WeightsError, match="unknown: odd"):
        prepare_folder(path, tmp_path / "shards", replace(HOW, people=1))
