from dataclasses import dataclass, replace

import pytest
import torch
from jaxtyping import Float, UInt8
from safetensors.torch import save_file
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.values import Crop
from cameo3d.values.storage import load_value, save_value


@dataclass(frozen=True)
class Thing:
    picture: UInt8[Tensor, "height width 3"]
    weights: Float[Tensor, "52"]
    crop: Crop
    name: str
    level: float
    count: int
    spare: Crop | None = None
    mark: Float[Tensor, "2"] | None = None


def thing(**changes):
    picture = torch.arange(24, dtype=torch.uint8).reshape(2, 4, 3)
    return replace(Thing(picture, torch.rand(52), Crop(1.5, 2.5, 3.0), "größe\n", 0.1, 3), **changes)


@pytest.mark.parametrize("changes", [{}, {"spare": Crop(0.0, 0.0, 1.0), "mark": torch.ones(2)}])
def test_a_value_comes_back_as_it_was(tmp_path, changes):
    value = thing(**changes)
    save_value(value, tmp_path / "a file.avatar")
    back = load_value(Thing, tmp_path / "a file.avatar")
    assert torch.equal(back.picture, value.picture)
    assert torch.equal(back.weights, value.weights)
    for field in ("crop", "name", "level", "count", "spare"):
        assert getattr(back, field) == getattr(value, field)
    assert (back.mark is None) == (value.mark is None)
    assert [path.name for path in tmp_path.iterdir()] == ["a file.avatar"]


def test_a_part_that_may_be_left_out_may_be_newer_than_the_file(tmp_path):
    @dataclass(frozen=True)
    class Older:
        name: str

    @dataclass(frozen=True)
    class Newer(Older):
        part: Crop | None = None

    Newer.__name__ = "Older"
    save_value(Older("a"), tmp_path / "x")
    assert load_value(Newer, tmp_path / "x") == Newer("a")
    save_value(Newer("a", Crop(1.0, 2.0, 3.0)), tmp_path / "y")
    assert load_value(Newer, tmp_path / "y") == Newer("a", Crop(1.0, 2.0, 3.0))


def test_parts_of_a_tensor_are_saved_alone(tmp_path):
    whole = torch.rand(2, 52)
    save_value(thing(weights=whole[0], mark=whole[1, :2]), tmp_path / "x")
    assert torch.equal(load_value(Thing, tmp_path / "x").weights, whole[0])


def test_every_field_that_does_not_fit_is_named(tmp_path):
    path = tmp_path / "x"
    values = '{"crop.center_x": 1, "crop.center_y": "two", "name": "a", "level": 1.0, "spare": null, "x": 1}'
    save_file(
        {"picture": torch.zeros(2, 2, 3), "weights": torch.zeros(51)},
        path,
        {"kind": "Thing", "version": "1", "values": values},
    )
    with pytest.raises(InputError) as failure:
        load_value(Thing, path)
    for part in (
        *("picture is float32 2x2x3", "weights is float32 51", "crop.center_y is a str"),
        *("crop.side is missing", "count is missing", "mark is missing", "x is unknown"),
    ):
        assert part in str(failure.value)


@pytest.mark.parametrize("content", [b"{", b"\x00" * 100, b"\xff" * 9, b"\x08" + b"\x00" * 7 + b"{      }"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match='"'):
        load_value(Thing, tmp_path / "x")


def test_a_cut_file_is_refused(tmp_path):
    save_value(thing(), tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_value(Thing, tmp_path / "x")


def test_another_kind_of_value_is_refused(tmp_path):
    save_value(Crop(1.0, 2.0, 3.0), tmp_path / "x")
    with pytest.raises(InputError, match="not a Thing"):
        load_value(Thing, tmp_path / "x")


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    save_value(thing(weights=torch.full((52,), float("nan"))), tmp_path / "x")
    with pytest.raises(InputError, match="weights holds numbers that are not finite"):
        load_value(Thing, tmp_path / "x")
