"""What a photo tells of a mouth's inside: its colours, and the teeth that it shows."""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from cameo3d.geometry.face_topology import OVAL
from cameo3d.imaging.inpainting import fill_holes
from cameo3d.models.relief.eyes import LIDS, box_around
from cameo3d.models.relief.patch import soft_polygon

_STRAY, _IVORY, _MOST_TINT = 0.06, (0.45, 0.05), 0.2
"""How far the white of eyes may leave the line from grey to skin, how far rosy teeth go towards yellow, and
at most, and how strong a tint of skin is of its own."""
CHEEKS_AND_CHIN, LIPS = (50, 280, 199, 205, 425), (12, 15, 38, 268, 86, 316)
"""Landmarks whose colours are taken."""
_GUMS = 0.006, 0.3
"""Metres of gums that a smile bares at most, and how bright they are at least, in the teeth's brightness."""
_SHADOW, _IN_SHADOW, _GAP, _LEAST_SHOWN = 0.003, 0.2, 0.0009, 0.35
"""Metres of the upper lip's shadow over teeth, or share of the opening's height, metres of a gap that ends
them, and the share of the opening's width in which a photo must show upper teeth."""
_BRIGHTEST, _SHADED, _DARKEST = 0.7, 0.002, 0.45
"""Which share of what is pale in a column is darker than its teeth, metres over which shadow on them changes,
and how dark it may make them."""
_OFF_ARCH = 0.0012, 0.0003
"""Metres by which single teeth end before the arch of all, and beyond it."""
_LEAST_TOOTH, _BITE = 0.004, 0.1
"""Metres that teeth are shown, and how dark a line below must be, in the teeth's brightness, to end them."""
_FURTHER = 0.008
"""Metres beyond the last tooth that is found for which that arch is believed."""
_ROUNDS, _UNLIKELY = 4, 0.2
"""Rounds of looking for that arch, and the weight of what ends early."""
_GOES_ON, _WITHIN = 0.0014, 0.0005
"""Metres that teeth go on behind the photo's lower lip, and by which drawn ones stay behind shown ones."""
_SCALES, _SHIFTS = np.linspace(0.85, 1.15, 13), np.linspace(-0.005, 0.005, 41)
_GAP_DARKNESS, _LEAST_ALIGNED, _FAR_ALIGNED = 0.12, 0.02, 0.006
"""How dark gaps between teeth count at most, how much darker than teeth they must be, and what it costs to
lie far from the usual row."""


