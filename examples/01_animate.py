"""Move the astronaut's portrait by the shipped motion file: python examples/01_animate.py [OUT.mp4]"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
motion = Path(str(files("cameo3d") / "assets" / "demo_motion.csv"))
out = Path(sys.argv[1] if len(sys.argv) > 1 else "astronaut.mp4")

cameo3d.animate(photo, motion=motion).save(out, overwrite=True)
print(out)
