from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cameo3d.errors import InputError
from cameo3d.pipeline.coefficients import load_coefficients, save_coefficients
from cameo3d.pipeline.drivers import pose_motion
from cameo3d.values.motion import still_motion


def official(path, **changes):
    """As the official fit of a clip writes it."""
    random = np.random.default_rng(1)
    arrays = {
        "id": random.normal(size=(1, 80)).astype(np.float32),
        "exp": random.normal(size=(7, 64)).astype(np.float32),
        "euler": 0.3 * random.normal(size=(7, 3)).astype(np.float32),
        "trans": random.normal(size=(7, 3)).astype(np.float32),
        **changes,
    }
    kept: Any = {name: x for name, x in arrays.items() if x is not None}
    np.save(path, kept, allow_pickle=True)
    return arrays


def test_an_official_file_is_read_and_written_back_the_same(tmp_path):
    arrays = official(tmp_path / "a.npy")
    motion = load_coefficients(tmp_path / "a.npy")
    assert motion.frame_rate == 25
    np.testing.assert_array_equal(motion.basel, arrays["exp"])
    save_coefficients(motion, torch.from_numpy(arrays["id"][0]), tmp_path / "b.npy")
    again = np.load(tmp_path / "b.npy", allow_pickle=True).tolist()
    assert set(again) == set(arrays)
    for name in arrays:
        np.testing.assert_allclose(again[name], arrays[name], atol=2e-5)


def test_a_file_of_poses_alone_gives_poses(tmp_path):
    official(tmp_path / "a.npy", exp=None)
    motion = pose_motion(tmp_path / "a.npy", 0.3)
    assert motion.basel is None
    assert motion.rotation.std() > 0.1


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": np.zeros((7, 60))},
        {"exp": np.full((7, 64), np.nan)},
        {"euler": np.zeros((6, 3))},
        {"exp": "text"},
        {"exp": None, "euler": None, "trans": None},
    ],
)
def test_strange_coefficients_are_refused(tmp_path, changes):
    official(tmp_path / "a.npy", **changes)
    with pytest.raises(InputError):
        load_coefficients(tmp_path / "a.npy")


def test_a_file_that_could_run_code_is_refused(tmp_path):
    harmful: Any = {"exp": print}
    np.save(tmp_path / "a.npy", harmful, allow_pickle=True)
    with pytest.raises(InputError, match="could run code"):
        load_coefficients(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="damaged"):
        load_coefficients(tmp_path / "a.npy")


def test_a_motion_without_coefficients_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="no coefficients"):
        save_coefficients(replace(still_motion(2)), torch.zeros(80), tmp_path / "a.npy")
