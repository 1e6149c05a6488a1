"""What every ARKit shape looks like before any data speak: hand-made displacements, and where data may change
them.

Written for the person's left side (the image's right, x > 0); the right side is its mirror image.
Millimetres.
"""

import numpy as np
from topology import Topology, mirrored_names

from cameo3d.geometry import face_topology as names
from cameo3d.values import BLENDSHAPES

LEFT_BROW_INNER, LEFT_BROW_MIDDLE, LEFT_BROW_OUTER = (336, 285, 296, 295), (334, 282), (293, 283, 300, 276)
LEFT_BROW = LEFT_BROW_INNER + LEFT_BROW_MIDDLE + LEFT_BROW_OUTER
LEFT_LIDS = (*names.LEFT_LID_UPPER, *names.LEFT_LID_LOWER[1:-1])
OUTER_LIPS = (*names.OUTER_LIP_UPPER, *names.OUTER_LIP_LOWER[1:-1])
LIPS = (*OUTER_LIPS, *names.INNER_LIP_UPPER, *names.INNER_LIP_LOWER[1:-1])
LEFT_CORNER = (291, 308)
LEFT_CHEEK = (280, 425, 266, 330, 329, 411)
LEFT_NOSE_WING = (358, 279, 331, 327, 294)
CHIN = (152, 175, 199, 200, 18)
JAW_DEGREES = 21.0
"""Turn of the jaw at weight 1: a mouth as wide open as it goes without effort."""


