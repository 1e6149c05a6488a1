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
from cameo3d.values import BLENDSHAPES

_UPPER_LID_SHARE, _UPPER_LIP_SHARE = 0.88, 0.3
"""Of a correction of an opening, the part that the upper edge does."""
_JAW_WITNESSES = (14, 17)
"""Middle of the lower lip, which follows the lower teeth when only the jaw moves."""
_LID_REACH, _LIP_REACH = 0.007, 0.009
"""Metres over which skin follows a correction of its edge."""


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
        self._basis = model.expression_basis.flatten(1)
        self._source, self._rest = expression, rest
        self._neutral = model.vertices(identity, torch.zeros_like(expression))
        self._rims = [
            _Rim(rest, RIGHT_LID_UPPER, RIGHT_LID_LOWER, blink="eyeBlinkRight"),
            _Rim(rest, LEFT_LID_UPPER, LEFT_LID_LOWER, blink="eyeBlinkLeft"),
            _Rim(rest, INNER_LIP_UPPER, INNER_LIP_LOWER),
        ]
        shapes = [BLENDSHAPES.index(name) for name in ("jawOpen", "jawForward", "jawLeft", "jawRight")]
        self._jaw = torch.zeros(52, 3)
        self._jaw[shapes] = model.expression_basis[shapes][:, list(_JAW_WITNESSES)].mean(1)
        self._source_gaps = [rim.gaps(rest) for rim in self._rims]
        self._model_gaps = self._modelled(expression)
        self._neutral_gaps = [rim.gaps(self._neutral) for rim in self._rims]

    def __call__(self, expression: Float[Tensor, "52"]) -> Float[Tensor, "468 3"]:
        """Displacements from the photo's vertices, head axes, metres; zero for the photo's own expression."""
        change = ((expression - self._source) @ self._basis).view(-1, 3)
        moved, gaps = self._rest + change, self._modelled(expression)
        for number, rim in enumerate(self._rims):
            source, modelled = self._source_gaps[number], self._model_gaps[number]
            gap, neutral = gaps[number], self._neutral_gaps[number]
            # What the model cannot explain of the photo's gap fades as the model closes.
            share = torch.where(gap >= modelled, 1.0, gap.clamp(min=0) / modelled.clamp(min=1e-6)).clamp(
                max=1
            )
            if rim.blink is not None:
                # Lids: the same share of the person's own opening as of the model's.
                ratio = source.clamp(min=0) / torch.maximum(modelled, 0.25 * neutral.clamp(min=1e-4))
                wanted = gap * ratio + (source - modelled * ratio) * share
            else:
                wanted = gap + (source - modelled) * share
            wanted = torch.maximum(wanted, source.clamp(max=0))
            change = change + rim.correct(wanted - rim.gaps(moved))
        return change

    def jaw(self, expression: Float[Tensor, "52"]) -> Float[Tensor, "3"]:
        """How far the lower teeth move from the photo's, head axes, metres."""
        return (expression - self._source) @ self._jaw

    def _modelled(self, expression: Tensor) -> list[Tensor]:
        """How far the model opens at every rim, point by point, metres."""
        awake = expression.clone()
        awake[[rim.blink for rim in self._rims if rim.blink is not None]] = 0
        posed = self._neutral + (awake @ self._basis).view(-1, 3)
        return [
            rim.gaps(posed)
            if rim.blink is None
            else rim.gaps(posed).clamp(min=0) * (1 - expression[rim.blink])
            for rim in self._rims
        ]


class _Rim:
    """The two edges of an opening, and the skin that follows them."""

    def __init__(
        self, rest: Tensor, upper: tuple[int, ...], lower: tuple[int, ...], blink: str | None = None
    ) -> None:
        self.blink = None if blink is None else BLENDSHAPES.index(blink)
        upper_share, reach = (_UPPER_LID_SHARE, _LID_REACH) if blink else (_UPPER_LIP_SHARE, _LIP_REACH)
        self._upper, self._lower = torch.tensor(upper[1:-1]), torch.tensor(lower[1:-1])
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
        self._spread = torch.from_numpy(spread.astype(np.float32))

    def gaps(self, vertices: Tensor) -> Tensor:
        """How far the lower edge lies below the upper one, point by point, metres."""
        return vertices[self._lower, 1] - vertices[self._upper, 1]

    def correct(self, missing: Tensor) -> Tensor:
        """Displacements that widen the opening by so much, with the skin around it."""
        change = torch.zeros(len(self._spread), 3)
        change[:, 1] = self._spread @ missing
        return change


def _sorted(upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line between two edges, as a function of x for `numpy.interp`."""
    middle = (upper + lower) / 2
    order = np.argsort(middle[:, 0])
    return middle[order, 0], middle[order, 1]
