from dataclasses import replace

import torch
from made_clips import made_clip

from cameo3d.models.voice.lite.motion_decoder import MOUTH_SHAPES
from cameo3d.training.voice.loop import _speaker_normalised

SMILE, JAW = MOUTH_SHAPES.index("mouthSmileLeft"), MOUTH_SHAPES.index("jawOpen")


def clip(name: str, speaker: str, smile: float, jaw: float):
    made = made_clip(name, speaker, True)
    weights = torch.zeros_like(made.weights)
    weights[:, SMILE], weights[:, JAW] = smile, jaw
    weights[0, SMILE] += 0.1  # once the mouth smiles more than it always does
    return replace(made, weights=weights)


def test_four_fifths_of_how_a_speaker_differs_from_the_usual_are_taken_away_but_from_the_jaw():
    clips = [clip("a", "dour", 0.1, 0.2), clip("b", "usual", 0.3, 0.3), clip("c", "merry", 0.6, 0.4)]
    targets = _speaker_normalised(clips)
    for name, smile, jaw in (("a", 0.1 + 0.8 * 0.2, 0.2), ("b", 0.3, 0.3), ("c", 0.6 - 0.8 * 0.3, 0.4)):
        torch.testing.assert_close(targets[name][1:, SMILE], torch.full((29,), smile))
        torch.testing.assert_close(targets[name][0, SMILE], torch.tensor(smile + 0.1))
        torch.testing.assert_close(targets[name][:, JAW], torch.full((30,), jaw))


def test_a_speaker_is_judged_by_all_of_her_clips():
    clips = [clip("a", "one", 0.0, 0.0), clip("b", "one", 0.4, 0.0), clip("c", "one", 0.4, 0.0)]
    targets = _speaker_normalised([*clips, clip("d", "other", 0.4, 0.0)])
    # Her median is that of the other speaker, so nothing is taken away from any clip of hers.
    torch.testing.assert_close(targets["a"][1:, SMILE], torch.zeros(29))
