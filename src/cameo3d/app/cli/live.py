"""`cameo3d live`: a head on a virtual camera."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import Background, check_files, usage


def live(
    source: Annotated[Positional[Path], arg(metavar="PHOTO|AVATAR")],
    virtual_camera: bool = False,
    camera: int | None = None,
    background: Background = "keep",
    seed: int = 0,
) -> None:
    """Let a head live on a virtual camera, which calls and streams can use; for a page, see `cameo3d studio`.

    Args:
        source: Photo of one person, or avatar file from `cameo3d create`.
        virtual_camera: Show it as a camera of this machine (v4l2loopback, OBS); needs pyvirtualcam.
        camera: Number of a webcam whose face moves the head, such as 0; by default the head lives by itself.
        background: What stands behind the person; transparent is black.
        seed: Another number lives otherwise.
    """
    if not virtual_camera:
        raise usage("Give --virtual-camera, or run `cameo3d studio` for a page.")
    check_files(None, False, photo=source)
    from cameo3d.app.virtual_camera import show

    show(source, background, seed, camera)
