"""What of a face a photo shows: whether eyes are covered or shut, the mouth covered, or the tongue out.

Two small networks look at squares around each eye and the mouth, cut out by landmarks and brought to one
brightness (docs/cards/sight.md). They know nothing else of how the landmarks were found.
"""

import functools
import itertools

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from cameo3d.blocks.processors import one_thread
from cameo3d.values.motion import BLENDSHAPES
from cameo3d.values.portrait import Sight
from cameo3d.weights.shipped import load_tensors

PATCH_SIZE = 40
"""Pixels across a square as the networks see it."""
EYE_CLASSES, MOUTH_CLASSES = ("seen", "shut", "covered"), ("seen", "tongue", "covered")
"""What the networks tell apart."""
_EYE_SIDE, _MOUTH_SIDE, _MOUTH_DROP = 0.95, 1.35, 0.05
"""Sides of the squares, and how far below the lips the mouth's is centred, in distances between the eyes."""
_LEAST_DISTANCE = 0.33
"""Least distance between the eyes in heights of the face: from the side, they come near each other."""
_LEFT_CORNERS, _RIGHT_CORNERS, _LIPS = (263, 362), (33, 133), (61, 291, 13, 14)
_SKIN = (9, 151, 8, 6, 168, 107, 336, 50, 280, 5, 4)
"""Vertices on forehead, nose and cheeks, whose brightness is taken for the face's."""
_BRIGHTNESS, _LEAST_BRIGHTNESS, _CONTRAST, _RANGE = 120.0, 25.0, 70.0, (-1.8, 2.5)
_BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
_SIDE_VIEW = 0.6
"""Radians of yaw from which on the far eye is taken for what the near one is."""


def judge_sight(
    rgb: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "vertices 3"],
    expression: Float[np.ndarray, "52"],
    yaw: float,
) -> Sight:
    """Judge what a photo shows of a face. The only place that does.

    Glasses and closed eyes come in pairs, so each eye's judgement needs some support by the other one's,
    unless it is very sure. Whether eyes are shut, the lids' landmarks say, too.

    Args:
        rgb: The photo.
        landmarks: Face mesh in pixels of the photo.
        expression: ARKit weights measured by the landmarks.
        yaw: The head's turn to the side, radians.
    """
    networks = load_sight_nets()
    eyes = [eye_patch(rgb, landmarks, side, PATCH_SIZE) for side in (0, 1)]
    light = brightness(rgb, landmarks)
    _, shut, covered = _look(networks.eye, eyes, light).T
    _, tongue, hidden = _look(networks.mouth, [mouth_patch(rgb, landmarks, PATCH_SIZE)], light)[0]
    shut, covered = _supported(shut, 0.3), _supported(covered, 0.2)
    shut = (shut + expression[_BLINKS]) / 2
    for corners, eye in ((_LEFT_CORNERS, 0), (_RIGHT_CORNERS, 1)):
        if _outside(landmarks[list(corners)], rgb):
            covered[eye] = 1.0
    if abs(yaw) > _SIDE_VIEW:
        # A head that is turned to the image's left hides the person's right eye.
        near, far = (0, 1) if yaw > 0 else (1, 0)
        shut[far], covered[far] = shut[near], covered[near]
    if _outside(landmarks[list(_LIPS)], rgb):
        hidden = 1.0
    left_shut, right_shut = shut.clip(0, 1).tolist()
    left_covered, right_covered = covered.clip(0, 1).tolist()
    return Sight(left_covered, right_covered, left_shut, right_shut, float(hidden), float(tongue))


def covered_parts(
    rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "vertices 3"]
) -> Float[np.ndarray, "3"]:
    """How surely the left eye, the right eye and the mouth are covered in one frame of a video, in [0, 1].

    Eyes support each other as in a photo.

    Args:
        rgb: The frame.
        landmarks: Face mesh in its pixels.
    """
    networks, light = load_sight_nets(), brightness(rgb, landmarks)
    eyes = [eye_patch(rgb, landmarks, side, PATCH_SIZE) for side in (0, 1)]
    left, right = _supported(_look(networks.eye, eyes, light)[:, 2], 0.2).clip(0, 1)
    mouth = _look(networks.mouth, [mouth_patch(rgb, landmarks, PATCH_SIZE)], light)[0, 2]
    places = (_LEFT_CORNERS, _RIGHT_CORNERS, _LIPS)
    beyond = [_outside(landmarks[list(place)], rgb) for place in places]
    return np.where(beyond, 1.0, (left, right, mouth))


