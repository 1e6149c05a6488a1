"""Move the face's vertices from the photo's expression to another, so that lips and lids meet exactly."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.values import BLENDSHAPES

_UPPER_LID_SHARE, _UPPER_LIP_SHARE = 0.88, 0.3
"""Of a correction of an opening, the part that the upper edge does."""
_JAWS = ("jawOpen", "jawForward", "jawLeft", "jawRight")
_JAW_WITNESSES = (14, 17)
"""Middle of the lower lip, which follows the lower teeth when only the jaw moves."""
_EXPLAINED = 0.002
"""Metres by which the model may be wrong about how far lips are apart."""
_LID_REACH, _LIP_REACH = 0.007, 0.009
"""Metres over which skin follows a correction of its edge."""
_LENS, _OVAL, _ROUND = 0.2, 0.6, 0.5
"""Openings, in widths of the mouth, up to which lips meet in sharp corners, and from which on they make an
oval; and how much of the way to an exact one."""


def bared_teeth(
    model: FaceModel, identity: Float[Tensor, " components"], expression: Float[Tensor, "52"], gap: float
) -> tuple[float, float]:
    """Metres by which a photo's expression raises the upper lip, and lowers the lower one from its teeth.

    Args:
        model: The face model.
        identity: The person's shape.
        expression: The photo's.
        gap: How far its lips are apart, metres; what the model cannot explain of that, lips alone do.
    """
    shapes = [BLENDSHAPES.index(name) for name in _JAWS]
    moved = torch.einsum("s,svc->vc", expression, model.expression_basis[:, [13, 14]])
    jaw = torch.einsum(
        "s,svc->c", expression[shapes], model.expression_basis[shapes][:, list(_JAW_WITNESSES)]
    )
    upper, lower = model.vertices(identity, expression)[[13, 14]]
    alone = max(0.0, gap - float((lower - upper).norm()) - _EXPLAINED)
    raised, lowered = -float(moved[0, 1]), float(moved[1, 1] - jaw[1] / len(_JAW_WITNESSES))
    return (
        max(0.0, raised) + _UPPER_LIP_SHARE * alone,
        max(0.0, lowered) + (1 - _UPPER_LIP_SHARE) * alone,
    )


class ExpressionChange:
    """Displacements of one person's face between two expressions.

    The linear blendshapes say where skin goes; they do not know this person's lips and lids to a tenth of a
    millimetre. So openings are corrected afterwards: at the photo's own expression they are the photo's,
    and where the model closes, they close. The model's blink lowers a lid by the same length for everybody;
    here it takes away its share of the person's own opening, so that wide eyes close, too.
    """

    def __init__(
        self,
        model: FaceModel,
        identity: Float[Tensor, " components"],
        expression: Float[Tensor, "52"],
        rest: Float[Tensor, "468 3"],
    ) -> None:
        """Prepare one person.

        Args:
            model: The face model.
            identity: The person's shape.
            expression: The photo's expression.
            rest: The photo's vertices in head axes, metres.
        """
        basis, self._source = model.expression_basis.numpy(), expression.numpy()
        self._basis = basis.reshape(len(basis), -1)
        shapes = [BLENDSHAPES.index(name) for name in _JAWS]
        self._jaw = torch.zeros(52, 3)
        self._jaw[shapes] = model.expression_basis[shapes][:, list(_JAW_WITNESSES)].mean(1)
        rims = [
            _Rim(rest, RIGHT_LID_UPPER, RIGHT_LID_LOWER, blink="eyeBlinkRight"),
            _Rim(rest, LEFT_LID_UPPER, LEFT_LID_LOWER, blink="eyeBlinkLeft"),
            _Rim(rest, INNER_LIP_UPPER, INNER_LIP_LOWER),
        ]

        def gaps(vertices: np.ndarray) -> Float[np.ndarray, "*shapes gaps"]:
            """How far the openings' edges are apart, point by point and rim after rim, metres."""
            return np.concatenate([rim.gaps(vertices) for rim in rims], axis=-1)

        self._spread = np.concatenate([rim.spread for rim in rims], axis=1)
        self._blinks = [rim.blink for rim in rims if rim.blink is not None]
        self._blink_of = np.concatenate(
            [[-1 if rim.blink is None else rim.blink] * rim.count for rim in rims]
        )
        self._is_lid = self._blink_of >= 0
        # Of linear blendshapes, gaps are linear, too.
        self._gap_basis = gaps(basis)
        self._source_gaps = gaps(rest.numpy())
        self._neutral_gaps = gaps(model.vertices(identity, torch.zeros_like(expression)).numpy())
        corners, inner = [INNER_LIP_UPPER[0], INNER_LIP_UPPER[-1]], list(INNER_LIP_UPPER[1:-1])
        self._lips = np.arange(len(self._blink_of))[-rims[-1].count :]
        self._width = float(np.ptp(rest.numpy()[corners, 0]))
        self._width_basis = np.diff(basis[:, corners, 0])[:, 0]
        aside = 2 * (rest.numpy()[inner, 0] - rest.numpy()[corners, 0].mean()) / max(self._width, 1e-6)
        self._oval = np.sqrt((1 - aside**2).clip(0)).astype(np.float32)
        self._model_gaps = self._modelled(self._source)
        # Lids: the same share of the person's own opening as of the model's.
        own = np.maximum(self._model_gaps, 0.25 * self._neutral_gaps.clip(min=1e-4))
        self._ratio = np.where(self._is_lid, self._source_gaps.clip(min=0) / own, 1).astype(np.float32)

    def __call__(self, expression: Float[Tensor, "52"]) -> Float[Tensor, "468 3"]:
        """Displacements from the photo's vertices, head axes, metres; zero for the photo's own expression."""
        wanted_weights = expression.numpy()
        moved = wanted_weights - self._source
        change = (moved @ self._basis).reshape(-1, 3)
        source, modelled, gap = self._source_gaps, self._model_gaps, self._modelled(wanted_weights)
        # What the model cannot explain of the photo's gap fades as the model closes.
        share = np.where(gap >= modelled, 1, gap.clip(min=0) / modelled.clip(min=1e-6)).clip(max=1)
        wanted = gap * self._ratio + (source - modelled * self._ratio) * share
        wanted = np.maximum(wanted, source.clip(max=0))
        change[:, 1] += self._spread @ (wanted - source - moved @ self._gap_basis)
        return torch.from_numpy(change)

    def jaw(self, expression: Float[Tensor, "52"]) -> Float[Tensor, "3"]:
        """How far the lower teeth move from the photo's, head axes, metres."""
        return (expression - torch.from_numpy(self._source)) @ self._jaw

    def _modelled(self, expression: Float[np.ndarray, "52"]) -> Float[np.ndarray, " gaps"]:
        """How far the model opens at every rim, point by point, metres."""
        awake = expression.copy()
        awake[self._blinks] = 0
        gaps = self._neutral_gaps + awake @ self._gap_basis
        # Blendshapes of few landmarks make a hexagon of a wide mouth.
        lips, width = gaps[self._lips], self._width + (expression - self._source) @ self._width_basis
        high = lips[len(lips) // 2 :][:1]
        round_ = _ROUND * smoothstep((high / max(width, 1e-3) - _LENS) / (_OVAL - _LENS))
        gaps[self._lips] += round_ * (high * self._oval - lips).clip(min=0)
        return np.where(self._is_lid, gaps.clip(min=0) * (1 - expression[self._blink_of]), gaps)


class _Rim:
    """The two edges of an opening, and the skin that follows them."""

    def __init__(
        self, rest: Tensor, upper: tuple[int, ...], lower: tuple[int, ...], blink: str | None = None
    ) -> None:
        self.blink = None if blink is None else BLENDSHAPES.index(blink)
        upper_share, reach = (_UPPER_LID_SHARE, _LID_REACH) if blink else (_UPPER_LIP_SHARE, _LIP_REACH)
        self._upper, self._lower, self.count = list(upper[1:-1]), list(lower[1:-1]), len(upper) - 2
        points = rest.numpy()
        up, low = points[list(upper[1:-1])], points[list(lower[1:-1])]
        spread = np.zeros((len(points), len(up)), np.float32)
        above = points[:, 1] < np.interp(points[:, 0], *_sorted(points[list(upper)], points[list(lower)]))
        for edge, side, share in ((up, above, -upper_share), (low, ~above, 1 - upper_share)):
            distance = np.linalg.norm(points[:, None] - edge[None], axis=-1)
            near = distance.min(1)
            nearest = np.exp(-((distance / (0.4 * reach)) ** 2)) + 1e-9
            weight = nearest / nearest.sum(1, keepdims=True) * np.exp(-((near / reach) ** 2))[:, None]
            spread += np.where(side[:, None], share * weight, 0)
        for edge, share in ((upper[1:-1], -upper_share), (lower[1:-1], 1 - upper_share)):
            spread[list(edge)] = share * np.eye(len(edge), dtype=np.float32)
        self.spread = spread
        """How far each vertex moves down when the opening gets wider, gap by gap."""

    def gaps(self, vertices: Float[np.ndarray, "*shapes vertices 3"]) -> Float[np.ndarray, "*shapes gaps"]:
        """How far the lower edge lies below the upper one, point by point, metres."""
        return vertices[..., self._lower, 1] - vertices[..., self._upper, 1]


def _sorted(upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line between two edges, as a function of x for `numpy.interp`."""
    middle = (upper + lower) / 2
    order = np.argsort(middle[:, 0])
    return middle[order, 0], middle[order, 1]
