"""Print whether the lite voice's lips close on p, b and m, and when, beside the real speakers' lips.

    pip install pocketsphinx
    python tools/voice_closure.py TALKING CACHE WORDS

TALKING and CACHE are those of `voice_table.py`. WORDS is a JSON file of what is said in English clips,
{"file": "words"}; for GRID, whose file names spell their sentences, it is not needed. pocketsphinx lays the
words over the sound, so that the times of p, b and m are those of the sound, whatever the lips do. Measures:

* rank: share of the frames between the first and the last word in which the lips are less open than in the
  middles of p, b and m; 0 if they are never more closed.
* closed: whether the mean opening there lies below the 25th percentile of the clip; and of its words only.
* offset: frames by which the lips are most closed after (before, if negative) the middles of p, b and m.
"""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from voice_table import clips, moved

from cameo3d.data.voice.speech_sounds import grid_words, lay_words
from cameo3d.models.voice.lite.lip_shape import lip_opening
from cameo3d.models.voice.lite.motion_decoder import FRAME_RATE, load_motion_decoder

CLOSED = ("P", "B", "M")
FARTHEST = 6
"""Frames before and after a sound among which its closure is looked for."""
FEWEST = 3
"""Sounds from which on a clip's offset is told."""


@dataclass(frozen=True)
class Closing:
    """One clip's lips at its p, b and m."""

    ranks: Float[np.ndarray, "sounds lags"]
    closed: bool
    closed_in_words: bool

    @property
    def rank(self) -> float:
        return float(self.ranks[:, FARTHEST].mean())

    @property
    def offset(self) -> float:
        return float(self.ranks.mean(0).argmin() - FARTHEST) if len(self.ranks) >= FEWEST else np.nan


def closing(opening: Float[np.ndarray, " frames"], sounds: list[tuple[str, float, float]]) -> Closing:
    times = np.array([(first + end) / 2 for name, first, end in sounds if name in CLOSED]) * FRAME_RATE
    first, end = round(sounds[0][1] * FRAME_RATE), round(sounds[-1][2] * FRAME_RATE) + 1
    words = opening[first:end]
    frames = np.arange(len(opening))
    lags = np.arange(-FARTHEST, FARTHEST + 1)
    near = np.interp(times[:, None] + lags, frames, opening)
    mean = near[:, FARTHEST].mean()
    return Closing(
        (words < near[:, :, None]).mean(-1),
        bool(mean < np.quantile(opening, 0.25)),
        bool(mean < np.quantile(words, 0.25)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("talking", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("words", type=Path)
    choice = parser.parse_args()
    said = json.loads(choice.words.read_text(encoding="utf8"))
    mouth = load_motion_decoder()
    found: dict[str, list[tuple[Closing, Closing]]] = {"held": [], "unseen": []}
    print("group, clip, p b m; real lips: rank, closed, in words, offset; the voice's: the same")
    for group, clip in clips(choice.talking, choice.cache):
        words = grid_words(clip.name) or re.findall(r"[a-z']+", said.get(clip.name, "").lower())
        sounds = lay_words(clip.samples.numpy(), words)
        if not any(name in CLOSED for name, _, _ in sounds):
            continue
        real, ours = (
            closing(opening.double().numpy(), sounds)
            for opening in (clip.openings, lip_opening(moved(mouth, clip)))
        )
        found[group].append((real, ours))
        print(f"{group:6} {clip.name:40} {len(real.ranks):3d} {_line(real)}  {_line(ours)}")
    for group, pairs in found.items():
        for name, lips in zip(("real", "voice"), zip(*pairs, strict=True), strict=False):
            offsets = np.array([one.offset for one in lips])
            offsets = offsets[~np.isnan(offsets)]
            pooled = np.concatenate([one.ranks for one in lips]).mean(0)
            print(
                f"{group} {name}: {len(lips)} clips, {sum(len(one.ranks) for one in lips)} sounds, "
                f"rank {np.mean([one.rank for one in lips]):.2f}, "
                f"closed {np.mean([one.closed for one in lips]):.2f}, "
                f"in words {np.mean([one.closed_in_words for one in lips]):.2f}, "
                f"all sounds together most closed at frame {pooled.argmin() - FARTHEST}, "
                f"offset within one frame in {(np.abs(offsets) <= 1).sum()} of {len(offsets)}"
            )


def _line(one: Closing) -> str:
    return f"{one.rank:5.2f} {one.closed:d} {one.closed_in_words:d} {one.offset:4.0f}"


if __name__ == "__main__":
    main()
