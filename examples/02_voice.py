"""Let a photo speak, twice; the takes differ in all but the words: python examples/02_voice.py [FOLDER]"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
speech = Path(str(files("cameo3d") / "assets" / "demo_voice.flac"))
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

model = cameo3d.load_model("relief")
avatar = model.encode(photo)
for seed in (1, 2):
    out = folder / f"take_{seed}.mp4"
    model.animate(avatar, voice=speech, delivery=cameo3d.Delivery(seed=seed)).save(out, overwrite=True)
    print(out)
