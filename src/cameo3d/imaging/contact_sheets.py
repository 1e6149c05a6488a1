"""Pictures made of pictures: contact sheets, and several videos side by side."""

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

_LABEL_HEIGHT = 22
_GAP = 4


def pick(frame_count: int, count: int) -> list[int]:
    """Indices of `count` frames (or all), evenly spread, the first and the last included."""
    if frame_count <= count:
        return list(range(frame_count))
    return np.linspace(0, frame_count - 1, count).round().astype(int).tolist()


def contact_sheet(
    pictures: Sequence[UInt8[np.ndarray, "height width 3"]],
    labels: Sequence[str],
    columns: int = 6,
    cell_width: int = 256,
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Lay pictures of one size out in rows, each with a line of text below it.

    Args:
        pictures: At least one picture, RGB.
        labels: One plain ASCII text per picture.
        columns: Pictures in a row.
        cell_width: Width of each picture on the sheet, in pixels.
    """
    height, width = pictures[0].shape[:2]
    cell_height = round(height * cell_width / width)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    step_x, step_y = cell_width + _GAP, cell_height + _LABEL_HEIGHT + _GAP
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), 255, np.uint8)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left, top = _GAP + index % columns * step_x, _GAP + index // columns * step_y
        sheet[top : top + cell_height, left : left + cell_width] = _resized(picture, cell_width, cell_height)
        origin = (left + 2, top + cell_height + 15)
        cv2.putText(sheet, label, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet


def side_by_side(
    *streams: Iterable[UInt8[np.ndarray, "_ _ 3"]], height: int
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yield the frames of several streams next to each other at one height, until one ends."""
    for frames in zip(*streams, strict=False):
        yield np.concatenate([_resized(frame, width_at(frame, height), height) for frame in frames], axis=1)


def width_at(picture: UInt8[np.ndarray, "_ _ 3"], height: int) -> int:
    """Width in pixels that a picture has when it is scaled to a height."""
    return max(1, round(picture.shape[1] * height / picture.shape[0]))


def _resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
