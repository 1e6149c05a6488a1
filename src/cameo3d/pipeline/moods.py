"""Moods of a speaker: what brows, cheeks, eyes and corners of the mouth do, measured on labelled pictures.

`tools/mood_table.py` made the table, but for a sad mouth; docs/cards/mood.md says of what, and what it does
not tell.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.models.voice.contract import Mood
from cameo3d.values import BLENDSHAPES

_TABLE: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"mouthSmile": 0.85, "eyeSquint": 0.34},
    "sad": {"mouthFrown": 0.55, "browInnerUp": 0.65, "browDown": 0.32, "eyeSquint": 0.35},
    "angry": {"browDown": 0.77, "eyeSquint": 0.24},
    "surprised": {"browInnerUp": 0.92, "browOuterUp": 0.83, "eyeWide": 0.41},
}


def mood_weights(mood: Mood) -> Float[Tensor, "52"]:
    """ARKit's weights of a mood; those of a face at rest are 0.

    Raises:
        KeyError: For "photo", which is no mood of its own.
    """
    weights = torch.zeros(len(BLENDSHAPES))
    for name, number in _TABLE[mood].items():
        for index, shape in enumerate(BLENDSHAPES):
            if shape in (name, f"{name}Left", f"{name}Right"):
                weights[index] = number
    return weights