class PatchNet(nn.Module):
    """A square around an eye or the mouth -> scores of three classes."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        widths = (3, 12, 24, 32)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers, nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())
        cells = (PATCH_SIZE // 8) ** 2
        self.head = nn.Sequential(
            nn.Dropout(0.3), nn.Linear(32 * cells, 32), nn.ReLU(), nn.Linear(32, classes)
        )

    def forward(self, patches: Float[Tensor, "patches 3 size size"]) -> Float[Tensor, "patches classes"]:
        """Look at patches as `network_input` makes them."""
        return self.head(self.features(patches).flatten(1))


class SightNets(nn.Module):
    """Both networks; the eye's sees left eyes mirrored."""

    def __init__(self) -> None:
        super().__init__()
        self.eye, self.mouth = PatchNet(len(EYE_CLASSES)), PatchNet(len(MOUTH_CLASSES))


@functools.cache
def load_sight_nets() -> SightNets:
    """Load the shipped networks, once.

    Raises:
        WeightsError: If their file is missing or damaged.
    """
    networks = SightNets()
    networks.load_state_dict({name: tensor.float() for name, tensor in load_tensors("sight").items()})
    return networks.eval().requires_grad_(False)


def eye_patch(
    image: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "vertices 3"],
    side: int,
    size: int,
    reach: float = 1.0,
) -> UInt8[np.ndarray, "size size 3"]:
    """The upright square around an eye, as a right eye.

    Args:
        image: The photo.
        landmarks: Face mesh in its pixels.
        side: 0 for the left eye, 1 for the right one.
        size: Pixels across.
        reach: Side of the square in those that the networks see.
    """
    right, down, distance = face_axes(landmarks)
    center = landmarks[list((_LEFT_CORNERS, _RIGHT_CORNERS)[side]), :2].mean(0)
    return _cut(image, center, -right if side == 0 else right, down, _EYE_SIDE * reach * distance, size)


def mouth_patch(
    image: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "vertices 3"],
    size: int,
    reach: float = 1.0,
) -> UInt8[np.ndarray, "size size 3"]:
    """The upright square around the mouth; arguments as for `eye_patch`."""
    right, down, distance = face_axes(landmarks)
    center = landmarks[list(_LIPS), :2].mean(0) + _MOUTH_DROP * distance * down
    return _cut(image, center, right, down, _MOUTH_SIDE * reach * distance, size)


def brightness(
    image: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "vertices 3"]
) -> float:
    """The grey level of a face."""
    at = np.rint(landmarks[list(_SKIN), :2]).astype(int).clip(0, np.array(image.shape[1::-1]) - 1)
    return float(np.median(image[at[:, 1], at[:, 0]].mean(1)))


def network_input(
    patch: UInt8[np.ndarray, "height width 3"] | Float[np.ndarray, "height width 3"], light: float
) -> Float32[np.ndarray, "3 height width"]:
    """Bring a patch to one brightness of the face, as the networks see it."""
    even = patch.astype(np.float32) * (_BRIGHTNESS / max(light, _LEAST_BRIGHTNESS))
    return ((even - _BRIGHTNESS) / _CONTRAST).clip(*_RANGE).transpose(2, 0, 1).astype(np.float32)


def _look(network: PatchNet, patches: list[np.ndarray], light: float) -> np.ndarray:
    seen = torch.from_numpy(np.stack([network_input(patch, light) for patch in patches]))
    with torch.inference_mode(), one_thread():
        return network(seen).softmax(1).double().numpy()


def _supported(sure: np.ndarray, more: float) -> np.ndarray:
    """Of both eyes: as sure as the other one and somewhat more, or above 0.9 on its own."""
    return np.maximum(np.minimum(sure, sure[::-1] + more), 10 * sure - 9)


def _outside(places: np.ndarray, image: np.ndarray) -> bool:
    """Whether the middle of some vertices lies beyond the picture."""
    x, y = places[:, :2].mean(0)
    return not (0 <= x < image.shape[1] and 0 <= y < image.shape[0])


def face_axes(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Unit vectors to the image's right and down of an upright head, and the distance between the eyes."""
    between = landmarks[list(_LEFT_CORNERS), :2].mean(0) - landmarks[list(_RIGHT_CORNERS), :2].mean(0)
    distance = float(np.linalg.norm(between))
    right = between / max(distance, 1e-6)
    height = float(np.linalg.norm(landmarks[152, :2] - landmarks[10, :2]))
    return right, np.array((-right[1], right[0])), max(distance, _LEAST_DISTANCE * height)


def _cut(
    image: np.ndarray, center: np.ndarray, right: np.ndarray, down: np.ndarray, side: float, size: int
) -> np.ndarray:
    size *= 2  # halved at the end, by means over four pixels
    steps = np.stack((right, down), 1) * (side / size)
    corner = center - steps @ np.full(2, size / 2)
    low = np.floor(center - side).astype(int).clip(0)
    high = np.ceil(center + side).astype(int).clip(low + 1)
    part = image[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return np.zeros((size, size, 3), np.uint8)
    if side > 1.5 * size:
        part = cv2.GaussianBlur(part, (0, 0), 0.45 * side / size)
    matrix = np.column_stack((steps, corner - low + steps @ (0.5, 0.5) - 0.5))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(part, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(fine, (size // 2, size // 2), interpolation=cv2.INTER_AREA)
