"""What a job does: it runs a command of the command line, in the job's folder, on files of the job's own."""

import contextlib
import io
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cameo3d.app.progress import told_to
from cameo3d.app.server.options import arguments
from cameo3d.app.server.worker import Tell
from cameo3d.errors import CameoError, InputError

PRELOADED = ("cameo3d.app.server.preloaded",)
"""What workers have loaded from the start."""
_PREPARED = 0.15
"""Share of a job's progress that is done when rendering begins."""
_USUAL_FRAMES, _MOST_RATE = 250, 60


def perform(task: dict[str, Any], tell: Tell) -> list[str]:
    """Carry out a job.

    Args:
        task: `kind` of job; `folder` to work in; names of files in it as `photos`, `avatar`, `voice`,
            `video`, `motion`, `pose` and `background`; `text`; `options`; `out`; and `limits` of files.
        tell: Called as it goes on.

    Returns:
        What the command line would have said on the way.

    Raises:
        CameoError: Whatever the command line would have ended with.
    """
    os.chdir(task["folder"])  # messages name files by what the request calls them, and no folder of ours
    notices = _Notices()
    logger = logging.getLogger("cameo3d")
    logger.addHandler(notices)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            told_to(_Progress(tell, task["limits"]["seconds"])),
            _sentences(),
        ):
            _check_sizes(task)
            _COMMANDS[task["kind"]](task)
    finally:
        logger.removeHandler(notices)
    return notices.texts


def _animate(task: dict[str, Any]) -> None:
    from cameo3d.app.cli.animate import animate

    options = arguments(animate, task["options"])
    for name in ("voice", "video", "motion", "pose", "background"):
        if name in task:
            options[name] = Path(task[name]) if name in ("voice", "video", "motion") else task[name]
    if "text" in task:
        options["text"] = task["text"]
    source = Path(task.get("avatar") or task["photos"][0])
    if len(task.get("photos", ())) > 1:
        source = Path("person.avatar")
        _make_avatar(task, source)
    animate(source, out=Path(task["out"]), overwrite=True, **options)


def _create(task: dict[str, Any]) -> None:
    if "avatar" in task:
        from cameo3d.models.avatar import Avatar

        Avatar.load(task["avatar"])  # says what is wrong with it
        Path(task["avatar"]).replace(task["out"])
    else:
        _make_avatar(task, Path(task["out"]))


def _make_avatar(task: dict[str, Any], out: Path) -> None:
    from cameo3d.app.cli.create import create as command
    from cameo3d.pipeline.animate import create
    from cameo3d.pipeline.options import DEFAULT_MODEL

    options = arguments(command, task["options"])
    photos = [Path(name) for name in task["photos"]]
    create(photos, options.get("face", 0), options.get("model", DEFAULT_MODEL)).save(out)


def _track(task: dict[str, Any]) -> None:
    from cameo3d.app.cli.track import track

    track(Path(task["video"]), out=Path(task["out"]), overwrite=True, **task["options"])


_COMMANDS: dict[str, Callable[[dict[str, Any]], None]] = {
    "animation": _animate,
    "avatar": _create,
    "track": _track,
}


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Turn the ways in which a command ends into the errors of the library."""
    from cameo3d.app.cli.shared import Misuse

    try:
        yield
    except Misuse as error:
        raise InputError(error.sentence) from error
    except SystemExit as error:
        if error.code != 3:  # written, but unsigned against the user's will; a notice says so
            raise CameoError("The job ended before it was done; send it again.") from error


def _check_sizes(task: dict[str, Any]) -> None:
    """Refuse what has more pixels or lasts longer than the service takes; the command tells the rest."""
    import av
    from PIL import Image

    from cameo3d.media.containers import open_container
    from cameo3d.media.video import probe_video

    pixels, seconds = task["limits"]["megapixels"] * 1e6, task["limits"]["seconds"]
    pictures = [*task.get("photos", ()), *([task["background"]] if "background" in task else [])]
    for name in pictures:
        width = height = 0
        with contextlib.suppress(OSError, Image.DecompressionBombError), Image.open(name) as image:
            width, height = image.size
        if width * height > pixels:
            raise _TooMuch(name, f"{width}x{height} pixels", f"{pixels / 1e6:g} megapixels")
    films = [task[name] for name in ("video", "voice", "pose") if name in task]
    for name in films:
        length = 0.0
        # What is no media file, such as a pose in a motion file, is the command's concern.
        with contextlib.suppress(InputError), open_container(Path(name), "file") as container:
            length = (container.duration or 0) / av.time_base
        if length > seconds:
            raise _TooMuch(name, f"{length:.0f} s", f"{seconds:g} s")
        if name == task.get("video"):
            info = probe_video(Path(name))
            if info.width * info.height > pixels:
                size = f"frames of {info.width}x{info.height} pixels"
                raise _TooMuch(name, size, f"{pixels / 1e6:g} megapixels")


class _TooMuch(InputError):
    def __init__(self, name: str, value: str, limit: str) -> None:
        super().__init__(f"The file {name} has {value}; the service takes at most {limit}.")


class _Progress:
    """Progress of a job from 0 to 1, from what its stages say; stops what turns out to last too long."""

    def __init__(self, tell: Tell, most_seconds: float) -> None:
        self._tell, self._most_frames = tell, most_seconds * _MOST_RATE

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if max(done, total or 0) > self._most_frames:
            raise InputError(
                f"The motion has {max(done, total or 0)} frames; the service takes at most "
                f"{self._most_frames:g}, so send something shorter."
            )
        share = done / total if total else done / (done + _USUAL_FRAMES)
        is_last = stage == "Rendering"
        self._tell(_PREPARED + (1 - _PREPARED) * share if is_last else _PREPARED * share)


class _Notices(logging.Handler):
    """Keeps what the library says on the way, each sentence once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.texts:
            self.texts.append(text)
