import datetime
import pickle

import numpy as np
import pytest

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.numpy_pickles import read_numpy_pickle


def test_dictionaries_of_arrays_are_read(tmp_path):
    path = tmp_path / "arrays"
    content = {"layer": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}, "step": 3}
    path.write_bytes(pickle.dumps(content))
    found = read_numpy_pickle(path)
    assert isinstance(found, dict)
    np.testing.assert_array_equal(found["layer"]["kernel"], content["layer"]["kernel"])
    assert found["step"] == 3


@pytest.mark.parametrize("content", [print, datetime.date(2000, 1, 1), np.float32(1.5)])
def test_whatever_else_is_named_is_refused(tmp_path, content):
    path = tmp_path / "hostile"
    path.write_bytes(pickle.dumps({"layer": content}))
    with pytest.raises(WeightsError, match="could run code"):
        read_numpy_pickle(path)


def test_damaged_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "cut"
    path.write_bytes(pickle.dumps(np.zeros(100))[:-40])
    with pytest.raises(WeightsError, match="cut short or damaged"):
        read_numpy_pickle(path)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_numpy_pickle(tmp_path / "lost")
