import numpy as np
import pytest
import torch
from synthetic_basel import basel_face

from cameo3d.geometry.basel.blendshapes import ExpressionMap
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.stream import HOP, BaselVoiceStream, OfficialVoice
from cameo3d.values import BLENDSHAPES
from cameo3d.values.motion import joined
from cameo3d.values.sound import SAMPLE_RATE


class Ruler:
    """Hears only how loud each step is, in each of a few parts of it, and a pitch that follows from it."""

    channels = 8

    def features(self, samples: np.ndarray) -> torch.Tensor:
        steps = np.lib.stride_tricks.sliding_window_view(samples, 400)[::HOP]
        return torch.from_numpy(np.abs(steps).reshape(len(steps), 8, 50).mean(axis=2))

    def pitch(self, samples: np.ndarray, peak: float) -> np.ndarray:
        if len(samples) < 600:
            return np.zeros(0, np.float32)
        steps = np.lib.stride_tricks.sliding_window_view(samples, 600)[::HOP]
        return (100 + 200 * np.abs(steps).mean(axis=1)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> VoiceToExpression:
    torch.manual_seed(0)
    return VoiceToExpression(speech_channels=8, width=8, gate_width=8, latent=4, flow_width=6).eval()


def sound(seconds: float, seed: int = 3) -> np.ndarray:
    """Noise of constant power that comes and goes."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).uniform(-1, 1, size=len(time))
    return (noise * np.abs(np.sin(5 * time))).astype(np.float32)


def spoken(network, samples, cut: int, **changes) -> torch.Tensor:
    stream = BaselVoiceStream(network, Ruler(), Delivery(**changes))
    parts = [stream.push(samples[i : i + cut]) for i in range(0, len(samples), cut)]
    return torch.cat([*parts, stream.finish()])


def test_a_clip_of_one_window_is_what_the_official_code_computes(network):
    samples = sound(3.3)
    even = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    steps = (len(samples) - 80) // 320
    features, pitch = torch.zeros(1, 168, 8), torch.zeros(1, 168)
    features[0, :steps] = Ruler().features(even.astype(np.float32))[:steps]
    heard = Ruler().pitch(samples, 1.0)
    pitch[0, : len(heard)] = torch.from_numpy(heard)
    with torch.no_grad():
        condition = network.conditions(features, pitch, mouth=torch.tensor([0.45]))
        expected = network(condition, torch.zeros(1, 4, 21), 0.0)[0]
    ours = spoken(network, samples, len(samples), temperature=0.0)
    assert len(ours) == 83  # 82.5 frames have begun
    torch.testing.assert_close(ours, expected[:83], atol=1e-5, rtol=0)


def test_a_long_sound_in_windows_is_the_same_as_in_one_pass(network, monkeypatch):
    samples = sound(47.0)
    windowed = spoken(network, samples, len(samples))
    # The whole of what the windows heard, in one pass of the network.
    monkeypatch.setattr("cameo3d.models.voice.official.stream.CONTEXT", 10**6)
    whole = spoken(network, samples, len(samples))
    assert len(windowed) == len(whole) == 47 * 25
    assert whole.std(dim=0).max() > 0.01
    torch.testing.assert_close(windowed, whole, atol=1e-5, rtol=0)


def test_how_the_sound_is_cut_changes_nothing(network):
    samples = sound(45.0)
    whole = spoken(network, samples, len(samples))
    for cut in (1700, 333_333):
        assert torch.equal(spoken(network, samples, cut), whole)


@pytest.mark.parametrize("count", [0, 1, 399, 400, 640, 641, 319_999, 320_000, 320_081, 336_281, 345_000])
def test_motion_and_sound_end_together(network, count):
    ours = spoken(network, sound(22.0)[:count], 100_000)
    assert len(ours) == -(-count // 640)
    assert ours.isfinite().all()


def test_memory_does_not_grow_with_the_sound(network):
    stream = BaselVoiceStream(network, Ruler(), Delivery())
    sizes = []
    for _ in range(12):
        stream.push(sound(10.0))
        held = [x for x in vars(stream).values() if isinstance(x, np.ndarray | torch.Tensor)]
        sizes.append(sum(x.size if isinstance(x, np.ndarray) else x.numel() for x in held))
    assert max(sizes[6:]) <= max(sizes[:6])


def test_seeds_and_temperatures_make_takes(network):
    samples = sound(4.0)
    first = spoken(network, samples, 64000, temperature=0.5, seed=1)
    assert torch.equal(spoken(network, samples, 64000, temperature=0.5, seed=1), first)
    assert not torch.allclose(spoken(network, samples, 64000, temperature=0.5, seed=2), first, atol=1e-4)
    assert not torch.allclose(spoken(network, samples, 64000, temperature=0.0, seed=1), first, atol=1e-4)


def test_the_mouth_amplitude_reaches_the_network(network):
    samples = sound(4.0)
    usual, small = (spoken(network, samples, 64000, mouth_amplitude=x) for x in (1.0, 0.5))
    assert not torch.allclose(usual, small, atol=1e-4)


def test_the_official_voice_gives_coefficients_and_weights_of_each_frame(network):
    expressions = ExpressionMap(basel_face(), load_face_model())
    samples = sound(24.0)
    stream = OfficialVoice(network, Ruler(), expressions).start(Delivery(seed=4))
    first, last = stream.push(samples), stream.finish()
    alone = BaselVoiceStream(network, Ruler(), Delivery(seed=4))
    coefficients = torch.cat((alone.push(samples), alone.finish()))
    assert len(first) + len(last) == 24 * 25
    both = joined([first, last])
    assert both.basel is not None
    assert torch.equal(both.basel, coefficients)
    lips = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth"))]
    weights = both.expression[:, lips]
    assert (weights <= expressions.to_arkit(coefficients)[:, lips] + 1e-6).all()
    assert first.rotation.any()
    still = OfficialVoice(network, Ruler(), expressions).start(Delivery(seed=4, pose="still"))
    assert not still.push(samples).rotation.any()
