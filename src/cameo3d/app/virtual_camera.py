"""A live head on a virtual camera."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cameo3d.app.cli.shared import say
from cameo3d.errors import InputError, OutputError
from cameo3d.live.head import LiveHead
from cameo3d.live.pace import Pace
from cameo3d.live.session import LiveSession, Moment
from cameo3d.live.webcam import WebcamFace
from cameo3d.models.avatar import Avatar
from cameo3d.models.kinds import label_of
from cameo3d.models.voice.contract import FRAME_RATE, Delivery
from cameo3d.pipeline.animate import model_for
from cameo3d.pipeline.backgrounds import read_background
from cameo3d.pipeline.options import DEFAULT_MODEL
from cameo3d.provenance.origin import origin_of


def show(source: Path, background: str, seed: int, camera: int | None) -> None:
    """Let a head live on a virtual camera until Ctrl-C.

    Args:
        source: Photo or avatar file.
        background: As of `cameo3d animate`.
        seed: Of the take.
        camera: Number of the webcam whose face moves it; None for none.

    Raises:
        InputError: If the photo, the webcam, or pyvirtualcam cannot be used.
        OutputError: If there is no virtual camera.
    """
    try:
        import pyvirtualcam  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise InputError(
            "A virtual camera needs pyvirtualcam, which is not installed; run pip install pyvirtualcam."
        ) from error
    torch.set_num_threads(1)
    behind = read_background(background)
    model, given = model_for(source, DEFAULT_MODEL)
    avatar = given if isinstance(given, Avatar) else model.encode(given)
    origin = origin_of(label_of(avatar), seed, avatar=Path(source))
    head = LiveHead(model, avatar, origin.identity, behind)
    session = LiveSession(head.avatar.person, delivery=Delivery(seed=seed))
    try:
        device = pyvirtualcam.Camera(head.width, head.height, FRAME_RATE)
    except RuntimeError as error:
        raise OutputError(
            f"There is no virtual camera ({error}); load v4l2loopback, or install OBS."
        ) from error
    with device, _followed(session, camera):
        say(f"Live on {device.device}; end with Ctrl-C.")
        Pace(session, head, _Camera(device)).run(threading.Event())


class _Camera:
    """Sink of pictures; nothing is said, so there is no sound."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def sound(self, index: int, samples: np.ndarray) -> None:
        """A camera has none."""

    def picture(self, moment: Moment, rgb: np.ndarray) -> None:
        """Show it."""
        self._device.send(rgb)


@contextmanager
def _followed(session: LiveSession, camera: int | None) -> Iterator[None]:
    """Let a webcam's face move the session meanwhile."""
    if camera is None:
        yield
        return
    import cv2

    pictures = cv2.VideoCapture(camera)
    if not pictures.isOpened():
        raise InputError(f"The webcam {camera} cannot be opened; give another number with --camera.")
    over = threading.Event()

    def look() -> None:
        face = WebcamFace()
        while not over.is_set():
            there, picture = pictures.read()
            seen = face.see(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)) if there else None
            if seen is not None:
                session.follow(*seen)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        pictures.release()
