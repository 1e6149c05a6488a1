"""The outline of a person as balls that fit into it find it: without its ears."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

_ROUND = 0.05
"""Radius of balls that fit everywhere into a head and a neck, but not into an ear, metres."""


def without_ears(
    solid: Bool[np.ndarray, "rows columns"], cell_meters: float
) -> UInt8[np.ndarray, "rows columns"]:
    """Where such a ball fits; the picture's border cuts nothing off.

    Args:
        solid: The person.
        cell_meters: Size of a cell at the head's depth.
    """
    reach = round(_ROUND / cell_meters)
    wide = np.pad(solid.astype(np.uint8), 2 * reach, "edge")
    middles = cv2.distanceTransform(wide, cv2.DIST_L2, 5) > reach
    fits = cv2.distanceTransform((~middles).astype(np.uint8), cv2.DIST_L2, 5) <= reach
    return np.ascontiguousarray(fits[2 * reach : -2 * reach, 2 * reach : -2 * reach]).astype(np.uint8)
