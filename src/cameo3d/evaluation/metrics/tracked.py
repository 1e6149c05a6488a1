"""Distances between what our own tracker sees in two faces.

Report them as `aed[arkit]`, `apd[arkit]`, `akd[mediapipe]` and `lmd[mediapipe]`: the papers' networks give
other figures.
"""

import numpy as np
from jaxtyping import Float

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER

_LIPS = sorted({*INNER_LIP_LOWER, *INNER_LIP_UPPER, *OUTER_LIP_LOWER, *OUTER_LIP_UPPER})


def aed(one: Float[np.ndarray, "frames 52"], other: Float[np.ndarray, "frames 52"]) -> float:
    """Mean absolute difference of the 52 ARKit weights, over weights and frames."""
    return float(np.abs(one - other).mean())


def apd(one: Float[np.ndarray, "frames 3"], other: Float[np.ndarray, "frames 3"]) -> float:
    """Mean absolute difference of yaw, pitch and roll in radians, the shorter way round."""
    return float(np.abs((one - other + np.pi) % (2 * np.pi) - np.pi).mean())


def akd(one: Float[np.ndarray, "frames 478 3"], other: Float[np.ndarray, "frames 478 3"]) -> float:
    """Mean distance in the image of the mesh's 468 vertices, in pixels of frames of one size."""
    return float(np.linalg.norm((one - other)[:, :468, :2], axis=-1).mean())


def lmd(one: Float[np.ndarray, "frames 478 3"], other: Float[np.ndarray, "frames 478 3"]) -> float:
    """The same for the lips' vertices, after both mouths' centres were put on each other in every frame."""
    difference = (one - other)[:, _LIPS, :2]
    return float(np.linalg.norm(difference - difference.mean(1, keepdims=True), axis=-1).mean())
