"""Where the lips end in a photo of an open mouth: landmarks of their inner edges, moved off teeth and tongue.

In shouts and laughs these landmarks often lie on the teeth or on the tongue. What a lip keeps of those never
closes, and is stretched as if it were skin. A small network looks at the mouth, and at where the landmarks
are, and says which pixels lie between the lips (docs/cards/lip_edges.md); edges go where that begins.
"""

import functools
import itertools

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.processors import one_thread
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LIP_RINGS_LOWER,
    LIP_RINGS_UPPER,
    OUTER_LIP_LOWER,
    OUTER_LIP_UPPER,
)
from cameo3d.weights.shipped import load_tensors

SIZE = 64
"""Pixels across the square that the network sees."""
REACH = 1.6
"""Side of that square in widths, or heights, of the lips."""
_WIDTHS = (8, 16, 24, 32)
"""Channels of the network at each scale."""
_LIPS = ((LIP_RINGS_UPPER, INNER_LIP_LOWER), (LIP_RINGS_LOWER, INNER_LIP_UPPER))
_STEPS, _COLUMNS = 49, 41
_OUTWARD, _INWARD = 0.9, 0.3
"""How far the edge is looked for beyond the landmarks, and before them, as shares of the lip's height and of
half the opening."""
_KEPT = 0.35
"""Share of its height that a lip keeps at least; its outer edge gives way by the rest."""
_HOLD, _EVEN = 0.02, 3.0
"""Share of the search's steps that leaving the landmarks by all of it costs, and columns over which the
edge is evened out."""
_OPEN = 0.12
"""Opening, in widths of the mouth, from which on the edges are looked for, fully at twice that."""


class OpeningNet(nn.Module):
    """Colours of a mouth, and masks of opening and lips by landmarks -> what lies between the lips."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = _Pair(5, _WIDTHS[0])
        self.down = nn.ModuleList(_Pair(before, after) for before, after in itertools.pairwise(_WIDTHS))
        self.up = nn.ModuleList(
            _Pair(before + after, before) for before, after in reversed(list(itertools.pairwise(_WIDTHS)))
        )
        self.exit = nn.Conv2d(_WIDTHS[0], 1, 1)

    def forward(self, mouths: Float[Tensor, "mouths 5 size size"]) -> Float[Tensor, "mouths size size"]:
        """Scores of each pixel, which a sigmoid makes a share, for mouths as `network_input` makes them."""
        seen = [self.entry(mouths)]
        for block in self.down:
            seen.append(block(functional.max_pool2d(seen[-1], 2)))
        found = seen.pop()
        for block in self.up:
            before = seen.pop()
            larger = functional.interpolate(found, before.shape[-2:], mode="bilinear", align_corners=False)
            found = block(torch.cat((before, larger), 1))
        return self.exit(found)[:, 0]


class _Pair(nn.Sequential):
    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.ReLU(),
        )


@functools.cache
def load_opening_net() -> OpeningNet:
    """Load the shipped network, once.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = OpeningNet()
    network.load_state_dict({name: tensor.float() for name, tensor in load_tensors("lip_edges").items()})
    return network.eval().requires_grad_(False)


