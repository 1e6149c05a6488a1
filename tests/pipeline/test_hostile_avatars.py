"""Avatars travel between people: whatever a file says, it is drawn or refused in one sentence."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from avatar_mutations import Mutations
from safetensors.torch import save_file

from cameo3d.errors import InputError
from cameo3d.models.avatar import check_shapes
from cameo3d.models.relief import ReliefAvatar
from cameo3d.pipeline.animate import animate, create
from cameo3d.values.motion import still_motion
from cameo3d.values.storage import load_value, save_value

INDICES = ("triangles", "back_triangles", "carriers", "left_eye.patch.triangles", "mouth.upper.triangles")


@pytest.fixture(scope="module")
def path(astronaut_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avatar") / "a.avatar"
    save_value(create(astronaut_path), path)
    return path


def motion():
    moved = still_motion(1)
    moved.expression[0, 17] = 0.6
    moved.rotation[0] = torch.tensor((0.3, 0.1, 0.1))
    return moved


def refused(path: Path) -> str | None:
    """What is said of a file, or None if it is drawn."""
    try:
        frames = list(animate(path, motion=motion()))
    except InputError as error:
        return str(error)
    assert frames[0].shape == (512, 512, 3)
    return None


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("value", [2**30, -1])
def test_an_index_that_leads_out_of_its_list_is_refused(path: Path, tmp_path: Path, name: str, value: int):
    changes = Mutations(path)
    tensor = changes.tensors[name].clone()
    tensor[len(tensor) // 2, 1] = value
    changes.save(tmp_path / "x.avatar", {**changes.tensors, name: tensor}, changes.scalars)
    message = refused(tmp_path / "x.avatar")
    assert message
    assert f"{name} holds {value}, which is not within 0 and" in message


def test_any_changed_byte_is_noticed(path: Path, tmp_path: Path):
    for _ in Mutations(path).bytes_changed(tmp_path / "x.avatar", 12):
        with pytest.raises(InputError):
            load_value(ReliefAvatar, tmp_path / "x.avatar")


def test_any_changed_number_is_refused_in_one_sentence_or_drawn(path: Path, tmp_path: Path):
    changes, out = Mutations(path, seed=5, share=0.15), tmp_path / "x.avatar"
    outcomes = []
    for number, what in enumerate(chain(changes.numbers_changed(out, 1), changes.shapes_changed(out))):
        # Drawing takes long; files that are read are drawn from time to time.
        try:
            load_value(ReliefAvatar, out)
        except InputError as error:
            outcomes.append("refused" if "\n" not in str(error) else what)
            continue
        outcomes.append("read")
        if number % 20 == 0:
            assert refused(out) is None, what
    assert set(outcomes) == {"refused", "read"}
    assert outcomes.count("refused") > 30


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("depths", lambda t: t[:-1], "vertices is .* elsewhere"),
        ("person.identity", lambda t: t[:-1], "components of identity"),
        ("texture", lambda t: t[:-2, :-2], "side is"),
        ("points", lambda t: t * 20, "not within"),
        ("person.translation", lambda t: -t, "nearer to the camera"),
        ("triangles", lambda t: t.repeat(40, 1), "200000|int32|many times"),
        ("person.rotation", lambda t: t.double(), "is float64"),
        ("person.photo", lambda t: t[:8, :8], "height is|crop that does not lie"),
    ],
)
def test_parts_that_do_not_suit_each_other_are_refused(path: Path, tmp_path: Path, field, change, message):
    changes = Mutations(path)
    changed = change(changes.tensors[field])
    changes.save(tmp_path / "x.avatar", {**changes.tensors, field: changed}, changes.scalars)
    with pytest.raises(InputError, match=message):
        load_value(ReliefAvatar, tmp_path / "x.avatar")


def test_a_huge_header_or_file_is_refused_unread(tmp_path: Path):
    for start, size in ((2**40, 2000), (2**21, 2**22), (64, 600_000_000)):
        with (tmp_path / "x.avatar").open("wb") as file:
            file.write(start.to_bytes(8, "little") + b"{")
            file.truncate(size)
        with pytest.raises(InputError, match="damaged"):
            load_value(ReliefAvatar, tmp_path / "x.avatar")


@pytest.mark.parametrize("values", ["[1]", "1", "null", "{", "[" * 100_000, '{"a": NaN}'])
def test_values_that_are_none_are_refused(path: Path, tmp_path: Path, values: str):
    changes = Mutations(path)
    changes.metadata["values"] = values

    save_file(changes.tensors, tmp_path / "x.avatar", changes.metadata)
    with pytest.raises(InputError, match="damaged"):
        load_value(ReliefAvatar, tmp_path / "x.avatar")


def test_shapes_that_a_network_does_not_take_are_refused():
    check_shapes({"planes": (torch.zeros(1, 3), (1, 3))})
    with pytest.raises(InputError, match="planes is 1x3, not 3x1"):
        check_shapes({"planes": (torch.zeros(1, 3), (3, 1))})


def test_a_sound_avatar_comes_back(path: Path):
    avatar = load_value(ReliefAvatar, path)
    assert not list(avatar.misfits())
    assert np.isfinite(avatar.points.numpy()).all()
