"""Retouch one photo: eyes into the camera, and a little smile: python examples/03_retouch.py [OUT.png]

All that does not move stays byte for byte as it is, at the photo's own size.
"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
out = Path(sys.argv[1] if len(sys.argv) > 1 else "retouched.png")

change = cameo3d.Retouch(gaze="camera", set={"mouthSmile": 0.2, "browInnerUp": 0.3})
cameo3d.edit(photo, change).save(out, overwrite=True)
print(out)
