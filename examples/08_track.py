"""Follow a face through a video, and give its motion to another photo: python examples/08_track.py [FOLDER]

The video is made first, so that the example needs no file of yours; put your own in its place.
"""

import sys
from importlib.resources import files
from pathlib import Path

import cameo3d

photo = Path(str(files("skimage") / "data" / "astronaut.png"))
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
video = folder / "driver.mp4"
cameo3d.orbit(photo, seconds=1.0).save(video, overwrite=True)

tracked = cameo3d.track(video)
tracked.motion.save(folder / "motion.csv")
print(
    f"{len(tracked.motion)} frames, yaw up to {float(tracked.motion.rotation[:, 0].abs().max()):.2f} radians"
)
cameo3d.animate(photo, motion=folder / "motion.csv").save(folder / "again.mp4", overwrite=True)
print(folder / "again.mp4")
