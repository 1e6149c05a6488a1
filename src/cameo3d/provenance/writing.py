"""Outputs on their way into a file: badge, invisible mark, plain tag, and the signature at the end."""

import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cameo3d.errors import CredentialsError
from cameo3d.media.images import write_image
from cameo3d.media.tags import AI_TAG
from cameo3d.media.writing import FrameFolderWriter, VideoWriter
from cameo3d.provenance.credentials import sign_files
from cameo3d.provenance.disclosure import Disclosure
from cameo3d.provenance.embedding import Mark
from cameo3d.provenance.label import labelled
from cameo3d.provenance.origin import Origin

logger = logging.getLogger(__name__)


def plain_tag(disclosure: Disclosure) -> str:
    """The text of the plain tag, which also says which of the other layers were left out."""
    left_out = [
        name
        for name, there in (("invisible mark", disclosure.mark), ("credentials", disclosure.credentials))
        if not there
    ]
    return AI_TAG + (f" (without {' and '.join(left_out)})" if left_out else "")


def write_frames(
    writer: VideoWriter | FrameFolderWriter,
    frames: Iterable[UInt8[np.ndarray, "height width channels"]],
    origin: Origin,
    disclosure: Disclosure,
) -> bool:
    """Write frames through a writer that was made with `plain_tag`, disclosed.

    Args:
        writer: The writer, not yet entered.
        frames: The frames as they were rendered, in this thread, where Ctrl-C arrives; each is marked and
            encoded in another while the next is rendered.
        origin: From what they were made.
        disclosure: Which layers.

    Returns:
        Whether it was signed, if it was to be. What cannot be signed is written all the same, with a warning
        in the log.
    """
    mark = Mark(origin.identity) if disclosure.mark else None

    def write(frame: np.ndarray) -> None:
        shown_frame = labelled(frame) if disclosure.label else frame
        writer.write(shown_frame if mark is None else mark.apply(shown_frame))

    with writer, ThreadPoolExecutor(1, "writing") as pool:
        written: Future[None] | None = None
        for frame in frames:
            if written is not None:
                written.result()
            written = pool.submit(write, frame)
        if written is not None:
            written.result()
    folder = isinstance(writer, FrameFolderWriter)
    return _signed(sorted(writer.path.iterdir()) if folder else [writer.path], origin, disclosure)


def write_still(
    path: Path,
    pixels: UInt8[np.ndarray, "height width channels"],
    origin: Origin,
    disclosure: Disclosure,
) -> bool:
    """Write a picture, disclosed; see `write_frames`."""
    shown_pixels = labelled(pixels) if disclosure.label else pixels
    if disclosure.mark:
        shown_pixels = Mark(origin.identity).apply(shown_pixels)
    write_image(path, shown_pixels, plain_tag(disclosure))
    return _signed([path], origin, disclosure)


def _signed(paths: list[Path], origin: Origin, disclosure: Disclosure) -> bool:
    if not disclosure.credentials:
        return True
    try:
        sign_files(paths, origin, disclosure.mark)
    except CredentialsError as error:
        logger.warning("%s The output was written without credentials.", error)
        return False
    return True
