"""Draw what hides a mouth or an eye onto portraits: cloth, microphones, hands, things, lenses, hair."""

import math

import cv2
import numpy as np
from numpy.random import Generator

Picture = np.ndarray


def cover_mouth(rng: Generator, picture: Picture, scraps: np.ndarray) -> Picture:
    """Hide the lips in the middle of a square.

    Args:
        rng: Chooses everything.
        picture: The square, as floats from 0 to 255.
        scraps: Small pieces of other pictures, for textures.
    """
    size = len(picture)
    center, kind = np.array((size / 2, 0.48 * size)), rng.random()
    if kind < 0.4:
        return _with_cloth(rng, picture, scraps)
    if kind < 0.6:
        return _with_microphone(rng, picture, scraps, center + rng.normal(0, 0.05, 2) * size)
    if kind < 0.8:
        return _with_hand(rng, picture, center, bool(rng.random() < 0.5))
    middle, angle = center + rng.normal(0, 0.05, 2) * size, rng.uniform(-40, 40)
    width, height = rng.uniform(0.27, 0.6) * size, rng.uniform(0.2, 0.6) * size
    mask = np.zeros((size, size), np.float32)
    if rng.random() < 0.5:
        mask = _ellipse(size, middle, (width, height), angle)
    else:
        corners = cv2.boxPoints((middle.tolist(), (2 * width, 2 * height), angle))
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 1, cv2.LINE_AA)
    return _lay(rng, picture, _texture(rng, size, scraps), mask)


def beside_mouth(rng: Generator, picture: Picture, scraps: np.ndarray) -> Picture:
    """Put something next to the lips that leaves them free."""
    size, angle = len(picture), rng.uniform(0, 2 * np.pi)
    middle = size * np.array((0.5 + 0.58 * math.cos(angle), 0.5 + 0.55 * math.sin(angle)))
    mask = _ellipse(size, middle, rng.uniform(0.1, 0.22, 2) * size, rng.uniform(0, 180))
    return _lay(rng, picture, _texture(rng, size, scraps), mask)


def cover_eye(rng: Generator, picture: Picture, scraps: np.ndarray) -> Picture:
    """Hide the eye in the middle of a square; arguments as for `cover_mouth`."""
    size = len(picture)
    center, kind = np.array((0.5, 0.52)) * size + rng.normal(0, 0.03, 2) * size, rng.random()
    if kind < 0.8:
        mask = _lens(rng, size, center)
        glass = _behind_glass(rng, picture, scraps) + _glare(rng, size, rng.uniform(0, 220)) * rng.uniform(
            0.6, 1, 3
        )
        covered = _lay(rng, picture, glass.clip(0, 255), mask)
        return _with_rim(rng, covered, mask) if rng.random() < 0.85 else covered
    if kind < 0.84:
        mask = _ellipse(size, center, (rng.uniform(0.3, 0.5) * size, rng.uniform(0.25, 0.45) * size), 0)
        return _lay(rng, picture, np.full(picture.shape, rng.uniform(0, 60)), mask)
    if kind < 0.9:
        return _with_hand(rng, picture, center, True)
    return _with_hair(rng, picture, int(rng.integers(50, 90)), 4)


def beside_eye(rng: Generator, picture: Picture, scraps: np.ndarray) -> Picture:
    """Clear spectacles, or a few hairs, that leave the eye to be seen."""
    size = len(picture)
    if rng.random() > 0.75:
        return _with_hair(rng, picture, int(rng.integers(1, 8)), 3)
    mask = _lens(rng, size, np.array((0.5, 0.53)) * size + rng.normal(0, 0.03, 2) * size)
    tint = rng.uniform(0, 0.22)
    glass = picture * (1 - tint) + rng.uniform(0, 255, 3) * tint + _glare(rng, size, rng.uniform(0, 40))
    return _with_rim(rng, _lay(rng, picture, glass.clip(0, 255), mask), mask)


def _with_cloth(rng: Generator, picture: Picture, scraps: np.ndarray) -> Picture:
    size = len(picture)
    y, x = np.mgrid[:size, :size] / size - 0.5
    top = rng.uniform(-0.48, -0.14) + rng.uniform(-0.2, 0.2) * x + rng.uniform(-0.9, 0.9) * x * x
    mask = y > top
    if rng.random() < 0.5:
        mask &= y < rng.uniform(0.3, 0.6) - rng.uniform(0, 1) * x * x
    if rng.random() < 0.4:
        mask &= np.abs(x + rng.uniform(-0.03, 0.03)) < rng.uniform(0.36, 0.6)
    cloth = _texture(rng, size, scraps)
    if rng.random() < 0.5:  # over the nose
        bump = np.exp(-((x / 0.12) ** 2 + ((y + 0.35) / 0.2) ** 2))
        cloth *= 1 + rng.uniform(0.05, 0.25) * bump[..., None]
    return _lay(rng, picture, cloth, mask.astype(np.float32))


