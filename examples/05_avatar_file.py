"""Do the photo's part once, and use the file twice: python examples/05_avatar_file.py [FOLDER]"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
motion = Path(str(files("cameo3d") / "assets" / "demo_motion.csv"))
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

model = cameo3d.load_model("relief")
model.encode(photo).save(folder / "astronaut.avatar")

avatar = cameo3d.Avatar.load(folder / "astronaut.avatar")  # later, or on another machine
model.animate(avatar, motion=motion, background="#204060").save(folder / "blue.mp4", overwrite=True)
model.orbit(avatar, seconds=3.0).save(folder / "turn.mp4", overwrite=True)
print(folder / "blue.mp4", folder / "turn.mp4")
