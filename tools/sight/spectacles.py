"""Draw glasses onto strips around both eyes: rims of many kinds, lenses, reflections, shadows."""

import cv2
import numpy as np
from numpy.random import Generator

Picture = np.ndarray


def draw_glasses(
    rng: Generator, picture: Picture, distance: float, middle: tuple[float, float], scraps: np.ndarray
) -> tuple[Picture, np.ndarray]:
    """Put glasses onto a face; everything is chosen by chance.

    Args:
        rng: Chooses everything.
        picture: The strip, as floats from 0 to 255.
        distance: Pixels between the eyes.
        middle: Column and row between the eyes.
        scraps: Pieces of other pictures, for what lenses mirror.

    Returns:
        The picture, and how far every pixel is rim, lens, and reflection.
    """
    frame = _frame(rng, picture.shape[:2], distance, middle)
    picture, reflection = _through_lenses(rng, picture, frame, scraps)
    picture = _with_shadow(rng, picture, frame.rim, distance)
    picture = _with_rim(rng, picture, frame, distance)
    lens = frame.lens * (1 - frame.rim)
    return picture, np.stack((frame.rim * frame.solid, lens, reflection * lens))


class _Frame:
    """Coverage by rim and lens, and distances from the rim's line."""

    def __init__(self, rim: np.ndarray, lens: np.ndarray, away: np.ndarray, solid: float) -> None:
        self.rim, self.lens, self.away, self.solid = rim, lens, away, solid


def _frame(rng: Generator, shape, distance: float, middle) -> _Frame:
    rows, columns = shape
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    angle = rng.normal(0, 0.03)
    x, y = (x - middle[0]) / distance, (y - middle[1]) / distance
    x, y = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    turn = rng.normal(0, 0.16)
    x = x + rng.normal(0, 0.02) + turn * 0.15
    half_width, aspect = rng.uniform(0.33, 0.5), rng.uniform(0.5, 1.02)
    half_height = half_width * aspect
    gap = rng.uniform(0.12, 0.22)
    drop = rng.uniform(-0.02, 0.2) + 0.25 * max(0.0, half_height - 0.3)
    corners = rng.choice((2.0, rng.uniform(2, 3.2), rng.uniform(3, 7)))
    taper, slope, rise = rng.uniform(-0.25, 0.3), rng.uniform(-0.12, 0.12), rng.uniform(-0.1, 0.12)
    if rng.random() < 0.3:
        taper = slope = rise = 0.0
    thickness = rng.choice((rng.uniform(0.012, 0.03), rng.uniform(0.025, 0.06), rng.uniform(0.05, 0.13)))
    if half_height < 0.2:
        thickness = min(thickness, 0.05)
    kind = rng.choice(4, p=(0.66, 0.12, 0.12, 0.1))  # full, half, brow line, rimless
    rim, lens = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    away = np.full(shape, 9.0, np.float32)
    for side in (-1, 1):
        shrink = 1 - side * turn * 0.55
        u = (side * x - (gap / 2 + half_width) * shrink) / (half_width * shrink)
        v = (y - drop) / half_height - rise * u - slope * u * u
        wide = u * (1 + taper * v)
        value = (np.abs(wide) ** corners + np.abs(v) ** corners + 1e-6) ** (1 / corners) - 1
        slopes = np.gradient(value)
        signed = value / np.hypot(slopes[0], slopes[1]).clip(1e-3)
        lens = np.maximum(lens, (0.5 - signed).clip(0, 1))
        half = np.full(shape, thickness * distance / 2, np.float32)
        if kind == 1:
            half *= ((-0.1 - v) * 6).clip(0, 1)
        elif kind == 2:
            half *= 0.35 + 1.1 * ((-0.25 - v) * 5).clip(0, 1)
        elif kind == 3:
            half = np.full(shape, rng.uniform(0.3, 0.7), np.float32)
        out = np.abs(signed - half * rng.uniform(-0.2, 1))
        away = np.minimum(away, out / half.clip(0.3))
        rim = np.maximum(rim, (half - out + 0.5).clip(0, 1) * (half > 0.2))
    solid = 1.0
    fine = max(1.2, rng.uniform(0.5, 1.3) * thickness * distance)
    if kind == 3:
        rim *= rng.uniform(0.15, 0.7)
        fine = rng.uniform(1.5, 4)
        solid = 0.8

    # The bridge, its pads, and the temples from their hinges on.
    def place(at_x: float, at_y: float) -> tuple[float, float]:
        at_x = at_x - rng.normal(0, 0.003) - turn * 0.15
        back = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
        return tuple(back @ (at_x, at_y) * distance + middle)

    level = drop - half_height * rng.uniform(0.15, 0.75)
    arch = rng.uniform(0, 0.07)
    for one in range(2 if rng.random() < 0.15 else 1):
        high = level - 0.16 * one * rng.uniform(0.7, 1.3)
        span = (gap / 2 + (0.04 if one == 0 else half_width * 0.4)) * rng.uniform(1, 1.2)
        points = [place(span * t, high - arch * (1 - t * t)) for t in np.linspace(-1, 1, 9)]
        _stroke(rim, points, fine)
    if thickness < 0.04 or (kind != 0 and rng.random() < 0.6):
        for side in (-1, 1):
            at = gap / 2 * rng.uniform(0.55, 0.9) * side
            low = drop - half_height * rng.uniform(-0.25, 0.2)
            _stroke(rim, [place(at, low - 0.05), place(at * 1.15, low + 0.04)], rng.uniform(1, 2.5), 0.6)
    hinge = drop - half_height * rng.uniform(0.25, 0.8)
    fall = rng.uniform(-0.12, 0.12)
    for side in (-1, 1):
        if rng.random() < 0.1:
            continue
        shrink = 1 - side * turn * 0.55
        start = (gap / 2 + 2 * half_width) * shrink
        end = start + rng.uniform(0.05, 0.5)
        points = [
            place(side * (start - 0.02), hinge),
            place(side * (start + 0.07), hinge),
            place(side * end, hinge + fall),
        ]
        _stroke(rim, points, fine * rng.uniform(0.8, 1.8))
    return _Frame(rim.clip(0, 1), lens, away, solid)


