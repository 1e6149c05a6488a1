"""Make a motion yourself, a nod, and save it as a file: python examples/04_own_motion.py [FOLDER]

Angles are radians, places metres; positive pitch lets the nose go down (docs/conventions.md).
"""

import math
import sys
from importlib.resources import files
from pathlib import Path

import torch

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
frame_rate, frame_count = 25.0, 50

seconds = torch.arange(frame_count) / frame_rate
weights = torch.zeros(frame_count, len(cameo3d.BLENDSHAPES))
for name in ("mouthSmileLeft", "mouthSmileRight"):
    weights[:, cameo3d.BLENDSHAPES.index(name)] = 0.3 * torch.sin(math.pi * seconds / 2)
rotation = torch.zeros(frame_count, 3)  # yaw, pitch, roll
rotation[:, 1] = 0.12 * torch.sin(2 * math.pi * seconds) * torch.sin(math.pi * seconds / 2)
translation = torch.tensor([0.0, 0.0, 1.0]).expand(frame_count, 3)  # a metre in front of the camera
gaze = torch.zeros(frame_count, 2, 2)  # left, right eye; yaw, pitch

motion = cameo3d.Motion(weights, rotation, translation, gaze, frame_rate, "a nod")
motion.save(folder / "nod.csv")
cameo3d.animate(photo, motion=motion).save(folder / "nod.mp4", overwrite=True)
print(folder / "nod.mp4")
