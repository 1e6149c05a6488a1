"""Take one motion in three ways: lips only, stronger, looking: python examples/06_adjust.py [FOLDER]"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
motion = Path(str(files("cameo3d") / "assets" / "demo_motion.csv"))
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
ways = {
    "lips": cameo3d.Adjustments(only=("lips",)),
    "strong": cameo3d.Adjustments(strength={"expression": 2.0, "pose": 0.5}),
    "looking": cameo3d.Adjustments(gaze="camera", head=(8.0, 0.0, 0.0), loop=True),
}

model = cameo3d.load_model("relief")
avatar = model.encode(photo)
for name, way in ways.items():
    out = folder / f"{name}.mp4"
    model.animate(avatar, motion=motion, adjust=way).save(out, overwrite=True)
    print(out)
