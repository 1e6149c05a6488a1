"""Speak the demo's sentence with Debian's flite and write src/cameo3d/assets/demo_voice.flac.

    apt-get install flite
    python tools/demo_voice.py OUT

docs/cards/demo_voice.md says what is said, by whom, and under which licences.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np

PARTS = (
    "Hello.",
    "I am a computer voice, and this is one photograph, brought to life by a program.",
    "The person in the picture never said any of this.",
)
VOICE = "slt"
SAMPLE_RATE = 16000
PAUSE_SECONDS = (0.4, 0.45, 0.55, 0.6)
"""Silence before the first part, between the parts, and after the last one."""
PEAK = 0.7


def spoken(text: str, folder: Path) -> np.ndarray:
    path = folder / "part.wav"
    subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", str(path)], check=True)
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        frames += [part for part in resampler.resample(None) if part is not None]
    sound = np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64)
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return sound[max(0, loud[0] - 400) : loud[-1] + 1600]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        parts = [spoken(text, Path(folder)) for text in PARTS]
    pieces = [np.zeros(round(PAUSE_SECONDS[0] * SAMPLE_RATE))]
    for part, pause in zip(parts, PAUSE_SECONDS[1:], strict=True):
        pieces += [part, np.zeros(round(pause * SAMPLE_RATE))]
    sound = np.concatenate(pieces)
    sound = np.rint(sound * (PEAK * 32767 / np.abs(sound).max())).astype(np.int16)
    with av.open(str(out), "w") as container:
        stream = container.add_stream(
            "flac", rate=SAMPLE_RATE, layout="mono", options={"compression_level": "12"}
        )
        frame = av.AudioFrame.from_ndarray(sound[None], "s16", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    print(f"{out}: {len(sound) / SAMPLE_RATE:.2f} s, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
