"""Hair, or skin, as it goes on beyond a line of a photo: in the line's colours, with strands as strong.

Noise as strong as the photo's detail is smeared along strands (line integral convolution, Cabral and Leedom,
SIGGRAPH 1993), which begin as the photo's do and turn to the back of the head.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32

from cameo3d.geometry.compiled import compiled
from cameo3d.imaging.smoothstep import smoothstep

_ALONG = 0.012
"""Metres of the line over which strands are averaged."""
_PERSON = 230
"""Coverage from which on a colour is the person's own."""
_SIZES, _GAINS = (0.8, 1.6, 3.2, 6.0), (1.15, 1.8, 1.4, 0.25)
"""Between which detail is told apart, pixels, and by how much stronger noise must be to be as strong as that
once it is smeared: measured."""
_FINER = 0.6
"""Share of these sizes that noise has."""
_BLURS, _BLURRED = (6.0, 12.0, 24.0, 48.0), 0.35
"""Pixels over which the line's colours are averaged, and how many of them for each pixel away from it."""
_STRAND, _CURL = 0.005, 0.0006
"""Half the length of a sleek strand and of a curl, metres."""
_STRIDE = np.float32(2)
"""Pixels between places along a strand that are averaged."""
_CURLY, _SLEEK = 0.2, 0.4
"""How much strands agree in direction up to which hair counts as curls, and from there on to sleek hair."""
_BACK = 0.018
"""Metres over which strands turn to the back of the head."""
_DETAIL = (-0.7, 0.8)
"""How much darker and brighter detail makes a place at most."""
_WAVES = ((0.25, 0.015), (0.06, 0.004))
"""How far they turn to the sides, radians, and within which lengths, metres."""


class Growth(NamedTuple):
    """What lies beyond a line, by distance from it along the surface, pixels, and by column."""

    colors: Float32[np.ndarray, "away columns 3"]
    """Without detail."""
    detail: Float32[np.ndarray, "away columns"]
    """How much brighter each place is, as a share."""


def grow(
    strip: Float32[np.ndarray, "rows columns 4"], ends: Float32[np.ndarray, " columns"], per_meter: float
) -> Growth:
    """Go on with the photo beyond a line.

    Args:
        strip: What the photo shows on this side of the line, which its first row touches: colours and, as a
            fourth channel, coverage, all in [0, 255].
        ends: How far beyond the line it is needed, by column.
        per_meter: Pixels across a metre.
    """
    person = (strip[..., 3] > _PERSON).astype(np.float32)
    smooth = _smooth(strip[..., :3], person)
    tone = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY).clip(8)
    detail = (cv2.cvtColor(np.ascontiguousarray(strip[..., :3]), cv2.COLOR_RGB2GRAY) / tone - 1) * person
    along = _ALONG * per_meter
    edge = np.column_stack((smooth[0], _directions(detail, person, along), _strengths(detail, person, along)))
    away = np.arange(int(np.ceil(ends.max())), dtype=np.float32)
    spread = _spread(edge.astype(np.float32), away)
    cosine, sine, strengths = spread[..., 3], spread[..., 4], spread[..., 5:]
    grown = _strands(cosine, sine, strengths, ends, detail[0], per_meter)
    return Growth(spread[..., :3], grown.clip(*_DETAIL))


