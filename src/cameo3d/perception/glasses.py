"""Whether a face wears glasses, and where: rims and lenses.

One small network looks at a strip around both eyes, cut out by landmarks and brought to one brightness
(docs/cards/glasses.md).
"""

import functools
import itertools

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.processors import one_thread
from cameo3d.perception.sight import brightness, face_axes, network_input
from cameo3d.weights.shipped import load_tensors

ROWS, COLUMNS = 80, 160
"""Pixels of a strip as the network sees it."""
MAPS = ("rim", "lens")
"""What it draws."""
STRIP_WIDTH, STRIP_DROP = 2.6, 0.12
"""Width of the strip, and how far below the eyes it is centred, in distances between the eyes."""
WORN = 0.95
"""From how sure on a face counts as wearing glasses."""
_CORNERS = (263, 362, 33, 133)
_WIDTHS = (12, 24, 40, 48)


class GlassesNet(nn.Module):
    """A strip around both eyes -> maps of rims and lenses, and a score of glasses."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _WIDTHS
        self.down = nn.ModuleList(
            (_convolutions(3, a), _convolutions(a, b, b), _convolutions(b, c, c), _convolutions(c, d, d))
        )
        self.across = nn.ModuleList((nn.Conv2d(b, a, 1), nn.Conv2d(c, b, 1), nn.Conv2d(d, c, 1)))
        self.up = nn.ModuleList((_convolutions(2 * a, a), _convolutions(2 * b, b), _convolutions(2 * c, c)))
        self.maps = nn.Conv2d(a, len(MAPS), 1)
        self.squeeze = nn.Conv2d(d, 12, 3, padding=1, stride=2)
        self.worn = nn.Sequential(nn.Dropout(0.3), nn.Linear(12 * (ROWS // 16) * (COLUMNS // 16), 1))

    def forward(
        self, strips: Float[Tensor, "strips 3 rows columns"]
    ) -> tuple[Float[Tensor, "strips maps rows columns"], Float[Tensor, " strips"]]:
        """Logits of the maps, and of glasses, for strips as `network_input` makes them."""
        seen, levels = strips, []
        for number, block in enumerate(self.down):
            seen = block(functional.max_pool2d(seen, 2) if number else seen)
            levels.append(seen)
        worn = self.worn(functional.relu(self.squeeze(seen)).flatten(1))[:, 0]
        for level in (2, 1, 0):
            coarse = functional.interpolate(self.across[level](seen), scale_factor=2, mode="bilinear")
            seen = self.up[level](torch.cat((coarse, levels[level]), 1))
        return self.maps(seen), worn


@functools.cache
def load_glasses_net() -> GlassesNet:
    """Load the shipped network, once.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = GlassesNet()
    network.load_state_dict({name: tensor.float() for name, tensor in load_tensors("glasses").items()})
    return network.eval().requires_grad_(False)


def find_glasses(
    rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "vertices 3"]
) -> UInt8[np.ndarray, "height width 2"] | None:
    """How surely every pixel of a photo is a rim, and a lens, up to 255; None without glasses.

    Args:
        rgb: The photo.
        landmarks: Face mesh in its pixels.
    """
    place = strip_place(landmarks)
    strip = cut_strip(rgb, place)
    seen = torch.from_numpy(network_input(strip, brightness(rgb, landmarks)))
    with torch.inference_mode(), one_thread():
        maps, worn = load_glasses_net()(seen[None])
    if float(worn.sigmoid()) < WORN:
        return None
    drawn = (255 * maps[0].sigmoid()).round().to(torch.uint8).numpy().transpose(1, 2, 0)
    back = cv2.invertAffineTransform(place)
    return cv2.warpAffine(
        np.ascontiguousarray(drawn),
        _pixels(back),
        rgb.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )


def strip_place(
    landmarks: Float32[np.ndarray, "vertices 3"], margin: float = 1.0
) -> Float[np.ndarray, "2 3"]:
    """From positions in the upright strip around both eyes, in pixels, to those in the picture.

    Args:
        landmarks: Face mesh in pixels of the picture.
        margin: Width of the strip in those that the network sees, of as many pixels more.
    """
    right, down, distance = face_axes(landmarks)
    center = landmarks[list(_CORNERS), :2].mean(0) + STRIP_DROP * distance * down
    steps = np.stack((right, down), 1) * (STRIP_WIDTH * distance / COLUMNS)
    return np.column_stack((steps, center - steps @ (COLUMNS * margin / 2, ROWS * margin / 2)))


def cut_strip(
    image: UInt8[np.ndarray, "height width 3"],
    place: Float[np.ndarray, "2 3"],
    margin: float = 1.0,
    finer: int = 2,
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The strip that lies in a picture as `strip_place` says."""
    size = (round(COLUMNS * margin), round(ROWS * margin))
    steps = place[:, :2] / finer
    step = float(np.linalg.norm(steps[:, 0]))
    if step > 1:
        image = cv2.GaussianBlur(image, (0, 0), 0.45 * step)
    fine = cv2.warpAffine(
        image,
        _pixels(np.column_stack((steps, place[:, 2]))),
        (size[0] * finer, size[1] * finer),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.resize(fine, size, interpolation=cv2.INTER_AREA)


def _pixels(place: np.ndarray) -> np.ndarray:
    """The same map between numbers of pixels, which are half a pixel less than their centres."""
    return np.column_stack((place[:, :2], place[:, 2] + place[:, :2].sum(1) / 2 - 0.5))


def _convolutions(*widths: int) -> nn.Sequential:
    pairs = itertools.pairwise(widths)
    return nn.Sequential(*(layer for a, b in pairs for layer in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())))
