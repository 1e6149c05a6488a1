"""`cameo3d demo`: the astronaut's portrait says, in a computer voice that the package ships, what it is."""

import time
from importlib import resources
from pathlib import Path

from cameo3d.app.progress import counted
from cameo3d.errors import OutputError
from cameo3d.media.files import check_output, shown


def run(folder: Path, overwrite: bool) -> None:
    """Write demo.mp4 and its contact sheet demo.png, and print both paths and the seconds of each stage.

    Args:
        folder: Where to; it is made if need be.
        overwrite: Whether files of an earlier demo may be replaced.

    Raises:
        OutputError: If they cannot be written there.
    """
    clock = _Clock()
    from cameo3d.imaging.contact_sheets import contact_sheet, pick
    from cameo3d.media.images import write_image
    from cameo3d.media.video import VideoWriter
    from cameo3d.pipeline.animate import animate, create

    clock.stop("import")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(folder)} cannot be made; choose another with --out.") from error
    video, sheet = folder / "demo.mp4", folder / "demo.png"
    for path in (video, sheet):
        check_output(path, overwrite)
    photo = resources.files("skimage").joinpath("data", "astronaut.png")
    voice = resources.files("cameo3d").joinpath("assets", "demo_voice.flac")

    with resources.as_file(photo) as path:
        avatar = create(path)
    clock.stop("photo to avatar")
    with resources.as_file(voice) as sound:
        animation = animate(avatar, voice=sound)
        clock.stop("voice to motion")
        chosen, shots = set(pick(len(animation), 24)), []
        with VideoWriter(
            video, animation.size, animation.frame_rate, animation.audio, overwrite=overwrite
        ) as writer:
            for index, frame in enumerate(counted(animation, len(animation), "Rendering")):
                writer.write(frame)
                if index in chosen:
                    shots.append((f"{index / animation.frame_rate:.2f} s", frame))
    clock.stop(f"render and encode {len(animation)} frames")
    labels, pictures = zip(*shots, strict=True)
    write_image(sheet, contact_sheet(pictures, labels))
    clock.stop("contact sheet")
    for stage, seconds in clock.stages.items():
        print(f"{seconds:6.1f} s  {stage}")
    print(video.absolute())
    print(sheet.absolute())


class _Clock:
    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._start = time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage], self._start = now - self._start, now
