import torch

from cameo3d.models.voice.lite.ear import (
    EAR_CONTEXT,
    SOUND_MARGINS,
    SYLLABLE_MARGIN,
    WORD_CHANNELS,
    Ear,
    settled,
)
from cameo3d.models.voice.lite.sound import BANDS


def features(frames: int) -> torch.Tensor:
    count = 4 * (frames - 1) + 1 + 2 * EAR_CONTEXT
    return torch.randn(1, count, BANDS, generator=torch.Generator().manual_seed(0))


def test_one_frame_is_heard_from_just_its_context():
    heard = Ear()(features(1))
    assert heard.words.shape == (1, 1, WORD_CHANNELS)
    assert heard.syllables.shape[1] == 1 + 2 * SYLLABLE_MARGIN
    assert heard.sounds.shape[1] == 1 + sum(SOUND_MARGINS)


def test_a_later_start_hears_the_same():
    torch.manual_seed(0)
    ear, sound = Ear().eval(), features(9)
    whole, part = ear(sound), ear(sound[:, 4 * 3 :])
    torch.testing.assert_close(whole.words[:, 3:], part.words)
    torch.testing.assert_close(whole.syllables[:, 3:], part.syllables)
    torch.testing.assert_close(whole.sounds[:, 6:], part.sounds)


def test_the_settled_ear_hears_as_the_learned_one():
    torch.manual_seed(0)
    ear = Ear(learning=True)
    for _ in range(3):
        ear(features(20))  # gathers means and spreads
    with torch.inference_mode():
        torch.testing.assert_close(
            settled(ear)(features(5)).words, ear.eval()(features(5)).words, atol=1e-4, rtol=1e-4
        )
