"""Let a photo speak, twice; the takes differ in all but the words: python examples/02_voice.py [FOLDER]"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d
from cameo3d.media.video import VideoWriter
from cameo3d.models.voice.contract import Delivery

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
speech = Path(str(files("cameo3d") / "assets" / "demo_voice.flac"))
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

avatar = cameo3d.create(photo)
for seed in (1, 2):
    take = cameo3d.animate(avatar, voice=speech, delivery=Delivery(seed=seed))
    out = folder / f"take_{seed}.mp4"
    with VideoWriter(out, take.size, take.frame_rate, take.audio, overwrite=True) as writer:
        for frame in take:
            writer.write(frame)
    print(out)
