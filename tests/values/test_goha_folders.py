import json
from collections import Counter

import numpy as np
import pytest
import torch
from goha_making import made_clip, made_set

from cameo3d.data.portraits.goha_pairs import GohaBatches, most_frontal
from cameo3d.errors import InputError
from cameo3d.values.goha_folders import read_clips


def test_what_was_written_is_read_over_black(tmp_path):
    frames = made_clip(tmp_path / "anna", 2, seed=1)
    [clip] = read_clips(tmp_path)
    assert clip.name == "anna"
    for frame, written in zip(clip.frames, frames, strict=True):
        alpha = written.matte[..., None] / np.float32(255)
        expected = torch.from_numpy(written.picture * alpha).permute(2, 0, 1) / 127.5 - 1
        torch.testing.assert_close(frame.read(64), expected.float(), atol=1e-6, rtol=0)
        np.testing.assert_allclose(frame.label().numpy(), written.camera)


def test_mirrored_copies_are_left_out(tmp_path):
    made_clip(tmp_path / "anna", 2, seed=1)
    path = tmp_path / "anna" / "dataset.json"
    labels = json.loads(path.read_text())["labels"]
    labels += [[name.replace(".png", "_mirror.png"), numbers] for name, numbers in labels]
    path.write_text(json.dumps({"labels": labels}))
    assert len(read_clips(tmp_path)[0].frames) == 2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ('{"labels": [["../a.png", [0]]]}', "strange label"),
        ('{"labels": [["00000.png", [0, 1]]]}', "strange label"),
        ('{"labels": []}', "names no picture"),
        ("{", "holds no labels"),
        (json.dumps({"labels": [["lost.png", [0.5] * 25]]}), "lost.png.* is missing"),
        (json.dumps({"labels": [["00000.png", [float("nan")] * 25]]}), "strange label"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(tmp_path, labels, message):
    made_clip(tmp_path / "anna", 1, seed=1)
    (tmp_path / "anna" / "dataset.json").write_text(labels)
    with pytest.raises(InputError, match=message):
        read_clips(tmp_path)


def test_a_folder_without_clips_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no clip"):
        read_clips(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        read_clips(tmp_path / "lost")


def test_sets_are_drawn_by_their_shares_and_photos_not_where_pairs_are_needed(tmp_path):
    sets = [
        made_set(tmp_path, "a", "video"),
        made_set(tmp_path, "b", "photos"),
        made_set(tmp_path, "c", "views"),
    ]
    shares = {"a": 0.25, "b": 0.5, "c": 0.25}
    batches = GohaBatches(sets, shares, 1, 64, seed=3, needs_pairs=lambda step: step % 2 == 1)
    drawn = [batches.draw(index) for index in range(200)]
    free = Counter(batch.kind for batch in drawn[::2])
    assert 35 <= free["photos"] <= 65
    bound = Counter(batch.kind for batch in drawn[1::2])
    assert set(bound) == {"video", "views"}
    assert 30 <= bound["video"] <= 70
    for batch in drawn[:20]:
        assert torch.equal(batch.source, batch.target) == (batch.kind == "photos")


def test_the_same_number_gives_the_same_batch_and_another_one_another(tmp_path):
    one, other = (
        GohaBatches([made_set(tmp_path, "a", "video")], {"a": 1.0}, 2, 32, seed=3) for _ in range(2)
    )
    assert torch.equal(one.draw(5).source, other.draw(5).source)
    assert not torch.equal(one.draw(5).source, one.draw(6).source)
    assert one.draw(5).source.shape == (2, 3, 32, 32)


def test_steps_that_need_pairs_refuse_photos_alone(tmp_path):
    photos = made_set(tmp_path, "b", "photos")
    with pytest.raises(InputError, match="Photos alone"):
        GohaBatches([photos], {"b": 1.0}, 1, 64, seed=0, needs_pairs=lambda step: True)
    with pytest.raises(InputError, match="no data"):
        GohaBatches([photos], {"other": 1.0}, 1, 64, seed=0)


def test_the_most_frontal_frame_is_the_one_with_the_smallest_turn(tmp_path):
    chosen = most_frontal([made_set(tmp_path, "a", "video")])
    cameras = [frame.camera for clip in read_clips(tmp_path / "a") for frame in clip.frames]
    assert chosen.camera == min(cameras, key=lambda numbers: abs(np.arccos(-numbers[10])))
