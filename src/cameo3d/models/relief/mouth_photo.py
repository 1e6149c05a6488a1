"""What a photo tells of a mouth's inside: its colours, and the teeth that it shows."""

from typing import NamedTuple

import cv2
import numpy as np

from cameo3d.geometry.face_topology import OVAL
from cameo3d.imaging.inpainting import fill_holes
from cameo3d.models.relief.eyes import LIDS, box_around
from cameo3d.models.relief.patch import soft_polygon

CHEEKS_AND_CHIN, LIPS = (50, 280, 199, 205, 425), (12, 15, 38, 268, 86, 316)
"""Landmarks whose colours are taken."""
_SHADOW, _GAP, _LEAST_SHOWN = 0.003, 0.0009, 0.35
"""Metres of the upper lip's shadow over teeth, metres of a gap that ends them, and the share of the opening's
width in which a photo must show upper teeth."""


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


def enamel_color(image: np.ndarray, landmarks: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The colour of teeth: the white of the eyes, warmed by the skin, as bright as bright skin at most."""
    white = _white_of_eyes(image, landmarks)
    face = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(face, [np.rint(landmarks[list(OVAL), :2]).astype(np.int32)], 1)
    brightest = np.quantile(image[face > 0].mean(-1), 0.97)
    # Eyes may lie in shadow or in glare.
    light = min(max(white.mean(), 1.5 * skin.mean()), brightest)
    tint = 0.3 + 0.4 * white / white.mean().clip(1) + 0.3 * skin / skin.mean().clip(1)
    tint[1] += 0.35 * (tint[0] - tint[1])  # ivory where those are rosy, and grey where they are grey
    return light * tint / tint.mean()


class ShownTeeth(NamedTuple):
    """The upper teeth that a photo shows."""

    enamel: np.ndarray
    """Their colour."""
    edge: np.ndarray
    """How far down they are shown, metres, as a parabola of metres aside."""
    span: tuple[float, float]
    """Where aside they are shown, metres."""
    behind_lip: float
    """How much further they go on, metres: teeth that end at the photo's lower lip do so behind it."""


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
    teeth = pale & (light > 0.75 * enamel.mean())
    rows, gap = [], max(_GAP, 1.5 * float(down[1, 0] - down[0, 0]))
    for column in np.flatnonzero(teeth.any(0)):
        here, tooth = (down[where[:, column], column] for where in (inside, teeth))
        if tooth[0] - here[0] < _SHADOW:
            gaps = np.flatnonzero(np.diff(tooth) > gap)
            end = tooth[gaps[0] if len(gaps) else -1]
            rows.append((aside[:, column].mean(), end, here[-1] - end < 0.0007))
    if len(rows) < max(4, _LEAST_SHOWN * inside.any(0).sum()):
        return None
    places, shown, to_lip = np.array(rows).T
    span = (float(places.min()), float(places.max()))
    return ShownTeeth(enamel, np.polyfit(places, shown, 2), span, 0.0012 * float(to_lip.mean()))


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
