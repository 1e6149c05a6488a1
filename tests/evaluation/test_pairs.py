from pathlib import Path

import pytest

from cameo3d.errors import InputError
from cameo3d.evaluation.datasets import Item
from cameo3d.evaluation.pairs import SOURCES, choose_pairs, read_pairs

PHOTOS = [Item(f"photo{k:03d}", Path(f"/data/photo{k:03d}.jpg"), "photo") for k in range(100)]
CLIPS = [Item(f"clip{k}", Path(f"/data/clip{k}.mp4"), "clip") for k in range(6)]


def names(pairs):
    return [pair.name for pair in pairs]


def test_a_clip_drives_its_own_first_frame():
    pairs = choose_pairs("self", PHOTOS + CLIPS, 0, None)
    assert names(pairs) == [clip.name for clip in CLIPS]
    assert all(pair.source == pair.driver for pair in pairs)


def test_of_two_photos_the_second_drives_the_first():
    pairs = choose_pairs("cross", PHOTOS[:5], 0, None)
    assert names(pairs) == ["photo000__photo001", "photo002__photo003"]


def test_of_clips_one_drives_all_others():
    pairs = choose_pairs("cross", CLIPS, 3, None)
    drivers = {pair.driver for pair in pairs}
    assert len(drivers) == 1
    assert {pair.source for pair in pairs} == set(CLIPS) - drivers


def test_every_clip_drives_every_sampled_photo():
    pairs = choose_pairs("cross", PHOTOS + CLIPS, 0, None)
    assert len(pairs) == SOURCES * len(CLIPS)
    assert len(set(names(pairs))) == len(pairs)


def test_pairs_are_stable_under_the_seed_and_differ_with_it():
    first = choose_pairs("cross", PHOTOS + CLIPS, 5, 20)
    assert first == choose_pairs("cross", PHOTOS + CLIPS, 5, 20)
    assert first != choose_pairs("cross", PHOTOS + CLIPS, 6, 20)


def test_a_limit_draws_from_all_and_keeps_the_order():
    drawn = names(choose_pairs("reconstruction", PHOTOS, 0, 10))
    assert len(drawn) == 10
    assert drawn == sorted(drawn)
    assert drawn[-1] > "photo050"


def test_too_little_data_is_refused():
    with pytest.raises(InputError, match="1 photos and 0 clips, too few for cross"):
        choose_pairs("cross", PHOTOS[:1], 0, None)


def test_pairs_are_read_from_a_table(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("photo,driver\nphoto001.jpg,clip2.mp4\n,clip3.mp4\nphoto004.jpg,\n")
    pairs = read_pairs(table, Path("/data"), PHOTOS + CLIPS, None)
    assert names(pairs) == ["photo001__clip2", "clip3", "photo004"]
    assert pairs[1].source == pairs[1].driver == CLIPS[3]
    assert pairs[2].driver is None


def test_a_table_that_names_what_is_not_there_is_refused(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("photo,driver\nnobody.jpg,clip2.mp4\n")
    with pytest.raises(InputError, match=r"nobody\.jpg"):
        read_pairs(table, Path("/data"), PHOTOS + CLIPS, None)
