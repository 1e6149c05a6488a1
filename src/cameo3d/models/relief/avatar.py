"""The relief avatar: one photo lifted to a textured surface. Nothing is learned; the photo is the texture."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor

from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.avatar import Avatar
from cameo3d.models.relief.canvas import Canvas
from cameo3d.models.relief.eyes import Eye
from cameo3d.models.relief.mouth import Mouth
from cameo3d.models.relief.patch import Patch
from cameo3d.values.limits import IndexOf, Within
from cameo3d.values.portrait import LEAST_METRES

_DEPTHS = Within(0.3, 3.0)
"""Metres; those of 20 people lay between 0.86 and 1.21."""
_MOST_COVER = 16.0
"""How often the triangles may cover the canvas; those of 20 people did so 0.7 times."""
_LEAST_OVERLAP = 0.25
"""Share of the crop's side that the canvas, and the photo, must at least show."""


@dataclass(frozen=True)
class ReliefAvatar(Avatar):
    """What the relief model keeps of one person. The first 468 vertices are the face's."""

    canvas: Canvas
    texture: UInt8[Tensor, "side side 4"]
    """The person's colours, continued beyond the soft edge, and the matte."""
    back: UInt8[Tensor, "side side 4"]
    """The colours of the person's back, and where gaps in the matte are none in the person."""
    turned: UInt8[Tensor, "side side 4"]
    """The person's colours as a turned head shows them, and what grain they lack (`turned_colors`)."""
    plate: UInt8[Tensor, "side side 3"]
    """The canvas without the person."""
    points: Annotated[Float32[Tensor, "vertices 2"], Within(-4096, 8192)]
    """Where each vertex lies on the canvas, pixels."""
    depths: Annotated[Float32[Tensor, " vertices"], _DEPTHS]
    """Depth of the front surface in the crop camera, metres."""
    back_depths: Annotated[Float32[Tensor, " vertices"], _DEPTHS]
    """Depth of the back surface at the same positions."""
    triangles: Annotated[Int32[Tensor, "triangles 3"], IndexOf("vertices")]
    back_triangles: Annotated[Int32[Tensor, "back_triangles 3"], IndexOf("vertices")]
    """Those within the outline, beyond which the front alone carries soft hair."""
    head: Annotated[Float32[Tensor, " vertices"], Within(0, 1)]
    """How far a vertex follows the head: 1 head, 0 torso."""
    anchored: Annotated[Float32[Tensor, " vertices"], Within(0, 1)]
    """How far the torso may move there: 0 at the canvas's lower border."""
    carriers: Annotated[Int32[Tensor, "vertices carriers"], IndexOf(468)]
    """Face vertices whose expression a vertex takes over."""
    carrier_weights: Annotated[Float32[Tensor, "vertices carriers"], Within(0, 1)]
    left_eye: Eye
    right_eye: Eye
    mouth: Mouth
    glasses: Patch | None
    """Rims, and what lenses mirror; None without glasses. Nothing of them is in the texture."""

    def face_in_photo(self) -> Float32[np.ndarray, "468 2"]:
        """The face's vertices in pixels of the photo."""
        points = self.points.numpy()[:468] / self.canvas.scale
        return (points + (self.canvas.left, self.canvas.top)).astype(np.float32)

    def misfits(self) -> Iterator[str]:
        """What a file may not say of a relief."""
        if len(self.points) < 468:
            yield f"has {len(self.points)} vertices and needs those of a face"
            return
        components = len(load_face_model().identity_basis)
        if len(self.person.identity) != components:
            yield f"has {len(self.person.identity)} components of identity, not {components}"
        if self.canvas.side != len(self.texture):
            yield f"has a canvas of {self.canvas.side} pixels for a texture of {len(self.texture)}"
            return
        reach = self.canvas.side / self.canvas.scale / self.person.crop.side
        if not 1 <= reach <= 8:
            yield f"has a canvas {reach:g} times as wide as its crop"
        mouth = self.mouth
        eyes, inside = (self.left_eye, self.right_eye), (mouth.cavity, mouth.tongue, mouth.lower, mouth.upper)
        worn = () if self.glasses is None else (self.glasses,)
        patches = (*(eye.patch for eye in eyes), *inside, *worn)
        depths = (self.person.translation[2:], *(patch.positions[:, 2] for patch in patches))
        if min(float(depth.min()) for depth in depths) < LEAST_METRES:
            yield f"has parts nearer to the camera than {LEAST_METRES:g} metres"
        yield from self._misplaced()
        corners = self.points.double()[torch.cat((self.triangles, self.back_triangles)).long()]
        (first, second) = (corners[:, 1:] - corners[:, :1]).unbind(1)
        area = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).abs().sum() / 2
        if float(area) > _MOST_COVER * self.canvas.side**2:
            yield "has triangles that cover its canvas many times"

    def _misplaced(self) -> Iterator[str]:
        """Photo, crop and canvas lie over one another."""
        crop, canvas = self.person.crop, self.canvas
        width = canvas.side / canvas.scale
        for start, middle, length in (
            (canvas.left, crop.center_x, self.person.photo.shape[1]),
            (canvas.top, crop.center_y, self.person.photo.shape[0]),
        ):
            low, high = middle - crop.side / 2, middle + crop.side / 2
            if min(high, start + width) - max(low, start) < _LEAST_OVERLAP * crop.side:
                yield "has a canvas that does not show its crop"
            if min(high, start + width, length) - max(low, start, 0) < _LEAST_OVERLAP * min(
                crop.side, length
            ):
                yield "has a crop that does not lie in its photo"
