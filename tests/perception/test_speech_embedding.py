import numpy as np
import pytest
import torch

from cameo3d.errors import CameoError, WeightsError
from cameo3d.perception.speech_embedding import (
    TEACHER_CONTEXT,
    TEACHER_HEARS,
    SpeechTeacher,
    load_teacher,
    teacher_corners,
)
from cameo3d.weights.conversion.onnx_tensors import read_onnx_tensors

BEFORE = (0, 24, 24, 24, 48, 48, 48, 48, 72, 72, 72, 72, 96, 96, 96, 96, 96, 96, 96)
AFTER = (24, 24, 24, 48, 48, 48, 48, 72, 72, 72, 72, 96, 96, 96, 96, 96, 96, 96, 96)


def made_teacher() -> SpeechTeacher:
    """Of the real one's layout, its numbers drawn."""
    generator = torch.Generator().manual_seed(0)
    tensors = {"model/conv2d/x": torch.randn(24, 1, 3, 3, generator=generator) / 3}
    for name in ("", "FusedBatchNormV3/"):
        for place in ("", "_1"):
            tensors[f"model/batch_normalization/{name}ReadVariableOp{place}:0"] = torch.ones(24)
    for number in range(1, 19):
        shape = (1, 3) if number in (1, 3, 5, 7, 9, 11, 13, 15, 17) else (3, 1)
        before = BEFORE[number]
        weights = torch.randn(AFTER[number], before, *shape, generator=generator) / (3 * before) ** 0.5
        tensors[f"model/conv2d_{number}/Conv2D_weights_fused_bn"] = weights
        tensors[f"model/conv2d_{number}/Conv2D_bias_fused_bn"] = torch.zeros(AFTER[number])
    return SpeechTeacher(tensors)


def power(frames: int) -> torch.Tensor:
    count = 4 * (frames - 1) + 1 + 2 * TEACHER_CONTEXT
    return torch.rand(1, count, 257, generator=torch.Generator().manual_seed(1)) * 1e-4


def usual() -> torch.Tensor:
    return torch.from_numpy(teacher_corners())[None]


def test_the_teacher_tells_of_every_motion_frame():
    assert made_teacher().hear(power(6), usual()).shape == (1, 6, TEACHER_HEARS)


def test_a_later_start_teaches_the_same():
    teacher, sound = made_teacher(), power(9)
    whole = teacher.hear(sound, usual())
    torch.testing.assert_close(whole[:, 3:], teacher.hear(sound[:, 12:], usual()))


def test_a_voice_moved_in_frequency_is_heard_as_before_by_bands_moved_with_it():
    teacher, bins = made_teacher(), torch.arange(257)
    low, high = (torch.exp(-(((bins - middle) / width) ** 2)) for middle, width in ((40, 10), (50, 12.5)))
    sound = power(6)[..., :1].clone()
    as_usual = teacher.hear(sound * low, usual())
    moved = teacher.hear(sound * high, usual() * 1.25)
    missed = teacher.hear(sound * high, usual())
    assert (moved - as_usual).abs().mean() < 0.3 * (missed - as_usual).abs().mean()


def message(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def test_tensors_of_an_onnx_file_are_read_by_name(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = bytes([1 << 3, 2, 1 << 3, 3, 2 << 3, 1]) + message(8, b"a/b") + message(9, values.tobytes())
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes([1 << 3, 7]) + message(7, message(1, b"node") + message(5, tensor)))
    [(name, read)] = read_onnx_tensors(path).items()
    assert name == "a/b"
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("cut", [1, 20])
def test_a_damaged_onnx_file_is_refused(tmp_path, cut):
    path = tmp_path / "model.onnx"
    path.write_bytes(message(7, message(5, bytes(60)))[:-cut])
    with pytest.raises(WeightsError, match=r"model\.onnx"):
        read_onnx_tensors(path)


def test_without_the_wheel_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CameoError, match="openwakeword"):
        load_teacher(torch.device("cpu"))