def _through_lenses(rng: Generator, picture: Picture, frame: _Frame, scraps) -> tuple[Picture, np.ndarray]:
    rows, columns = frame.lens.shape
    lens, kind = frame.lens[..., None], rng.random()
    strong = rng.normal(0, 0.05)  # what is seen through a strong lens is smaller or larger
    if abs(strong) > 0.02:
        x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        inside = cv2.GaussianBlur(frame.lens, (0, 0), columns / 30)
        for side in (x < columns / 2, x >= columns / 2):
            weight = frame.lens * side
            if weight.sum() < 9:
                continue
            cx, cy = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
            x, y = np.where(side, x + strong * (x - cx), x), np.where(side, y + strong * (y - cy), y)
        bent = cv2.remap(
            picture.astype(np.float32),
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        picture = picture + (bent - picture) * lens * (inside[..., None] > 0)
    if kind < 0.1:
        color = (rng.uniform(0, 60) + rng.uniform(-20, 20, 3)).clip(0)
        share = lens * rng.uniform(0.6, 1)
        picture = picture + (color - picture) * share
    elif kind < 0.3:
        picture = picture * (1 - lens * rng.uniform(0, 0.6, 3))
    elif kind < 0.5:
        picture = picture + (rng.uniform(100, 255, 3) - picture) * lens * rng.uniform(0, 0.2)
    reflection = np.zeros(frame.lens.shape, np.float32)
    if rng.random() < 0.6:
        reflection = _glare(rng, (rows, columns))
        color = 255 * (1 - rng.uniform(0, 0.6) * rng.random(3) * (rng.random() < 0.5))
        strength = rng.uniform(0.35, 1)
        if rng.random() < 0.25:
            scene = cv2.resize(scraps[rng.integers(len(scraps))], (columns, rows)).astype(np.float32)
            color = 0.5 * color + 0.5 * cv2.GaussianBlur(scene, (0, 0), 2)
        picture = picture + (color - picture) * (lens * reflection[..., None] * strength)
        reflection = reflection * min(1.0, 1.6 * strength)
    return picture, reflection


def _with_shadow(rng: Generator, picture: Picture, rim: np.ndarray, distance: float) -> Picture:
    down, right = rng.uniform(0, 0.09) * distance, rng.normal(0, 0.03) * distance
    matrix = np.array(((1, 0, right), (0, 1, down)))
    shadow = cv2.warpAffine(rim, matrix, rim.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.5, 5))
    return picture * (1 - rng.uniform(0, 0.5) * shadow[..., None] * (rng.random() < 0.7))


