import pytest

from cameo3d.data.portraits.sources import find_sources, person_of
from cameo3d.errors import InputError


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


@pytest.mark.parametrize(
    ("place", "person"),
    [
        ("Actor_07/01-01-03-01-01-01-07.mp4", "Actor_07"),
        ("Clip+abc-_12345+P1+C0+F100-220/00000.png", "abc-_12345"),
        ("RD_Radio10_000.mp4", "RD_Radio10"),
        ("WDA_BarackObama_001.mp4", "WDA_BarackObama"),
        ("35666/_1XNJyQFf4k_0.mp4", "_1XNJyQFf4k"),
        ("mine.mp4", None),
    ],
)
def test_known_layouts_tell_who_is_seen(place, person):
    assert person_of(place) == person


def test_numbered_frames_are_a_clip_but_ffhq_holds_photos(tmp_path):
    touch(tmp_path, "vfhq/Clip+a+P0+C1+F0-1/00000000.png", "vfhq/Clip+a+P0+C1+F0-1/00000001.png")
    touch(
        tmp_path, "ffhq/12000/12000.png", "ffhq/12000/12001.png", "mine/me.jpg", "mine/talk.mp4", ".x/a.png"
    )
    kinds = {source.name: source.kind for source in find_sources(tmp_path)}
    assert kinds == {
        "vfhq-Clip+a+P0+C1+F0-1": "clip",
        "ffhq-12000-12000": "photo",
        "ffhq-12000-12001": "photo",
        "mine-me": "photo",
        "mine-talk": "clip",
    }


def test_about_one_person_in_a_hundred_is_held_out_with_all_clips(tmp_path):
    touch(tmp_path, *(f"Actor_{actor:04d}/{clip}.mp4" for actor in range(600) for clip in "ab"))
    held_out = [source.person for source in find_sources(tmp_path) if source.validation]
    assert 1 <= len(set(held_out)) <= 15
    assert len(held_out) == 2 * len(set(held_out))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither photos nor clips"):
        find_sources(tmp_path)
