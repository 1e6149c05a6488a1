import ctypes.util
import shutil

import numpy as np
import pytest
import torch

from cameo3d.data.voice.speech_sounds import SOUNDS
from cameo3d.data.voice.synthetic_speech import espeak_clips, flite_clips

pytest.importorskip("pocketsphinx", reason="pocketsphinx's dictionary gives the words")
if not (shutil.which("flite") and ctypes.util.find_library("espeak-ng")):
    pytest.skip("flite and espeak-ng are not installed", allow_module_level=True)


@pytest.mark.parametrize("clips", [flite_clips, espeak_clips])
def test_vowels_are_loud_where_a_synthesiser_says_it_speaks_them(clips):
    clip = next(clips(np.random.default_rng(0)))
    loudness = clip.samples[: len(clip.samples) // 160 * 160].view(-1, 160).square().mean(1)
    names = clip.sounds[: len(loudness)]
    vowels = torch.isin(names, torch.tensor([SOUNDS.index(name) for name in ("AA", "AE", "AO", "EH", "AH")]))
    stops = torch.isin(names, torch.tensor([SOUNDS.index(name) for name in ("SIL", "P", "B", "T", "F", "S")]))
    assert len(clip) > 50
    assert loudness[vowels].mean() > 4 * loudness[stops].mean()