def _smooth(colors: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Colours without detail, of the person alone where there is any."""
    weight = (person + np.float32(1e-3))[..., None]
    both = np.dstack((colors * weight, weight))
    soft = cv2.GaussianBlur(both, (0, 0), _BLURS[0], borderType=cv2.BORDER_REFLECT)
    return soft[..., :3] / soft[..., 3:]


def _strengths(detail: np.ndarray, person: np.ndarray, along: float) -> np.ndarray:
    """How strong detail of each size is, by column."""
    seen, rest, found = _averaged(person, along) + 1e-3, detail, []
    for size in _SIZES[:-1]:
        soft = cv2.GaussianBlur(rest, (0, 0), size)
        found.append(rest - soft)
        rest = soft
    return np.stack([np.sqrt(_averaged(each**2 * person, along) / seen) for each in (*found, rest)], -1)


def _directions(detail: np.ndarray, person: np.ndarray, along: float) -> np.ndarray:
    """Cosine and sine of twice the angle of strands by column, as long as these agree."""
    inner = cv2.erode(person, np.ones((5, 5)))
    across, up = cv2.Sobel(detail, -1, 1, 0), -cv2.Sobel(detail, -1, 0, 1)
    xx, yy, xy = (_averaged(each * inner, along) for each in (across**2, up**2, across * up))
    # Strands run at a right angle to the gradient; twice the angle does not ask which way.
    return np.stack((yy - xx, -2 * xy), -1) / (xx + yy).clip(1e-9)[:, None]


def _averaged(values: np.ndarray, along: float) -> np.ndarray:
    return cv2.GaussianBlur(values.mean(0)[None], (0, 0), sigmaX=along, sigmaY=0.1)[0]


def _spread(edge: np.ndarray, away: np.ndarray) -> Float32[np.ndarray, "away columns channels"]:
    """The line's values go on, averaged over more and more of it."""
    level = np.log2((away * (_BLURRED / _BLURS[0])).clip(1)).clip(0, len(_BLURS) - 1)
    result = np.zeros((len(away), *edge.shape), np.float32)
    for index, blur in enumerate(_BLURS):
        soft = edge if index == 0 else cv2.GaussianBlur(edge[:, None], (1, 0), sigmaX=0.1, sigmaY=blur)
        result += (1 - np.abs(level - index)).clip(0)[:, None, None] * soft.reshape(1, *edge.shape)
    return result


def _strands(
    cosine: np.ndarray,
    sine: np.ndarray,
    strengths: np.ndarray,
    ends: np.ndarray,
    border: np.ndarray,
    per_meter: float,
) -> Float32[np.ndarray, "away columns"]:
    """Detail as hair has it: how much brighter than its surroundings each place is."""
    away = np.arange(len(cosine), dtype=np.float32)[:, None] / per_meter
    agree = np.hypot(cosine, sine)
    half = (_CURL + (_STRAND - _CURL) * smoothstep((agree - _CURLY) / _SLEEK)) * per_meter
    rng, noise = np.random.default_rng(0), np.zeros(cosine.shape, np.float32)
    for index, (size, gain) in enumerate(zip(_SIZES, _GAINS, strict=True)):
        strength = strengths[..., index] * np.sqrt(1 + half / size) * gain
        noise += _noise(rng, noise.shape, _FINER * size) * strength
    back = smoothstep(away / _BACK)
    angle = np.arctan2(sine * (1 - back), cosine * (1 - back) - agree * back) / 2
    for most, over in _WAVES:
        angle += _noise(rng, noise.shape, over * per_meter) * (most * (away / _ALONG).clip(0, 1))
    grown = np.zeros_like(noise)
    _smear(noise, np.cos(angle), np.sin(angle), half, border, ends, grown)
    return grown


def _noise(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> np.ndarray:
    """Noise of a size in pixels; its standard deviation is 1."""
    coarse = max(1, int(size))
    rows, columns = (-(-length // coarse) for length in shape)
    noise = cv2.GaussianBlur(rng.standard_normal((rows, columns), np.float32), (0, 0), size / coarse)
    return cv2.resize(noise, None, fx=coarse, fy=coarse)[: shape[0], : shape[1]] / noise.std().clip(1e-6)


@compiled
def _smear(noise, right, up, half, border, ends, result):
    """Average noise along strands, which are the photo's own where they reach the line."""
    rows, columns = noise.shape
    for row in range(rows):
        for column in range(columns):
            if row >= ends[column]:
                continue
            count = int(half[row, column] / _STRIDE) + 1
            total, seen = noise[row, column], 1
            own, weight = np.float32(0), np.float32(0)
            for side in range(2):
                y, x = np.float32(row), np.float32(column)
                dx, dy = right[row, column], up[row, column]
                if side == 1:
                    dx, dy = -dx, -dy
                for step in range(count):
                    y += _STRIDE * dy
                    x += _STRIDE * dx
                    i, j = int(np.floor(y + np.float32(0.5))), int(np.floor(x + np.float32(0.5)))
                    if j < 0 or j >= columns or i >= rows:
                        break
                    if i < 0:
                        own, weight = border[j], np.float32(1 - step / count)
                        break
                    total += noise[i, j]
                    seen += 1
                    next_x, next_y = right[i, j], up[i, j]
                    if next_x * dx + next_y * dy < 0:
                        next_x, next_y = -next_x, -next_y
                    dx, dy = next_x, next_y
            result[row, column] = total / seen * np.sqrt(1 - weight * weight) + own * weight