class Priors:
    """Displacements (52, 468, 3) and freedom (52, 468) in metres, over a neutral mean face in head axes."""

    def __init__(self, mean: np.ndarray, topology: Topology) -> None:
        self.mean, self.mirror = mean * 1000, topology.mirror
        self.neighbours = _neighbours(topology.triangles)
        self.shapes = np.zeros((52, 468, 3))
        self.freedom = np.zeros((52, 468))
        self._eyes()
        self._brows()
        self._jaw()
        self._mouth()
        self._cheeks_and_nose()
        self.shapes /= 1000
        self.freedom /= 1000

    def _eyes(self) -> None:
        lids, above, below = self._lids()
        around = self._near(LEFT_LIDS, 7) * self._left(3)
        eyelids = self._near(LEFT_LIDS, 4) * self._left(3)
        gap = self._lid_gap()
        down, right = np.array((0, 1.0, 0)), np.array((1.0, 0, 0))
        self._add("eyeBlinkLeft", (0.88 * gap * above - 0.12 * gap * below)[:, None] * down, eyelids, 1.0)
        self._add("eyeLookDownLeft", (0.40 * gap * above + 1.2 * below)[:, None] * down, eyelids, 0.2)
        self._add("eyeLookUpLeft", (-1.5 * above - 0.4 * below)[:, None] * down, eyelids, 1.0)
        self._add("eyeLookInLeft", -0.6 * lids[:, None] * right, eyelids, 0.5)
        self._add("eyeLookOutLeft", 0.6 * lids[:, None] * right, eyelids, 0.5)
        squint = (0.10 * gap * above - 0.25 * gap * below)[:, None] * down
        squint[:, 1] -= 1.5 * self._near(LEFT_CHEEK[3:5], 9)
        self._add("eyeSquintLeft", squint, around, 1.2)
        self._add("eyeWideLeft", (-2.2 * above + 0.5 * below)[:, None] * down, around, 1.0)

    def _brows(self) -> None:
        inner, outer = self._near(LEFT_BROW_INNER, 11), self._near(LEFT_BROW_OUTER, 11)
        brow = self._near(LEFT_BROW, 11) * self._off_eyes()
        area = np.maximum(self._near(LEFT_BROW, 14), 0.6 * self._near((151, 337, 299, 333, 298), 14))
        down = np.zeros((468, 3))
        down[:, 1] = 4.5 * brow + 1.0 * inner * self._off_eyes()
        down[:, 0] = -2.0 * inner * self._off_eyes()
        self._add("browDownLeft", down * self._left(6)[:, None], area * self._left(6), 2.0)
        up = np.zeros((468, 3))
        up[:, 1] = -6.0 * inner * self._off_eyes()
        self._add("browInnerUp", up + self._mirrored(up * self._left(0.1)[:, None]), self._both(area), 2.0)
        up = np.zeros((468, 3))
        up[:, 1] = -6.0 * outer * self._off_eyes()
        self._add("browOuterUpLeft", up * self._left(6)[:, None], area * self._left(6), 2.0)

    def _jaw(self) -> None:
        jaw, area = self._smooth(self.jaw_membership(), 4), self._lower_face(10, 40)
        hinge = self.mean[[234, 454]].mean(0) + (0, 8.0, -12.0)
        arm = self.mean - hinge
        turn = np.radians(JAW_DEGREES)
        # About the x axis: chin down and back.
        turned = np.stack(
            (
                arm[:, 0],
                np.cos(turn) * arm[:, 1] - np.sin(turn) * arm[:, 2],
                np.sin(turn) * arm[:, 1] + np.cos(turn) * arm[:, 2],
            ),
            -1,
        )
        # The joint itself slides forward and down as it turns.
        self._add("jawOpen", (turned - arm + (0, 3.0, -7.0)) * jaw[:, None], area, 3.0)
        front = jaw * (0.2 + 0.8 * _step((self.mean[234, 2] - self.mean[:, 2] - 15) / 50))
        self._add("jawForward", front[:, None] * (0, 0, -7.0), area, 0.5)
        self._add("jawLeft", front[:, None] * (8.0, 0, 0), area, 0.5)

    def _mouth(self) -> None:
        upper, lower = self._lips()
        middle = self.mean[[13, 14]].mean(0)
        across = (self.mean[:, 0] - middle[0]) / self.mean[308, 0]  # -1 to 1 between the corners
        lips = self._near(LIPS, 7) * self._off_nose()
        wide = self._near(LIPS, 14) * self._off_nose()
        area = self._near((*LIPS, *CHIN[2:]), 14) * self._lower_face(8)
        side = self._left(7)
        corner = self._near(LEFT_CORNER, 12) * self._off_nose()
        reach = np.clip(across, -1.3, 1.3)
        bow = np.sqrt(np.clip(1 - across**2, 0, None))

        def field(x: object = 0.0, y: object = 0.0, z: object = 0.0) -> np.ndarray:
            return np.stack([np.broadcast_to(np.asarray(part, float), 468) for part in (x, y, z)], -1)

        self._add(
            "mouthFunnel", field(-5 * reach * wide, bow * (-3.5 * upper + 4.5 * lower), -6 * lips), area, 1.5
        )
        self._add(
            "mouthPucker",
            field(-11 * reach * wide, bow * (0.5 * upper - 0.5 * lower), -6.5 * lips),
            area,
            0.4,
        )
        self._add("mouthLeft", field(8 * wide, 0, 1.0 * reach * wide), area, 1.5)
        cheek = self._near(LEFT_CHEEK, 14)
        self._add(
            "mouthSmileLeft",
            field(7 * corner, -6.5 * corner - 2.5 * cheek * self._off_eyes(), 4 * corner - 1.5 * cheek)
            * side[:, None],
            self._near((*LIPS, *LEFT_CHEEK), 18) * self._left(9),
            3.0,
        )
        beside = self._near(LIPS, 14) * self._left(9)
        for name, x, y, z in (
            ("mouthFrownLeft", 1.5, 6.0, 1.0),
            ("mouthDimpleLeft", 4.5, -0.5, 3.5),
            ("mouthStretchLeft", 6.5, 3.5, 3.0),
        ):
            self._add(name, field(x * corner, y * corner, z * corner) * side[:, None], beside, 1.2)
        self._add("mouthRollLower", field(0, -3.0 * lower * bow, 3.5 * lower * bow), area, 0.8)
        self._add("mouthRollUpper", field(0, 2.5 * upper * bow, 3.5 * upper * bow), area, 0.8)
        chin = self._near(CHIN, 12)
        raised = np.maximum(lower, 0.9 * chin)
        self._add("mouthShrugLower", field(0, -4.5 * raised - 2.5 * upper, -2.0 * lower), area, 1.0)
        self._add("mouthShrugUpper", field(0, -3.0 * upper - 1.0 * lower, -1.5 * upper), area, 0.8)
        press = field(1.0 * corner, (1.3 * upper - 1.3 * lower) * (1 - self._rims()), 1.0 * lips)
        self._add("mouthPressLeft", press * side[:, None], beside, 0.8)
        soft = self._left(9)[:, None]
        off_corner = 1 - 0.7 * self._near(LEFT_CORNER, 5)
        low = field(0.5 * lower, 6.5 * lower * off_corner + 2.0 * chin, 0.5 * lower)
        self._add("mouthLowerDownLeft", low * soft, beside, 1.2)
        fold = self._near((423, 426, 391, 327), 9)
        high = field(0.5 * upper, -6.0 * upper * off_corner - 2.5 * fold * (1 - upper), 0)
        self._add("mouthUpperUpLeft", high * soft, beside, 1.2)

        # Closes the lips that jawOpen parts, with the jaw still down.
        opened = self.shapes[BLENDSHAPES.index("jawOpen")]
        ring = self._near(LIPS, 11) * self._off_nose()
        rest = np.array((0, 0.55, 0.5)) * opened[14]
        target = (
            np.where((upper > lower)[:, None], rest, rest - opened) * (ring * np.maximum(bow, 0.3))[:, None]
        )
        self._add("mouthClose", self._smooth(target, 2), area, 0.3)

    def _cheeks_and_nose(self) -> None:
        cheek = self._near((425, 411, 416, 427, 434, 266), 13)
        puff = np.stack((7.0 * cheek, 0 * cheek, -4.0 * cheek), -1) * self._off_eyes()[:, None]
        lips = 2.0 * self._near(LIPS, 7) * (1 - self._rims()) * self._off_nose()
        puff = puff + self._mirrored(puff) + np.stack((0 * lips, 0 * lips, -lips), -1)
        self._add("cheekPuff", puff, self._lower_face(0), 0.5)
        raised = self._near(LEFT_CHEEK, 11) * self._left(6)
        _, _, below = self._lids()
        squint = np.stack((1.0 * raised, -4.0 * raised - 1.2 * below, -1.0 * raised), -1)
        self._add("cheekSquintLeft", squint, raised, 0.8)
        wing = np.maximum(self._near(LEFT_NOSE_WING, 8), 0.5 * self._near((417, 465, 412, 399), 7))
        upper, _ = self._lips()
        sneer = np.stack((0.3 * wing, -4.0 * wing - 1.5 * upper, 0.5 * wing), -1) * self._left(5)[:, None]
        self._add("noseSneerLeft", sneer, wing * self._left(5), 0.8)
        self._add("tongueOut", np.zeros((468, 3)), np.zeros(468), 0.0)

    def jaw_membership(self) -> np.ndarray:
        """How far every vertex goes with the jaw bone, from 0 to 1."""
        x, y, z = self.mean.T
        line = self.mean[[13, 14], 1].mean()
        corner = self.mean[[61, 291], 1].mean()
        # Skin below the mouth goes along; cheeks do so less towards the back and the top.
        height = _step((y - corner + 2) / 22)
        front = _step((self.mean[234, 2] - z - 15) / 45)
        jaw = height * (0.25 + 0.75 * np.maximum(front, height))
        upper, lower = self._lips()
        rim = np.abs(x) / np.abs(self.mean[308, 0])
        at_corner = np.exp(-(((rim.clip(max=1.0) - 1) / 0.28) ** 2))
        jaw = np.maximum(jaw, lower * (1 - 0.55 * at_corner))
        above = (y < line + 0.1) & (upper >= lower)
        return np.where(above & (upper > 0.05), jaw * (1 - upper) + 0.45 * upper * at_corner, jaw)

    def _lids(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearness to the left eye's lids, and of skin above and below the line between them."""
        upper = self._near(names.LEFT_LID_UPPER[1:-1], 4.5)
        lower = self._near(names.LEFT_LID_LOWER[1:-1], 4.5)
        is_above = self.mean[:, 1] < self._line(names.LEFT_LID_UPPER, names.LEFT_LID_LOWER)
        return np.maximum(upper, lower), upper * is_above, lower * ~is_above

    def _lid_gap(self) -> np.ndarray:
        """Opening of the left eye at each vertex's x."""
        upper, lower = self.mean[list(names.LEFT_LID_UPPER)], self.mean[list(names.LEFT_LID_LOWER)]
        order = np.argsort(upper[:, 0])
        gap = np.linalg.norm(upper - lower, axis=1)
        return np.interp(self.mean[:, 0], upper[order, 0], gap[order])

    def _lips(self) -> tuple[np.ndarray, np.ndarray]:
        """Membership of the upper and of the lower lip, with the skin next to them."""
        upper = self._near((*names.OUTER_LIP_UPPER, *names.INNER_LIP_UPPER), 5.5) * self._off_nose()
        lower = self._near((*names.OUTER_LIP_LOWER, *names.INNER_LIP_LOWER), 5.5)
        is_above = self.mean[:, 1] < self._line(names.INNER_LIP_UPPER, names.INNER_LIP_LOWER)
        is_above[list(names.INNER_LIP_UPPER)] = True
        is_above[list(names.INNER_LIP_LOWER[1:-1])] = False
        return upper * is_above, lower * ~is_above

    def _rims(self) -> np.ndarray:
        rims = np.zeros(468)
        rims[[*names.INNER_LIP_UPPER, *names.INNER_LIP_LOWER]] = 1
        return rims

    def _line(self, upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
        middle = (self.mean[list(upper)] + self.mean[list(lower)]) / 2
        order = np.argsort(middle[:, 0])
        return np.interp(self.mean[:, 0], middle[order, 0], middle[order, 1])

    def _near(self, anchors: tuple[int, ...], reach: float) -> np.ndarray:
        distances = np.linalg.norm(self.mean[:, None] - self.mean[list(anchors)], axis=-1).min(1)
        return np.exp(-0.5 * (distances / reach) ** 2)

    def _left(self, softness: float) -> np.ndarray:
        return 1 / (1 + np.exp(-self.mean[:, 0] / softness * 2))

    def _lower_face(self, overlap: float, softness: float = 16) -> np.ndarray:
        """Everything below the nose, and `overlap` millimetres of what is above it."""
        return _step((self.mean[:, 1] - self.mean[2, 1] + softness / 2 + overlap) / softness)

    def _off_nose(self) -> np.ndarray:
        return 1 - 0.8 * self._near((1, 2, 4, 98, 327, 19, 94), 5)

    def _off_eyes(self) -> np.ndarray:
        right_lids = tuple(self.mirror[list(LEFT_LIDS)].tolist())
        return 1 - 0.85 * self._near(LEFT_LIDS + right_lids, 4)

    def _smooth(self, values: np.ndarray, times: int) -> np.ndarray:
        """Move every vertex's values towards its neighbours'; openings keep their two edges apart."""
        for _ in range(times):
            values = (values + np.tensordot(self.neighbours, values, 1)) / 2
        return values

    def _mirrored(self, shape: np.ndarray) -> np.ndarray:
        return shape[self.mirror] * (-1, 1, 1)

    def _both(self, area: np.ndarray) -> np.ndarray:
        return np.maximum(area, area[self.mirror])

    def _add(self, name: str, shape: np.ndarray, area: np.ndarray, freedom: float) -> None:
        index = BLENDSHAPES.index(name)
        other = mirrored_names()[index]
        self.shapes[index], self.freedom[index] = shape, area * freedom
        if other != index:
            self.shapes[other], self.freedom[other] = self._mirrored(shape), area[self.mirror] * freedom


def _neighbours(triangles: np.ndarray) -> np.ndarray:
    """Matrix (468, 468) that averages over the vertices that share an edge."""
    linked = np.zeros((468, 468))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        linked[triangles[:, a], triangles[:, b]] = linked[triangles[:, b], triangles[:, a]] = 1
    return linked / linked.sum(1, keepdims=True)


def _step(x: np.ndarray) -> np.ndarray:
    """Smooth step from 0 to 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
