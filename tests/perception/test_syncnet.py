import numpy as np
import pytest
import torch

from cameo3d.perception.syncnet import (
    SyncNet,
    cepstrum,
    load_syncnet,
    place_lips,
    place_sound,
)

OFFICIAL = {
    "netcnnaud.0.weight": (64, 1, 3, 3),
    "netcnnaud.4.weight": (192, 64, 3, 3),
    "netcnnaud.8.weight": (384, 192, 3, 3),
    "netcnnaud.11.weight": (256, 384, 3, 3),
    "netcnnaud.14.weight": (256, 256, 3, 3),
    "netcnnaud.18.weight": (512, 256, 5, 4),
    "netfcaud.0.weight": (512, 512),
    "netfcaud.3.weight": (1024, 512),
    "netfclip.0.weight": (512, 512),
    "netfclip.3.weight": (1024, 512),
    "netcnnlip.0.weight": (96, 3, 5, 7, 7),
    "netcnnlip.4.weight": (256, 96, 1, 5, 5),
    "netcnnlip.8.weight": (256, 256, 1, 3, 3),
    "netcnnlip.11.weight": (256, 256, 1, 3, 3),
    "netcnnlip.14.weight": (256, 256, 1, 3, 3),
    "netcnnlip.18.weight": (512, 256, 1, 6, 6),
}
"""Weights of the release's layers; each convolution and each first linear layer has a normalisation next."""


def official_file(path):
    """A file in the release's layout; expanded tensors need no room on disk."""
    tensors = {}
    for name, shape in OFFICIAL.items():
        stem, place, _ = name.split(".")
        tensors[name] = torch.full((1,), 1e-3).expand(shape)
        tensors[f"{stem}.{place}.bias"] = torch.zeros(1).expand(shape[0])
        if not (stem.startswith("netfc") and place == "3"):
            for part in ("weight", "bias", "running_mean", "running_var"):
                tensors[f"{stem}.{int(place) + 1}.{part}"] = torch.full((1,), 0.5).expand(shape[0])
            tensors[f"{stem}.{int(place) + 1}.num_batches_tracked"] = torch.tensor(9)
    torch.save(tensors, path)
    return path


def test_the_official_layout_fits_and_both_places_have_1024_numbers(tmp_path):
    network = load_syncnet(official_file(tmp_path / "syncnet_v2.model"))
    assert place_lips(network, np.zeros((5, 224, 224, 3), np.uint8)).shape == (1024,)
    cepstra = np.zeros((24, 13))
    placed = place_sound(network, cepstra, 1)
    assert placed is not None
    assert placed.shape == (1024,)
    assert place_sound(network, cepstra, 2) is None
    assert place_sound(network, cepstra, -1) is None


def test_red_and_blue_are_exchanged_as_in_the_release():
    class Colors(SyncNet):
        def __init__(self):
            torch.nn.Module.__init__(self)

        def lips(self, frames):
            return frames.mean((2, 3, 4)).repeat(1, 342)[:, :1024]

    frames = np.zeros((5, 224, 224, 3), np.uint8)
    frames[..., 0] = 200
    np.testing.assert_allclose(place_lips(Colors(), frames)[:3], (0, 0, 200))


def slow_cepstrum(samples: np.ndarray) -> np.ndarray:
    """One window of 400 samples, by the definitions, term by term."""
    sound = 32767 * samples
    sound = np.array([sound[0], *(sound[i] - 0.97 * sound[i - 1] for i in range(1, 400))])
    turns = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512)
    power = np.abs(turns @ sound) ** 2 / 512
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    corners = [int(513 * 700 * (10 ** (mel / 2595) - 1) / 16000) for mel in mels]
    logs = []
    for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
        total = sum(power[i] * (i - low) / (middle - low) for i in range(low, middle))
        total += sum(power[i] * (high - i) / (high - middle) for i in range(middle, high))
        logs.append(np.log(total))
    result = []
    for k in range(13):
        waves = np.cos(np.pi * k * (2 * np.arange(26) + 1) / 52)
        scale = np.sqrt((1 if k == 0 else 2) / 26)
        result.append((1 + 11 * np.sin(np.pi * k / 22)) * scale * (waves @ logs))
    result[0] = np.log(power.sum())
    return np.array(result)


def test_the_cepstrum_follows_its_definition():
    samples = 0.1 * np.random.default_rng(0).normal(size=400)
    np.testing.assert_allclose(cepstrum(samples), slow_cepstrum(samples)[None], rtol=1e-9)


@pytest.mark.parametrize(("samples", "steps"), [(100, 1), (400, 1), (401, 2), (560, 2), (561, 3)])
def test_the_last_window_is_filled_with_silence(samples, steps):
    assert cepstrum(np.ones(samples)).shape == (steps, 13)


def test_silence_has_a_cepstrum():
    assert np.isfinite(cepstrum(np.zeros(800))).all()
