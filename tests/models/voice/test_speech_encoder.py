import torch

from cameo3d.models.voice.lite.sound import BANDS
from cameo3d.models.voice.lite.speech_encoder import (
    FEATURES_AFTER,
    FEATURES_BEFORE,
    FEATURES_PER_STEP,
    HEARD,
    SOUNDS,
    SpeechEncoder,
)


def features(steps: int) -> torch.Tensor:
    count = FEATURES_BEFORE + FEATURES_PER_STEP * (steps - 1) + 1 + FEATURES_AFTER
    return torch.randn(1, count, BANDS, generator=torch.Generator().manual_seed(0))


def test_one_step_is_heard_from_just_its_context():
    assert SpeechEncoder()(features(1)).shape == (1, 1, HEARD)


def test_a_later_start_hears_the_same():
    torch.manual_seed(0)
    ear, sound = SpeechEncoder().eval(), features(9)
    torch.testing.assert_close(ear(sound)[:, 3:], ear(sound[:, FEATURES_PER_STEP * 3 :]))


def test_the_first_and_the_last_feature_of_a_context_are_heard():
    torch.manual_seed(0)
    ear, sound = SpeechEncoder().eval(), features(1).requires_grad_()
    [gradient] = torch.autograd.grad(ear(sound).square().sum(), sound)
    assert gradient[0, 0].abs().max() > 0
    assert gradient[0, -1].abs().max() > 0


def test_the_names_of_sounds_are_probabilities():
    ear = SpeechEncoder()
    names = ear.names(ear(features(3)))
    assert names.shape == (1, 3, len(SOUNDS))
    torch.testing.assert_close(names.exp().sum(-1), torch.ones(1, 3))