def find_lip_edges(
    rgb: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "478 3"],
    network: nn.Module | None = None,
) -> Float32[np.ndarray, "478 3"]:
    """Move the landmarks of the lips' inner edges to where an open mouth's inside ends.

    Along every line from the opening to a lip's outer edge, the edge parts inside from lip, with the fewest
    pixels on the wrong side.

    Args:
        rgb: The picture.
        landmarks: Landmarks on it, pixels.
        network: Another than the shipped one.
    """
    trust = min(1.0, max(0.0, openness(landmarks) / _OPEN - 1))
    if trust == 0:
        return landmarks
    frame = mouth_frame(landmarks)
    seen = network_input(cut_mouth(rgb, frame, SIZE), landmarks, frame)
    with torch.inference_mode(), one_thread():
        inside = (network or load_opening_net())(torch.from_numpy(seen)[None])[0].sigmoid().numpy()
    found = landmarks.copy()
    shares = np.linspace(-_INWARD, _OUTWARD, _STEPS, dtype=np.float32)
    for rings, across in _LIPS:
        inner, *between, outer = (list(ring) for ring in rings)
        start, end = landmarks[inner, :2], landmarks[outer, :2]
        middle = (start + landmarks[list(across), :2]) / 2
        at = np.linspace(0, len(inner) - 1, _COLUMNS)
        first, last, center = (_along(line, at) for line in (start, end, middle))
        share = shares[:, None, None]
        places = first + np.where(share > 0, (last - first) * share, (first - center) * share)
        x, y = np.moveaxis(places @ frame[:, :2].T + frame[:, 2], -1, 0).astype(np.float32) - 0.5
        other = cv2.remap(inside, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cost = np.cumsum(1 - 2 * other, 0) + _HOLD * _STEPS * np.abs(shares)[:, None]
        path = shares[cost.argmin(0)]
        moved = gaussian_filter1d(path, _EVEN, mode="nearest")
        moved[[0, -1]] = path[[0, -1]].clip(0)  # both lips have the same corners
        moved = moved[:: (_COLUMNS - 1) // (len(inner) - 1), None] * trust
        to = start + np.where(moved > 0, (end - start) * moved, (start - middle) * moved)
        pushed = end + (end - start) * (moved - 1 + _KEPT).clip(0)
        found[inner, :2], found[outer, :2] = to, pushed
        for ring in between:
            # Those in between keep their place between both edges.
            height = np.linalg.norm(end - start, axis=1, keepdims=True).clip(1e-6)
            share = (np.linalg.norm(landmarks[ring, :2] - start, axis=1, keepdims=True) / height).clip(0, 1)
            found[ring, :2] += (1 - share) * (to - start) + share * (pushed - end)
    return found


def openness(landmarks: Float32[np.ndarray, "478 3"]) -> float:
    """How far lips are apart, in widths of the mouth."""
    upper, lower = landmarks[list(INNER_LIP_UPPER), :2], landmarks[list(INNER_LIP_LOWER), :2]
    width = float(np.linalg.norm(upper[-1] - upper[0]))
    return float(np.linalg.norm(lower[3:8] - upper[3:8], axis=1).mean()) / max(width, 1e-6)


def mouth_frame(landmarks: Float32[np.ndarray, "478 3"]) -> Float[np.ndarray, "2 3"]:
    """The affine map from a picture to the square around its mouth, whose corners lie level there, pixels."""
    right = landmarks[OUTER_LIP_UPPER[-1], :2] - landmarks[OUTER_LIP_UPPER[0], :2]
    right = right / max(float(np.linalg.norm(right)), 1e-6)
    turn = np.array((right, (-right[1], right[0])), np.float64)
    lips = landmarks[list(OUTER_LIP_UPPER + OUTER_LIP_LOWER), :2] @ turn.T
    low, high = lips.min(0), lips.max(0)
    scale = SIZE / (REACH * max(float((high - low).max()), 1.0))
    return scale * np.column_stack((turn, -(low + high) / 2)) + np.array(((0, 0, SIZE / 2), (0, 0, SIZE / 2)))


def cut_mouth(
    rgb: UInt8[np.ndarray, "height width 3"], frame: Float[np.ndarray, "2 3"], size: int
) -> UInt8[np.ndarray, "size size 3"]:
    """The square around a mouth, `size` pixels across."""
    fine = 2 * size  # halved at the end, by means over four pixels
    back = cv2.invertAffineTransform(frame)
    steps = back[:, :2] * (SIZE / fine)
    apart = float(np.linalg.norm(steps[:, 0]))
    corners = np.array(((0, 0), (0, SIZE), (SIZE, 0), (SIZE, SIZE))) @ back[:, :2].T + back[:, 2]
    low = np.floor(corners.min(0) - 2 * apart - 2).astype(int).clip(0, np.array(rgb.shape[1::-1]) - 1)
    high = np.ceil(corners.max(0) + 2 * apart + 2).astype(int).clip(low + 1)
    part = np.ascontiguousarray(rgb[low[1] : high[1], low[0] : high[0]])
    if apart > 1.5:
        part = cv2.GaussianBlur(part, (0, 0), 0.45 * apart)
    matrix = np.column_stack((steps, back[:, 2] - low + steps @ (0.5, 0.5) - 0.5))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(part, matrix, (fine, fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA)


def network_input(
    colors: UInt8[np.ndarray, "size size 3"] | Float[np.ndarray, "size size 3"],
    landmarks: Float32[np.ndarray, "478 3"],
    frame: Float[np.ndarray, "2 3"],
) -> Float32[np.ndarray, "5 size size"]:
    """A mouth as the network sees it: colours of one brightness and contrast, and where its landmarks lie."""
    colors = colors.astype(np.float32)
    even = (colors - colors.mean()) / max(float(colors.std()), 8.0)
    masks = [
        2 * mask_of(landmarks[[*upper, *lower[-2:0:-1]], :2] @ frame[:, :2].T + frame[:, 2], SIZE) - 1
        for upper, lower in ((INNER_LIP_UPPER, INNER_LIP_LOWER), (OUTER_LIP_UPPER, OUTER_LIP_LOWER))
    ]
    return np.concatenate((even.clip(-3, 3).transpose(2, 0, 1), masks)).astype(np.float32)


def mask_of(outline: Float[np.ndarray, "corners 2"], size: int) -> Float32[np.ndarray, "size size"]:
    """How much of each pixel lies within an outline."""
    fine, bits = np.zeros((4 * size, 4 * size), np.uint8), 4
    corners = np.rint((4 * outline - 0.5) * (1 << bits)).astype(np.int32)
    cv2.fillPoly(fine, [corners], 255, shift=bits)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _along(line: np.ndarray, at: np.ndarray) -> np.ndarray:
    corners = np.arange(len(line))
    return np.stack([np.interp(at, corners, line[:, k]) for k in (0, 1)], -1)