def _with_microphone(rng: Generator, picture: Picture, scraps: np.ndarray, center: np.ndarray) -> Picture:
    size, radius, angle = len(picture), rng.uniform(0.19, 0.4) * len(picture), rng.uniform(0.2, np.pi - 0.2)
    head = _texture(rng, size, scraps)
    if rng.random() < 0.7:  # mostly dark
        head = rng.uniform(5, 80) + (_texture(rng, size, scraps) - 128) * 0.08
    if rng.random() < 0.8:
        handle = np.zeros((size, size), np.float32)
        end = center + 1.2 * size * np.array((math.cos(angle), math.sin(angle)))
        _line(handle, center, end, max(2, int(radius * rng.uniform(0.4, 1.2))))
        picture = _lay(rng, picture, np.full(picture.shape, rng.uniform(0, 160)), handle)
    y, x = np.mgrid[:size, :size]
    away = ((x - center[0]) / radius + 0.4) ** 2 + ((y - center[1]) / radius + 0.4) ** 2
    head = head + 60 * rng.random() * np.exp(-4 * away)[..., None]
    mask = _ellipse(size, center, (radius, radius * rng.uniform(0.8, 1.25)), rng.uniform(0, 180))
    return _lay(rng, picture, head.clip(0, 255), mask)


def _with_hand(rng: Generator, picture: Picture, center: np.ndarray, palm: bool) -> Picture:
    size, angle, fingers = len(picture), rng.uniform(0, 2 * np.pi), int(rng.integers(3, 6))
    width, length = rng.uniform(0.14, 0.23) * size, rng.uniform(0.5, 0.9) * size
    along = np.array((math.cos(angle), math.sin(angle)))
    across = np.array((-along[1], along[0]))
    mask, gaps = np.zeros((2, size, size), np.float32)
    for finger in range(fingers):
        root = center + across * (finger - (fingers - 1) / 2) * 1.02 * width
        root = root + along * rng.uniform(-0.08, 0.08) * size
        _line(mask, root - 0.5 * length * along, root + 1.5 * length * along, int(width))
        edge = root + across * width / 2
        _line(gaps, edge - 0.4 * length * along, edge + 1.5 * length * along, 2)
    if palm:
        mask = np.maximum(mask, _ellipse(size, center, (0.26 * size, 0.15 * size), rng.uniform(-20, 20)))
    skin = (
        np.median(picture[: size // 4].reshape(-1, 3), 0)
        * rng.uniform(0.75, 1.2)
        * rng.uniform(0.93, 1.07, 3)
    )
    shaded = (
        skin * (1 + 0.15 * _clouds(rng, size, 5)) * (1 - rng.uniform(0.25, 0.6) * _soft(gaps, 1.2)[..., None])
    )
    return _lay(rng, picture, shaded.clip(0, 255), mask)


def _with_hair(rng: Generator, picture: Picture, count: int, thickest: int) -> Picture:
    size, angle = len(picture), rng.uniform(0.3, 2.8)
    mask = np.zeros((size, size), np.float32)
    for _ in range(count):
        middle, way = rng.uniform(0, 1, 2) * size, angle + rng.normal(0, 0.12)
        reach = size * np.array((math.cos(way), math.sin(way)))
        _line(mask, middle - reach, middle + reach, int(rng.integers(1, thickest)))
    color = rng.uniform(0, 200, 3) * (1, 0.8, 0.6) if rng.random() < 0.5 else np.full(3, rng.uniform(5, 60))
    strands = cv2.GaussianBlur(color * (1 + 0.35 * rng.normal(0, 1, (size, size, 1))), (0, 0), 1)
    return _lay(rng, picture, strands.clip(0, 255), mask)


def _behind_glass(rng: Generator, picture: Picture, scraps: np.ndarray) -> Picture:
    size, kind = len(picture), rng.random()
    if kind < 0.55:  # dark, more so at the top
        color = (rng.uniform(0, 70) + rng.uniform(-25, 25, 3)).clip(0)
        y = np.mgrid[:size, :size][0] / size
        share = (rng.uniform(0.72, 1) * (1 - rng.uniform(0, 0.35) * (y - 0.3).clip(0)))[..., None]
        return picture * (1 - share) + color * share
    if kind < 0.75:  # coloured
        return picture * rng.uniform(0.03, 0.27, 3) + rng.uniform(0, 150, 3) * rng.uniform(0.1, 0.6)
    scene = cv2.resize(scraps[rng.integers(len(scraps))], (size, size)).astype(float)
    scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(1, 5))
    return scene * 0.5 + rng.uniform(30, 255, 3) * 0.5 * rng.uniform(0.3, 1)


def _lens(rng: Generator, size: int, center: np.ndarray) -> np.ndarray:
    width, height = rng.uniform(0.34, 0.52) * size, rng.uniform(0.24, 0.44) * size
    if rng.random() < 0.45:
        return _ellipse(size, center, (width, height), rng.uniform(-10, 10))
    y, x = np.mgrid[:size, :size]
    u, v = (x - center[0]) / width, (y - center[1]) / height
    v = v * (1 + rng.uniform(-0.25, 0.25) * u)
    u = u * (1 + rng.uniform(-0.2, 0.2) * v)
    corners = rng.uniform(2.5, 6)
    return (np.abs(u) ** corners + np.abs(v) ** corners < 1).astype(np.float32)


def _with_rim(rng: Generator, picture: Picture, lens: np.ndarray) -> Picture:
    size, thickness = len(picture), int(rng.integers(2, 8))
    rim = cv2.dilate(lens, np.ones((thickness, thickness))) - lens
    if rng.random() < 0.8:
        y = rng.uniform(0.3, 0.5) * size
        _line(rim, (0, y), (0.15 * size, y + rng.uniform(-4, 4)), int(rng.integers(2, 8)))
        _line(rim, (0.85 * size, y), (size, y), int(rng.integers(2, 8)))
    color = rng.uniform(0, 255, 3) if rng.random() < 0.4 else np.full(3, rng.uniform(0, 60))
    return _lay(rng, picture, np.broadcast_to(color, picture.shape), rim)


def _glare(rng: Generator, size: int, strength: float) -> np.ndarray:
    glare = np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        middle, angle = rng.uniform(0.2, 0.8, 2) * size, rng.uniform(0, np.pi)
        reach = size * rng.uniform(0.1, 0.6) * np.array((math.cos(angle), math.sin(angle)))
        if rng.random() < 0.5:
            _line(glare, middle - reach, middle + reach, int(rng.integers(2, 14)), rng.uniform(0.2, 1))
        else:
            spot = _ellipse(size, middle, rng.uniform(0.03, 0.14, 2) * size, math.degrees(angle))
            glare = np.maximum(glare, spot * rng.uniform(0.2, 1))
    return _soft(glare, rng.uniform(0.6, 6))[..., None] * strength


def _texture(rng: Generator, size: int, scraps: np.ndarray) -> Picture:
    """Plain, pleated, striped, checked, knitted, meshed, or a piece of another picture; unevenly lit."""
    y, x = np.mgrid[:size, :size]
    angle, kind, color = rng.uniform(0, np.pi), rng.integers(6), rng.uniform(0, 255, 3)
    if rng.random() < 0.35:
        color[:] = color.mean()
    if rng.random() < 0.25:
        color *= 0.25
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    cloth = np.ones((size, size, 3)) * color
    if kind == 1:
        period = rng.uniform(6, 22)
        folds = np.mod(y + rng.uniform(-4, 4) * np.sin(3 * x / size + rng.uniform(0, 6)), period)
        cloth *= 1 - rng.uniform(0.08, 0.35) * (folds < max(1.2, 0.12 * period))[..., None]
    elif kind == 2:
        lines = np.mod(along, rng.uniform(6, 30)) < rng.uniform(3, 10)
        if rng.random() < 0.5:
            lines ^= np.mod(across, rng.uniform(6, 30)) < rng.uniform(3, 10)
        cloth = np.where(lines[..., None], rng.uniform(0, 255, 3), cloth)
    elif kind == 3:
        cloth *= 1 + rng.uniform(0.05, 0.25) * _clouds(rng, size, size // 4)
        cloth *= 1 + 0.15 * np.sin(along / rng.uniform(1, 3))[..., None]
    elif kind == 4:
        period = rng.uniform(3, 7)
        cloth *= 1 - 0.4 * ((np.mod(along, period) < 1.2) | (np.mod(across, period) < 1.2))[..., None]
    elif kind == 5:
        cloth = cv2.resize(scraps[rng.integers(len(scraps))], (size, size)) * rng.uniform(0.4, 1.2)
    light = 1 + rng.uniform(-0.4, 0.4) * (x / size - 0.5) + rng.uniform(-0.4, 0.4) * (y / size - 0.5)
    return (cloth * light[..., None] * (1 + rng.uniform(0, 0.18) * _clouds(rng, size, 4))).clip(0, 255)


def _clouds(rng: Generator, size: int, cells: int) -> np.ndarray:
    noise = rng.normal(0, 1, (cells, cells))
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)[..., None]


def _ellipse(
    size: int, center: np.ndarray, halves: tuple[float, float] | np.ndarray, degrees: float
) -> np.ndarray:
    mask = np.zeros((size, size), np.float32)
    axes = max(1, int(halves[0])), max(1, int(halves[1]))
    cv2.ellipse(mask, (int(center[0]), int(center[1])), axes, degrees, 0, 360, 1, -1, cv2.LINE_AA)
    return mask


def _line(mask: np.ndarray, start, end, thickness: int, value: float = 1.0) -> None:
    cv2.line(mask, [int(c) for c in start], [int(c) for c in end], value, thickness, cv2.LINE_AA)


def _soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), sigma)


def _lay(rng: Generator, picture: Picture, cover: Picture, mask: np.ndarray) -> Picture:
    """Lay a cover over a picture, with a soft edge and its shadow."""
    mask = _soft(mask, rng.uniform(0.4, 1.6)).clip(0, 1)
    moved = np.roll(mask, (int(rng.uniform(0, 6)), int(rng.uniform(-4, 4))), (0, 1))
    shaded = picture * (1 - rng.uniform(0, 0.4) * _soft(moved, 3)[..., None])
    return shaded + (cover - shaded) * mask[..., None]
