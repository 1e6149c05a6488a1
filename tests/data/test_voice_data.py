import csv

import numpy as np
import pytest
import torch

from cameo3d.data.voice_clips import VoiceClip, talking_clips
from cameo3d.data.voices import changed_features, plain_features
from cameo3d.errors import InputError
from cameo3d.models.voice.lite.mouth import FEATURE_CONTEXT, MOUTH_SHAPES
from cameo3d.models.voice.lite.sound import power_spectra


def tone(frames: int) -> torch.Tensor:
    time = torch.arange(frames * 640) / 16000
    return 0.1 * torch.sin(2 * torch.pi * 700 * time) * (torch.sin(2 * torch.pi * 3 * time) > 0)


def test_power_spectra_begin_and_end_in_the_context_of_the_motion():
    clip = VoiceClip(
        "a",
        "x",
        True,
        tone(10),
        torch.zeros(41, dtype=torch.int64),
        torch.zeros(10, len(MOUTH_SHAPES)),
        torch.zeros(10),
    )
    power = clip.power()
    assert len(power) == 4 * 9 + 1 + 2 * FEATURE_CONTEXT
    assert power[: FEATURE_CONTEXT - 2].abs().max() == 0
    assert power[FEATURE_CONTEXT + 2].max() > 1e-4


def test_changed_voices_differ_but_keep_their_rhythm():
    power = power_spectra(tone(50))
    plain = plain_features(power).mean(1)
    changed = changed_features(power, None, 1.09, np.random.default_rng(1)).mean(1)
    assert not torch.allclose(plain, changed)
    assert torch.corrcoef(torch.stack((plain, changed)))[0, 1] > 0.5
    assert torch.equal(changed, changed_features(power, None, 1.09, np.random.default_rng(1)).mean(1))


def test_an_index_without_the_needed_columns_is_refused(tmp_path):
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "speaker"), ("a.mp4", "x")])
    with pytest.raises(InputError, match="licence_class, audio, av_sync"):
        list(talking_clips(tmp_path, tmp_path))


def test_only_class_a_in_step_is_learned_from(tmp_path):
    rows = [
        ("file", "speaker", "licence_class", "audio", "av_sync"),
        ("b.mp4", "x", "B", "yes", "ok"),
        ("a.mp4", "x", "A", "yes", "uncertain"),
    ]
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert list(talking_clips(tmp_path, tmp_path)) == []