def color_at(image: np.ndarray, landmarks: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """The median colour of some landmarks."""
    at = np.rint(landmarks[list(places), :2]).astype(int)
    at = at.clip(0, np.array(image.shape[1::-1]) - 1)
    return np.median(image[at[:, 1], at[:, 0]].astype(np.float32), 0)


def flesh_color(lips: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The colour of gums and tongue: between lips and skin, but more rosy where those are red."""
    flesh = 0.6 * lips + 0.4 * skin
    flesh[1:] = flesh[1:].mean()
    return (flesh + 0.55 * (flesh - flesh.mean())).clip(0, 255)


def enamel_color(image: np.ndarray, landmarks: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colour of teeth: the white of the eyes, warmed by the skin, as bright as bright skin at most.

    Next to it, the tint of skin around 1 without that of the light: in a red photo white is red, too.
    """
    white = _white_of_eyes(image, landmarks)
    face = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(face, [np.rint(landmarks[list(OVAL), :2]).astype(np.int32)], 1)
    brightest = np.quantile(image[face > 0].mean(-1), 0.97)
    # Eyes may lie in shadow or in glare.
    light = min(max(white.mean(), 1.5 * skin.mean()), brightest)
    seen, away = white / white.mean().clip(1) - 1, skin / skin.mean().clip(1) - 1
    # Light tints white and skin alike. What else eyes show may be an iris, a lid or a red vein, and they get
    # yellow with age: all but a strong tint is doubted.
    lit = float(np.clip(seen @ away / max(float(away @ away), 1e-4), 0, 1)) ** 2
    seen = lit * away + (seen - lit * away).clip(-_STRAY, _STRAY)
    tint = 1 + 0.4 * seen + 0.3 * away
    # Ivory where those are rosy, and grey where they are grey, but never greener than the skin.
    tint[1] += (1 - lit) * min(_IVORY[1], _IVORY[0] * max(0.0, tint[0] - tint[1]))
    tint[1] = min(tint[1], max(tint[0], tint[2], 1 + away[1]))
    own = away * (1 - lit) * min(1.0, _MOST_TINT / max(float(np.abs(away).max()), 1e-4))
    return light * tint / tint.mean(), 1 + own


class ShownTeeth(NamedTuple):
    """The upper teeth that a photo shows."""

    enamel: np.ndarray
    """Their colour."""
    places: np.ndarray
    """Where aside they are shown, metres, column by column of the photo."""
    ends: np.ndarray
    """How far down they are shown there, metres."""
    hidden: float
    """Of how many the photo's lower lip hides the end, from 0 to 1."""
    light: np.ndarray
    """How bright they are there."""
    arch: np.ndarray = np.zeros(3)
    """The parabola that they end along."""

    def edge(self, aside: np.ndarray) -> np.ndarray:
        """How far down teeth are shown at places aside, metres; those further out go on along the arch."""
        known = aside.clip(self.places[0], self.places[-1])
        far = aside.clip(self.places[0] - _FURTHER, self.places[-1] + _FURTHER)
        beyond = np.polyval(self.arch, far) - np.polyval(self.arch, known)
        return (np.interp(known, self.places, self.ends) + beyond).astype(aside.dtype)

    def drawn_edge(self, aside: np.ndarray) -> np.ndarray:
        """How far down teeth are drawn behind these; what the photo's lower lip hides goes on there."""
        return self.edge(aside) + _GOES_ON * self.hidden - _WITHIN * (1 - self.hidden)

    def alignment(self, borders: np.ndarray) -> tuple[float, float]:
        """How far aside a row of teeth lies, metres, and how wide it is, so that its gaps are the photo's.

        Args:
            borders: Where aside the usual row has gaps, metres.
        """
        width = self.places[-1] - self.places[0]
        step = width / max(1, len(self.places) - 1)
        dark = cv2.GaussianBlur(self.light[None], (0, 0), max(0.5, 0.003 / step))[0] - self.light
        dark = (dark / max(float(self.light.mean()), 1.0)).clip(-_GAP_DARKNESS, _GAP_DARKNESS)
        best, found = _LEAST_ALIGNED, (0.0, 1.0)
        for scale in _SCALES:
            for shift in _SHIFTS:
                at = shift + scale * borders
                inner = at[(at > self.places[0]) & (at < self.places[-1])]
                if len(inner) < 3:
                    continue
                middles = (inner[1:] + inner[:-1]) / 2
                score = (
                    np.interp(inner, self.places, dark).mean() - np.interp(middles, self.places, dark).mean()
                )
                score -= _FAR_ALIGNED * (abs(shift) / 0.004 + abs(scale - 1) / 0.15)
                if score > best:
                    best, found = score, (float(shift), float(scale))
        return found


def find_shown_teeth(
    picture: np.ndarray, inside: np.ndarray, aside: np.ndarray, down: np.ndarray, skin: np.ndarray
) -> ShownTeeth | None:
    """Find upper teeth: what is bright and paler than skin from the upper lip to the first gap."""
    light = picture.mean(-1)
    colorful = np.ptp(picture, axis=-1) / light.clip(1)
    pale = inside & (colorful < 0.05 + 0.95 * float(np.ptp(skin) / skin.mean().clip(1)))
    if not pale.any() or np.quantile(light[inside], 0.8) < 0.75 * skin.mean():
        return None
    enamel = picture[pale & (light >= np.median(light[pale]))].mean(0)
    teeth = pale & (light > 0.75 * _local_brightness(light, pale, aside, float(enamel.mean())))
    rows, gap = [], max(_GAP, 1.5 * float(down[1, 0] - down[0, 0]))
    for column in np.flatnonzero(teeth.any(0)):
        here, tooth = (down[where[:, column], column] for where in (inside, teeth))
        above = inside[:, column] & (down[:, column] < tooth[0])
        # A broad smile bares gums, which are brighter than what lies behind teeth.
        gums = above.any() and np.median(light[above, column]) > _GUMS[1] * enamel.mean()
        height = here[-1] - here[0]
        reach = max(_SHADOW, _IN_SHADOW * height, gums * min(_GUMS[0], height / 2))
        if tooth[0] - here[0] < reach:
            gaps = np.flatnonzero(np.diff(tooth) > gap)
            end = tooth[gaps[0] if len(gaps) else -1]
            end = min(end, _clenched(down[:, column], light[:, column], tooth[0], end))
            among = inside[:, column] & (down[:, column] >= tooth[0]) & (down[:, column] <= end)
            bright = light[among, column].mean()
            rows.append((aside[among, column].mean(), end, here[-1] - end < 0.0007, bright))
    if len(rows) < max(4, _LEAST_SHOWN * inside.any(0).sum()):
        return None
    places, ends, hidden, bright = np.array(rows).T
    # One parabola through all ends tells those that are none, once it leaves out stains that look like gaps.
    arch, curve, believed = ends, np.zeros(3), np.ones(len(ends))
    for _ in range(_ROUNDS):
        curve = np.polyfit(places, ends, 2, w=believed)
        arch = np.polyval(curve, places)
        believed = np.where(ends < arch - _OFF_ARCH[0] / 2, _UNLIKELY, 1.0)
    ends = gaussian_filter1d(ends.clip(arch - _OFF_ARCH[0], arch + _OFF_ARCH[1]), 1.0, mode="nearest")
    return ShownTeeth(enamel, places, ends, float(hidden.mean()), bright, curve)


def _clenched(down: np.ndarray, light: np.ndarray, start: float, end: float) -> float:
    """Where in a column the upper teeth bite on the lower ones: a dark line with teeth on either side."""
    inner = light[(down >= start) & (down <= end)]
    places = down[(down >= start) & (down <= end)]
    least = np.minimum(np.maximum.accumulate(inner), np.maximum.accumulate(inner[::-1])[::-1])
    depth = np.where(places > start + _LEAST_TOOTH, least - inner, 0)
    deepest = int(depth.argmax())
    return float(places[deepest]) if depth[deepest] > _BITE * least[deepest] else end


def _local_brightness(
    light: np.ndarray, pale: np.ndarray, aside: np.ndarray, brightness: float
) -> np.ndarray:
    """How bright teeth are at each column: those at the sides may lie in shadow."""
    columns = np.flatnonzero(pale.any(0))
    brightest = np.array([np.quantile(light[pale[:, column], column], _BRIGHTEST) for column in columns])
    step = abs(float(aside[0, 1] - aside[0, 0]))
    smooth = gaussian_filter1d(brightest, max(0.5, _SHADED / step), mode="nearest")
    local = np.interp(np.arange(light.shape[1]), columns, smooth)
    return local.clip(_DARKEST * brightness, brightness)


def continue_under_lips(shown: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What the photo shows of the inside, continued a little under the lips."""
    filled = fill_holes(shown, inside < 0.6)
    color = shown * inside[..., None] + filled * (1 - inside[..., None])
    near = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    alpha = np.maximum(cv2.GaussianBlur(near, (0, 0), 1.0), inside)
    return np.dstack((color, alpha * 255))


def _white_of_eyes(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A bright, nearly colourless sample: how white things look in the photo's light."""
    samples = []
    for upper, lower in LIDS:
        outline = np.concatenate((landmarks[list(upper), :2], landmarks[list(lower[1:-1])[::-1], :2]))
        box = box_around(outline, image.shape[1], image.shape[0])
        if box is None:
            continue
        mask = soft_polygon(outline.astype(np.float32), box) > 0.9
        samples.append(image[box[1] : box[3], box[0] : box[2]][mask])
    pixels = np.concatenate(samples).astype(np.float32) if samples else np.full((1, 3), 160, np.float32)
    light = pixels.mean(1)
    return pixels[light >= np.quantile(light, 0.75)].mean(0) if len(pixels) else np.full(3, 160.0)
