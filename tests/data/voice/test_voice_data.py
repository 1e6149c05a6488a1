import csv

import numpy as np
import pytest
import torch

from cameo3d.data.voice.augmentation import heard_features, other_voices
from cameo3d.data.voice.clips import VoiceClip
from cameo3d.data.voice.corpora import heard_clip, talking_clips
from cameo3d.errors import InputError
from cameo3d.models.voice.lite.motion_decoder import FEATURES_BEFORE, MOUTH_SHAPES, feature_count
from cameo3d.models.voice.lite.sound import (
    band_corners,
    fresh_hearing,
    hear,
    log_bands,
    mel_bank,
    power_spectra,
)
from cameo3d.values.storage import load_value, save_value


def nobody_reads(samples: np.ndarray) -> list[str]:
    raise AssertionError("nothing is to be read here")


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
    assert len(power) == feature_count(10)
    assert power[: FEATURES_BEFORE - 2].abs().max() == 0
    assert power[FEATURES_BEFORE + 2].max() > 1e-4


def test_changed_voices_differ_but_keep_their_rhythm_and_others_stay():
    power = power_spectra(tone(50)).expand(2, -1, -1)
    changed = np.array([True, False])

    def draw() -> torch.Tensor:
        generator = np.random.default_rng(1)
        voices = other_voices(2, power.shape[-1], changed, generator)
        return heard_features(power, voices, changed, generator)

    plain, _ = hear(log_bands(power, mel_bank()), fresh_hearing())
    features = draw()
    torch.testing.assert_close(features[1], plain[1])
    assert not torch.allclose(features[0], plain[0])
    rhythms = torch.stack((plain[0].mean(1), features[0].mean(1)))
    assert torch.corrcoef(rhythms)[0, 1] > 0.5
    assert torch.equal(features, draw())


def test_other_vocal_tracts_keep_the_order_of_frequencies():
    voices = other_voices(50, 257, np.ones(50, bool), np.random.default_rng(0))
    corners = voices.corners(band_corners())
    assert (corners.diff(dim=1) > 0).all()
    assert 0.1 < corners[:, 20].log().std() < 0.2


def test_an_index_without_the_needed_columns_is_refused(tmp_path):
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "speaker"), ("a.mp4", "x")])
    with pytest.raises(InputError, match="licence_class, audio, av_sync"):
        list(talking_clips(tmp_path, tmp_path, nobody_reads))


def test_only_class_a_in_step_is_learned_from(tmp_path):
    rows = [
        ("file", "speaker", "licence_class", "audio", "av_sync"),
        ("b.mp4", "x", "B", "yes", "ok"),
        ("a.mp4", "x", "A", "yes", "uncertain"),
    ]
    with (tmp_path / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert list(talking_clips(tmp_path, tmp_path, nobody_reads)) == []


def test_a_minute_of_speech_is_kept_and_found_again(tmp_path):
    clip = heard_clip("long.flac", "anna", 0.1 * np.sin(np.arange(60 * 16000) / 20).astype(np.float32))
    save_value(clip, tmp_path / "long.clip")
    assert torch.equal(load_value(VoiceClip, tmp_path / "long.clip").samples, clip.samples)