def _with_rim(rng: Generator, picture: Picture, frame: _Frame, distance: float) -> Picture:
    rows, columns = frame.rim.shape
    kind = rng.random()
    color = rng.uniform(0, 55) + rng.uniform(-12, 12, 3)
    if kind > 0.82:
        color = rng.uniform(0, 255, 3)
    elif kind > 0.5:  # metal
        color = rng.uniform(60, 230) * np.array((1, rng.uniform(0.75, 1), rng.uniform(0.45, 1)))
    drawn = np.broadcast_to(color.clip(0, 255).astype(np.float32), picture.shape).copy()
    # Its ambience: lighter or darker from place to place, shining along its back.
    clouds = cv2.resize(
        rng.normal(0, 1, (4, 8)).astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC
    )
    if kind > 0.45:
        drawn *= np.exp(rng.uniform(0.05, 0.6) * clouds)[..., None]
    if rng.random() < 0.15:
        spots = cv2.resize(rng.normal(0, 1, (24, 48)).astype(np.float32), (columns, rows))
        drawn = np.where(spots[..., None] > 0.3, rng.uniform(0, 255, 3), drawn)
    if rng.random() < 0.6:
        ridge = np.exp(-(((frame.away - rng.uniform(0, 0.6)) / rng.uniform(0.15, 0.5)) ** 2))
        shine = ridge * (clouds > rng.uniform(-1, 1.2))
        drawn += (rng.uniform(60, 220) * cv2.GaussianBlur(shine.astype(np.float32), (0, 0), 1))[..., None]
    clear = rng.uniform(0.3, 0.75) if rng.random() < 0.08 else 1.0
    return picture + (drawn.clip(0, 255) - picture) * frame.rim[..., None] * clear


def _glare(rng: Generator, shape) -> np.ndarray:
    rows, columns = shape
    glare = np.zeros(shape, np.float32)
    for side in (0.25, 0.75):
        for _ in range(rng.integers(0, 4)):
            at = np.array((columns * (side + rng.normal(0, 0.08)), rows * rng.uniform(0.3, 0.75)))
            size = columns * rng.choice((rng.uniform(0.005, 0.03), rng.uniform(0.02, 0.12)))
            box = cv2.boxPoints(
                (at.tolist(), (2 * size, 2 * size * rng.uniform(0.2, 1.5)), rng.uniform(0, 180))
            )
            value = float(rng.uniform(0.4, 1))
            if rng.random() < 0.5:
                cv2.fillConvexPoly(glare, box.astype(np.int32), value, cv2.LINE_AA)
            else:
                axes = max(1, int(size)), max(1, int(size * rng.uniform(0.2, 1)))
                cv2.ellipse(
                    glare, at.astype(int).tolist(), axes, rng.uniform(0, 180), 0, 360, value, -1, cv2.LINE_AA
                )
    soft = columns * rng.choice((0.003, rng.uniform(0.003, 0.03)))
    return cv2.GaussianBlur(glare, (0, 0), soft).clip(0, 1)


def _stroke(mask: np.ndarray, points, thickness: float, value: float = 1.0) -> None:
    corners = np.rint(np.array(points) * 16).astype(np.int32)
    line = np.zeros(mask.shape, np.uint8)
    cv2.polylines(line, [corners], False, 255, max(1, round(thickness)), cv2.LINE_AA, shift=4)
    np.maximum(mask, line.astype(np.float32) * (value / 255), out=mask)
