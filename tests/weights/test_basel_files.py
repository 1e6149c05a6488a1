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
    missing_files,
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


def test_all_files_are_read(folder):
    arrays = read_real3d_face(folder)
    assert missing_files(folder) == []
    assert arrays["meanshape"].shape == (1, 12)
    assert arrays["mesh_vertices"][0] == -1
    assert arrays["map_colors"].shape == (3, 4)
    assert arrays["left_eye_triangles"].tolist() == [1, 2]
    assert arrays["right_eye_triangles"].tolist() == [3]


def test_files_may_lie_side_by_side(folder):
    for file in REAL3D_FACE_FILES:
        (folder / file.path).rename(folder / file.path.rsplit("/", 1)[1])
    assert missing_files(folder) == []
    assert "meanshape" in read_real3d_face(folder)


def test_missing_files_are_named_with_origin_and_licence(folder):
    (folder / MAP_COLORS.path).unlink()
    (folder / BASEL_MODEL.path).unlink()
    assert missing_files(folder) == [BASEL_MODEL, MAP_COLORS]
    with pytest.raises(WeightsError) as error:
        read_real3d_face(folder)
    for part in ("BFM_model_front.mat", "ncc_code.npy", "Basel Face Model 2009", "not for commercial use"):
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
        read_real3d_face(folder)


def test_pickled_objects_and_fractions_are_refused(folder):
    np.save(folder / RIGHT_EYE.path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(WeightsError, match="readable NumPy"):
        read_real3d_face(folder)
    np.save(folder / RIGHT_EYE.path, np.array([0.5]))
    with pytest.raises(WeightsError, match="integers"):
        read_real3d_face(folder)
    np.save(folder / MAP_COLORS.path, np.array([[np.nan]]))
    with pytest.raises(WeightsError, match="finite"):
        read_real3d_face(folder)
