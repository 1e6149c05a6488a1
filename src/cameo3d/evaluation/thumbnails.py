"""A few small pictures of each case, evenly spread over it, however long it turns out to be."""

from itertools import chain

import cv2
import numpy as np
from jaxtyping import UInt8

from cameo3d.evaluation.measures import Picture
from cameo3d.evaluation.protocols import Sight

CELL = 160
"""Pixels across each small picture, which is square."""
COUNT = 6
"""At least half as many moments are kept, and at most so many, unless there are fewer."""


AnyPicture = UInt8[np.ndarray, "_ _ 3"]


class Shots:
    """Keeps moments while a case runs by; never more than `COUNT`.

    Args:
        photo: The source.
    """

    def __init__(self, photo: Picture) -> None:
        self._photo = _small(photo)
        self._kept: list[list[Picture]] = []
        self._stride, self._seen = 1, 0

    def add(self, sight: Sight) -> None:
        """Look at the next frame; it is kept if its turn has come."""
        if self._seen % self._stride == 0:
            if len(self._kept) == COUNT:
                del self._kept[1::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                beside = [] if sight.beside is None else [_small(sight.beside)]
                self._kept.append([*beside, _small(sight.moment.output)])
        self._seen += 1

    def strip(self) -> Picture:
        """One picture: the source, then each moment's truth or driver above the output.

        All stand in one row if there is a single moment, or nothing to stand above.
        """
        if len(self._kept) == 1 or len(self._kept[0]) == 1:
            return np.concatenate((self._photo, *chain(*self._kept)), axis=1)
        blank = np.full((CELL, CELL, 3), 255, np.uint8)
        columns = [np.concatenate((self._photo, blank)), *(np.concatenate(pair) for pair in self._kept)]
        return np.concatenate(columns, axis=1)


def middle_output(strip: AnyPicture) -> Picture:
    """One output out of a strip, the middle one."""
    columns = strip.shape[1] // CELL
    single = strip.shape[0] == CELL and columns == 3  # source, truth, output
    left = CELL * (2 if single else 1 + (columns - 1) // 2)
    return np.ascontiguousarray(strip[-CELL:, left : left + CELL])


def _small(picture: AnyPicture) -> Picture:
    """The picture within a square, black around it if it is none."""
    height, width = picture.shape[:2]
    scale = CELL / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    result = np.zeros((CELL, CELL, 3), np.uint8)
    top, left = (CELL - size[1]) // 2, (CELL - size[0]) // 2
    result[top : top + size[1], left : left + size[0]] = small
    return result
