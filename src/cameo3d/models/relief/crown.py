"""The crown of a head that a photo's upper border cuts: as wide and high as heads are, with its hair.

A head that nods shows its crown as a wide arch, and hair on it in strands of some millimetres. So what lies
beyond the border is painted on the surface itself, which rises steeply towards the viewer: the border's
colours, which fade into one another, and noise as coarse and as strong as the photo's detail, smeared along
strands (line integral convolution, Cabral and Leedom, SIGGRAPH 1993).
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from cameo3d.geometry.compiled import compiled
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.skull import Skull, find_skull, within_crown

_ROUND = 0.1
"""Radius of a head from its forehead to its crown, metres."""
_EDGE = 1.5
"""Pixels over which the outline is soft."""
_LEAST = 8
"""Pixels of the border that must show the person."""
_STRIP, _ALONG = 0.02, 0.012
"""Metres below the border that show its strands, and over how much of the border these are averaged."""
_PERSON = 230
"""Coverage from which on a colour is the person's own."""
_SIZES, _GAINS = (0.8, 1.6, 3.2, 6.0), (1.5, 1.8, 1.4, 0.25)
"""Between which detail is told apart, pixels, and by how much stronger noise must be to be as strong as that
once it is smeared: measured."""
_FINER = 0.6
"""Share of these sizes that noise has."""
_BLURS, _BLURRED = (6.0, 12.0, 24.0, 48.0), 0.35
"""Pixels over which the border's colours are averaged, and how many of them for each pixel away from it."""
_STRAND, _CURL = 0.005, 0.0006
"""Half the length of a sleek strand and of a curl, metres."""
_CURLY, _SLEEK = 0.2, 0.4
"""How much strands agree in direction up to which hair counts as curls, and from there on to sleek hair."""
_BACK = 0.018
"""Metres over which strands turn to the back of the head."""
_WAVES = ((0.25, 0.015), (0.06, 0.004))
"""How far they turn to the sides, radians, and within which lengths, metres."""
_SHADE = 0.2
"""How much darker the crown's end is."""
_LOOKS = (-0.375, -0.125, 0.125, 0.375)
"""Where in a pixel the surface is looked at."""


def crown(
    picture: Float32[np.ndarray, "rows columns 4"], length: int, landmarks: Float[np.ndarray, "478 3"]
) -> Float32[np.ndarray, "length columns 4"]:
    """What lies above a picture.

    Args:
        picture: The person's colours and, as a fourth channel, coverage, all in [0, 255].
        length: Rows above it.
        landmarks: Of the face, pixels of the picture.
    """
    result = np.zeros((length, *picture.shape[1:]), np.float32)
    solid = picture[1:, :, 3] > 127  # the border itself may be mixed with what lies beyond it
    if solid[0].sum() < _LEAST:
        return result
    skull = find_skull(landmarks)
    within = within_crown(solid, length, skull)
    columns = np.flatnonzero((within > -_EDGE).any(0))
    if not len(columns):
        return result
    part = slice(columns[0], columns[-1] + 1)
    result[..., 3] = (within / _EDGE + 0.5).clip(0, 1) * 255
    result[:, part, :3] = _painted(picture[1:, part], within[:, part], skull)
    return result


def _painted(
    picture: np.ndarray, within: np.ndarray, skull: Skull
) -> Float32[np.ndarray, "length columns 3"]:
    """Colours of what lies above a picture, from those of the surface."""
    strip = picture[: max(16, round(_STRIP * skull.per_meter))]
    rise = _rise(within, skull)
    tops = np.where(within > -_EDGE, rise, 0).max(0) + 2
    sheet = _sheet(strip, tops, skull)
    x = np.broadcast_to(np.arange(rise.shape[1], dtype=np.float32), rise.shape)
    step = -np.diff(rise, axis=0, append=np.float32(0))
    looks = [
        cv2.remap(
            sheet, x, rise + step * np.float32(share), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for share in _LOOKS
    ]
    return np.mean(looks, 0).clip(0, 255)


def _rise(within: np.ndarray, skull: Skull) -> Float32[np.ndarray, "length columns"]:
    """How far each pixel lies from the border along the surface, pixels."""
    radius = _ROUND * skull.per_meter
    depth = np.sqrt((radius**2 - (radius - within.clip(0, radius)) ** 2).clip(0))
    steps = np.hypot(1, np.diff(depth, axis=0, append=depth[-1:]))
    return np.minimum(np.cumsum(steps[::-1], 0)[::-1] - 0.5, 2 * radius).astype(np.float32)


def _sheet(strip: np.ndarray, tops: np.ndarray, skull: Skull) -> Float32[np.ndarray, "away columns 3"]:
    """Colours of the surface by distance from the border, below which lies the strip."""
    person = (strip[..., 3] > _PERSON).astype(np.float32)
    smooth = _smooth(strip[..., :3], person)
    tone = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY).clip(8)
    detail = (cv2.cvtColor(np.ascontiguousarray(strip[..., :3]), cv2.COLOR_RGB2GRAY) / tone - 1) * person
    along = _ALONG * skull.per_meter
    edge = np.column_stack((smooth[0], _directions(detail, person, along), _strengths(detail, person, along)))
    away = np.arange(int(np.ceil(tops.max())), dtype=np.float32)
    spread = _spread(edge.astype(np.float32), away)
    colors, cosine, sine, strengths = spread[..., :3], spread[..., 3], spread[..., 4], spread[..., 5:]
    grain = _strands(cosine, sine, strengths, tops, detail[0], skull.per_meter)
    shade = 1 - _SHADE * smoothstep(away / len(away))[:, None, None]
    return colors * ((1 + grain[..., None]).clip(0.3, 1.8) * shade)


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
    """The border's values go on, averaged over more and more of it."""
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
    tops: np.ndarray,
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
    _smear(noise, np.cos(angle), np.sin(angle), half, border, tops, grown)
    return grown


def _noise(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> np.ndarray:
    """Noise of a size in pixels; its standard deviation is 1."""
    coarse = max(1, int(size))
    rows, columns = (-(-length // coarse) for length in shape)
    noise = cv2.GaussianBlur(rng.standard_normal((rows, columns), np.float32), (0, 0), size / coarse)
    return cv2.resize(noise, None, fx=coarse, fy=coarse)[: shape[0], : shape[1]] / noise.std().clip(1e-6)


@compiled
def _smear(noise, right, up, half, border, tops, result):
    """Average noise along strands, which are the photo's own where they reach its border."""
    rows, columns = noise.shape
    for row in range(rows):
        for column in range(columns):
            if row > tops[column]:
                continue
            count = int(half[row, column]) + 1
            total, seen = noise[row, column], 1
            own, weight = np.float32(0), np.float32(0)
            for side in range(2):
                y, x = np.float32(row), np.float32(column)
                dx, dy = right[row, column], up[row, column]
                if side == 1:
                    dx, dy = -dx, -dy
                for step in range(count):
                    y += dy
                    x += dx
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
