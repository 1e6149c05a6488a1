"""What lies behind the teeth: the tongue, and the cheeks, floor and throat around it."""

import cv2
import numpy as np
from jaxtyping import Float

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.lighting import Light

_WIDE, _TOP, _LONG = 0.0240, 0.0105, 0.024
"""Half the tongue's width, how high its back rises over the lower lip, and how far its front goes down from
there, metres."""
_GROOVE, _BUMPS = 0.0016, (0.0007, 0.0022)
"""Width of the furrow along its middle, and sizes of the bumps on it, metres."""
_WET = 0.30
_THROAT, _CHEEKS = 0.10, 0.5
"""Brightness of the throat, and of the cheeks in front of it, in the flesh's."""


def paint_tongue(
    aside: Float[np.ndarray, "height width"],
    down: Float[np.ndarray, "height width"],
    flesh: Float[np.ndarray, "3"],
    light: Light,
) -> Float[np.ndarray, "height width 4"]:
    """Colours and alpha of the tongue as it lies behind the lower teeth.

    Args:
        aside: Metres to the side of the mouth's middle.
        down: Metres below the lower lip's edge.
        flesh: Its colour.
        light: The photo's.
    """
    across = (aside / _WIDE).clip(-1, 1)
    # The back's outline is an arch with flat sides; from there the surface comes forward and goes down.
    outline = -_TOP * (1 - np.abs(across) ** 2.6) + 0.006 * np.abs(across) ** 2.6
    front = ((down - outline) / _LONG).clip(-0.2, 1)
    forward = 0.020 * np.sqrt((1 - (1 - front.clip(0)) ** 2).clip(0))
    furrow = np.exp(-((aside / _GROOVE) ** 2)) * smoothstep(front / 0.2) * (1 - 0.6 * smoothstep(front / 0.7))
    step = abs(float(aside[0, 1] - aside[0, 0])) or 1e-4
    noise = np.random.default_rng(7).normal(size=aside.shape).astype(np.float32)
    bumps = np.zeros_like(aside)
    for size in _BUMPS:
        part = cv2.GaussianBlur(noise, (0, 0), max(0.5, size / step / 2))
        bumps += part / part.std().clip(1e-9) * size * 0.045
    depth = 0.007 * across**2 - forward + 0.0009 * furrow - bumps
    gradient_down, gradient_across = np.gradient(cv2.GaussianBlur(depth, (0, 0), 0.7), step)
    normals = np.dstack((gradient_across, gradient_down, np.full_like(aside, -1.0)))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    # Light that reaches the back comes past the lips, and grows less.
    reached = 0.45 + 0.55 * smoothstep(front / 0.45)
    shade = (0.5 + 0.5 * light.shade(normals)) * reached * (1 - 0.30 * furrow)
    # A pale coat on its back, red towards tip and edges.
    coat = smoothstep((0.75 - np.abs(across)) / 0.4) * (1 - smoothstep((front - 0.35) / 0.4))
    pale = flesh + (flesh.mean() * 1.05 - flesh) * 0.22
    color = flesh + (pale - flesh) * coat[..., None]
    glint = _WET * light.glint(normals, 14.0) * reached * smoothstep(bumps / 0.0001 + 0.6)
    alpha = smoothstep((down - outline) / 0.0016) * smoothstep((1.0 - np.abs(aside) / _WIDE) / 0.08)
    return np.dstack((color * shade[..., None] + glint[..., None] * flesh.mean() * 1.6, alpha * 255))


def paint_cavity(
    aside: Float[np.ndarray, "height width"],
    down: Float[np.ndarray, "height width"],
    flesh: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "height width 4"]:
    """Cheeks, palate, floor and the dark throat.

    Args:
        aside: Metres to the side of the mouth's middle.
        down: Metres below the upper lip's edge.
        flesh: The colour of gums.
    """
    throat = np.hypot(aside / 0.034, (down - 0.012) / 0.030)
    light = _THROAT + (_CHEEKS - _THROAT) * smoothstep((throat - 0.25) / 0.9)
    folds = 1 + 0.05 * np.sin(aside / 0.0031 + 2.0 * np.sin(down / 0.006))
    # What light there is was red before: flesh lights flesh.
    red = (flesh / flesh.mean().clip(1)) ** (1 + 0.6 * (1 - light))[..., None]
    return np.dstack((red * (flesh.mean() * light * folds)[..., None], np.full_like(aside, 255)))
