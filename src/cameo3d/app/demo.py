"""`cameo3d demo`: the astronaut's portrait says, in a computer voice that the package ships, what it is."""

import time
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from cameo3d.app.progress import counted
from cameo3d.errors import OutputError
from cameo3d.media.files import check_output, shown
from cameo3d.pipeline.options import ModelName
from cameo3d.provenance.disclosure import FULL_DISCLOSURE, Disclosure


def run(folder: Path, model: ModelName, overwrite: bool, disclosure: Disclosure = FULL_DISCLOSURE) -> None:
    """Write demo.mp4 and its contact sheet demo.png; print seconds of each stage, both paths, and a verdict.

    The verdict is that of `cameo3d verify` about demo.mp4.

    Args:
        folder: Where to; it is made if need be.
        model: The avatar model.
        overwrite: Whether files of an earlier demo may be replaced.
        disclosure: How they say that they are generated.

    Raises:
        OutputError: If they cannot be written there.
    """
    clock = _Clock()
    from cameo3d.app.outputs import origin, report
    from cameo3d.imaging.contact_sheets import contact_sheet, pick
    from cameo3d.pipeline.animate import animate, create
    from cameo3d.pipeline.animation import write_animation
    from cameo3d.provenance.verifying import verify
    from cameo3d.provenance.writing import write_still

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

    with resources.as_file(photo) as path, resources.as_file(voice) as sound:
        avatar = create(path, model=model)
        clock.stop("photo to avatar")
        animation = animate(avatar, voice=sound, model=model)
        clock.stop("voice to motion")
        made_of = origin(animation, path, voice=sound)
        shots: list = []
        frames = _keeping(counted(animation, len(animation), "Rendering"), pick(len(animation), 24), shots)
        signed = write_animation(animation, frames, animation.size, video, overwrite, made_of, disclosure)
    clock.stop(f"render, mark, encode and sign {len(animation)} frames")
    pictures = [picture for _, picture in shots]
    drawn = contact_sheet(pictures, [f"{index / animation.frame_rate:.2f} s" for index, _ in shots])
    signed &= write_still(sheet, drawn, made_of, disclosure)
    clock.stop("contact sheet")
    verdict = verify(video)
    clock.stop("verify")
    for stage, seconds in clock.stages.items():
        print(f"{seconds:6.1f} s  {stage}")
    report([video.absolute(), sheet.absolute()], signed)
    print(verdict.line)


def _keeping(frames: Iterable, chosen: Iterable[int], kept: list) -> Iterator:
    """Pass frames on, and keep the chosen ones with their numbers."""
    wanted = set(chosen)
    for index, frame in enumerate(frames):
        if index in wanted:
            kept.append((index, frame))
        yield frame


class _Clock:
    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._start = time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage], self._start = now - self._start, now
