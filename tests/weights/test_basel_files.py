import numpy as np
import pytest
from scipy.io import savemat

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.basel import (
    BASEL_MODEL,
    LEFT_EYE,
    MAP_COLORS,
    MESH_VERTICES,
    REAL3D_FACE_FILES,
    RIGHT_EYE,
    find_face,
    read_real3d_face,
)


@pytest.fixture
def folder(tmp_path):
    """A small folder of the official layout."""
    (tmp_path / "deep_3drecon/BFM").mkdir(parents=True)
    savemat(tmp_path / BASEL_MODEL.path, {"meanshape": np.ones((1, 12), np.float32)})
    np.save(tmp_path / MESH_VERTICES.path, np.arange(468) - 1)
    np.save(tmp_path / MAP_COLORS.path, np.ones((3, 4), np.float32))
    np.save(tmp_path / LEFT_EYE.path, np.array([1.0, 2.0]))
    np.save(tmp_path / RIGHT_EYE.path, np.array([3]))
    return tmp_path


def read(folder):
    model = find_face(folder)
    assert model is not None
    return read_real3d_face(model)


def test_all_files_are_read(folder):
    arrays = read(folder)
    assert arrays["meanshape"].shape == (1, 12)
    assert arrays["mesh_vertices"][0] == -1
    assert arrays["map_colors"].shape == (3, 4)
    assert arrays["left_eye_triangles"].tolist() == [1, 2]
    assert arrays["right_eye_triangles"].tolist() == [3]


def test_files_may_lie_side_by_side(folder):
    for file in REAL3D_FACE_FILES:
        (folder / file.path).rename(folder / file.path.rsplit("/", 1)[1])
    assert "meanshape" in read(folder)


def test_a_folder_without_the_model_has_no_face(tmp_path):
    assert find_face(tmp_path) is None


def test_missing_files_are_named_with_origin_and_licence(folder):
    (folder / MAP_COLORS.path).unlink()
    (folder / MESH_VERTICES.path).unlink()
    with pytest.raises(WeightsError) as error:
        read(folder)
    for part in ("ncc_code.npy", "index_mp468_from_mesh35709.npy", "github.com/yerfor", "licence: MIT"):
        assert part in str(error.value)


@pytest.mark.parametrize("file", [MESH_VERTICES, BASEL_MODEL], ids=["npy", "mat"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS"),
        (b"<html>", "readable"),
        (b"", "readable"),
    ],
)
def test_what_is_no_such_file_is_refused(folder, file, content, message):
    (folder / file.path).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read(folder)


def test_pickled_objects_and_fractions_are_refused(folder):
    np.save(folder / RIGHT_EYE.path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(WeightsError, match="readable NumPy"):
        read(folder)
    np.save(folder / RIGHT_EYE.path, np.array([0.5]))
    with pytest.raises(WeightsError, match="integers"):
        read(folder)
    np.save(folder / MAP_COLORS.path, np.array([[np.nan]]))
    with pytest.raises(WeightsError, match="finite"):
        read(folder)
