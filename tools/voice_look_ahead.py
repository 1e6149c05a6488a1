"""Print what less look-ahead costs the lite voice model's lips; see voice_table.py for the arguments.

python tools/voice_look_ahead.py TALKING CACHE
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from voice_table import clips

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.evaluation.metrics.lips import lip_correlation
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.lite.lip_shape import lip_opening, lip_width
from cameo3d.models.voice.lite.motion_decoder import LOOKAHEAD_FRAMES, MOUTH_COLUMNS, load_motion_decoder
from cameo3d.models.voice.lite.stream import LiteLipStream

MOST_FRAMES = 110


def moved(clip: VoiceClip, look_ahead: int) -> Float[Tensor, "frames shapes"]:
    stream = LiteLipStream(load_motion_decoder(), Delivery(temperature=0.0), look_ahead)
    sound = np.zeros(640 * MOST_FRAMES, np.float32)
    part = clip.samples[: len(sound)].numpy()
    sound[: len(part)] = part
    frames = [stream.push(piece) for piece in np.split(sound, MOST_FRAMES)]
    return torch.cat((*frames, stream.finish()))[: len(clip), MOUTH_COLUMNS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("talking", type=Path)
    parser.add_argument("cache", type=Path)
    choice = parser.parse_args()
    torch.set_num_threads(1)
    tested = clips(choice.talking, choice.cache)
    for wanted in ("held", "unseen"):
        group = [clip for name, clip in tested if name == wanted]
        for look_ahead in (LOOKAHEAD_FRAMES, 5, 4, 3, 2, 1, 0):
            openings, widths, unsteady = [], [], []
            for clip in group:
                weights = moved(clip, look_ahead)
                opening, width = lip_opening(weights).double().numpy(), lip_width(weights).double().numpy()
                true_width = lip_width(clip.weights[: len(weights)]).double().numpy()
                openings.append(lip_correlation(opening, clip.openings[: len(weights)].double().numpy()))
                widths.append(lip_correlation(width, true_width))
                unsteady.append(np.abs(np.diff(opening, 2)).mean() / np.abs(np.diff(opening)).mean())
            print(
                f"{wanted}: {len(group)} clips, {40 * look_ahead} ms, opening {np.mean(openings):.3f}, "
                f"width {np.median(widths):.3f}, second over first differences {np.mean(unsteady):.3f}"
            )


if __name__ == "__main__":
    main()
