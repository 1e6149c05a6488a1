import sys

import numpy as np
import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.models.voice.official.stream import Hearing
from cameo3d.perception.speech import HubertHearing, HubertSizes, hubert_network

TINY = HubertSizes(width=16, layers=2, heads=2, feed_width=32, conv_width=8)


@pytest.fixture(scope="module")
def hearing() -> HubertHearing:
    torch.manual_seed(1)
    return HubertHearing(hubert_network(TINY), TINY.width)


def test_the_network_has_the_published_size():
    with torch.device("meta"):
        network = hubert_network(HubertSizes())
    assert sum(x.numel() for x in network.parameters()) == 315_438_720
    assert {
        "masked_spec_embed",
        "feature_extractor.conv_layers.6.layer_norm.bias",
    } <= network.state_dict().keys()


@pytest.mark.parametrize(("samples", "steps"), [(400, 1), (719, 1), (720, 2), (16000, 49), (320_080, 1000)])
def test_a_step_begins_every_20_milliseconds(hearing, samples, steps):
    sound = np.random.default_rng(1).normal(size=samples).astype(np.float32)
    assert hearing.features(sound).shape == (steps, 16)


def test_features_depend_on_the_sound_alone(hearing):
    sound = np.random.default_rng(2).normal(size=8000).astype(np.float32)
    first = hearing.features(sound)
    assert torch.equal(hearing.features(sound.copy()), first)
    assert not torch.allclose(hearing.features(sound[::-1].copy()), first, atol=1e-3)


def test_it_hears_for_the_voice_model(hearing):
    assert isinstance(hearing, Hearing)
    assert hearing.pitch(np.zeros(16000, np.float32), 1.0).shape == (49,)


def test_without_transformers_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(WeightsError, match=r"cameo3d\[official\]"):
        hubert_network(TINY)
