"""Print how well the lite voice model's lips follow real speakers, per clip, and with other sound as control.

    python tools/voice_table.py TALKING CACHE [--weights voice.safetensors]

TALKING is a folder of talking videos with its index.csv; CACHE keeps what was tracked. Clips of class A that
the training holds out count as `held`; speakers of classes B and C, who are never learned from, as `unseen`.
Truth is what the project's own tracker sees, as lip opening and mouth width of the shipped face.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.data.voice.corpora import prepared_name, track_clip
from cameo3d.evaluation.metrics.lips import lip_correlation, lip_delay_frames
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.lite.lip_shape import lip_opening, lip_width
from cameo3d.models.voice.lite.motion_decoder import MOUTH_COLUMNS, MotionDecoder, load_motion_decoder
from cameo3d.models.voice.lite.stream import LiteLipStream
from cameo3d.models.voice.lite.voice import SpeakerStream
from cameo3d.training.voice.loop import held_out
from cameo3d.values.motion import joined
from cameo3d.values.storage import load_value, save_value

UNSEEN = ("hdtf_", "dfrf_", "mead_", "talkvid_")


@dataclass(frozen=True)
class Row:
    group: str
    name: str
    correlation: float
    delay: int
    best: float
    width: float
    shape_error: float
    control: float


def clips(folder: Path, cache: Path) -> list[tuple[str, VoiceClip]]:
    cache.mkdir(parents=True, exist_ok=True)
    found = []
    with (folder / "index.csv").open(newline="", encoding="utf8") as file:
        rows = [row for row in csv.DictReader(file) if row["audio"] == "yes"]
    for row in rows:
        learned = row["licence_class"] == "A" and row["av_sync"].startswith("ok")
        if learned or row["file"].startswith(UNSEEN):
            path = cache / f"{prepared_name(row['file'])}.clip"
            if not path.exists():
                save_value(track_clip(folder / row["file"], row["file"], row["speaker"]), path)
            found.append(("held" if learned else "unseen", load_value(VoiceClip, path)))
    testing = held_out([clip for group, clip in found if group == "held"])
    return [(group, clip) for group, clip in found if group == "unseen" or clip.name in testing]


def moved(mouth: MotionDecoder, clip: VoiceClip) -> Float[Tensor, "frames shapes"]:
    """The likeliest take, with lips that rest where nobody speaks, as `--voice` moves them."""
    likeliest = Delivery(temperature=0.0)
    stream = SpeakerStream(LiteLipStream(mouth, likeliest), likeliest)
    motion = joined([stream.push(clip.samples.numpy()), stream.finish()])
    missing = max(0, len(clip) - len(motion))  # where sound ends before the picture
    return nn.functional.pad(motion.expression[: len(clip), MOUTH_COLUMNS], (0, 0, 0, missing))


def row(group: str, clip: VoiceClip, weights: Tensor, other: Tensor) -> Row:
    output, truth = lip_opening(weights).double().numpy(), clip.openings.double().numpy()
    delay = lip_delay_frames(output, truth, 5)
    late, early = max(delay, 0), max(-delay, 0)
    best = lip_correlation(output[late : len(output) - early], truth[early : len(truth) - late])
    wide, true_wide = lip_width(weights).double().numpy(), lip_width(clip.weights).double().numpy()
    count = min(len(other), len(truth))
    return Row(
        group,
        clip.name,
        lip_correlation(output, truth),
        delay,
        best,
        lip_correlation(wide, true_wide),
        float((weights - clip.weights).abs().mean()),
        lip_correlation(lip_opening(other).double().numpy()[:count], truth[:count]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("talking", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--weights", type=Path)
    choice = parser.parse_args()
    if choice.weights is None:
        mouth = load_motion_decoder()
    else:
        mouth = MotionDecoder().eval()
        mouth.load_state_dict({name: part.float() for name, part in load_file(choice.weights).items()})
    tested = clips(choice.talking, choice.cache)
    print("group, clip, correlation, delay (frames), best, width, shape error, other sound")
    rows = []
    for wanted in ("held", "unseen"):
        group = [clip for name, clip in tested if name == wanted]
        outputs = [moved(mouth, clip) for clip in group]
        # The control: each speaker's truth beside the motion of the clip seven places further on.
        rows += [
            row(wanted, clip, outputs[index], outputs[(index + 7) % len(group)])
            for index, clip in enumerate(group)
        ]
    for one in rows:
        print(
            f"{one.group:6} {one.name:40} {one.correlation:6.2f} {one.delay:3d} {one.best:6.2f} "
            f"{one.width:6.2f} {one.shape_error:6.3f} {one.control:6.2f}"
        )
    for wanted in ("held", "unseen"):
        part = [one for one in rows if one.group == wanted]
        print(
            f"{wanted}: {len(part)} clips, "
            f"median correlation {np.median([one.correlation for one in part]):.3f}, "
            f"within one frame {np.mean([abs(one.delay) <= 1 for one in part]):.2f}, "
            f"median at the best delay {np.median([one.best for one in part]):.3f}, "
            f"width {np.median([one.width for one in part]):.3f}, "
            f"shape error {np.mean([one.shape_error for one in part]):.3f}, "
            f"other sound {np.median([one.control for one in part]):.3f}"
        )


if __name__ == "__main__":
    main()
