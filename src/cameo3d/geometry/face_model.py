"""The shipped face model: 468 vertices that move linearly with identity and with ARKit's 52 expressions."""

import functools
from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.weights.shipped import load_tensors


@dataclass(frozen=True)
class FaceModel:
    """A mean face and two bases, in head axes (see docs/conventions.md) and metres.

    The vertices are those of MediaPipe's face mesh. How the shipped one was learned:
    docs/cards/face_model.md.
    """

    mean: Float[Tensor, "468 3"]
    """The neutral mean face: closed lips, open eyes, symmetric; its vertices average to zero."""
    identity_basis: Float[Tensor, "components 468 3"]
    """What one standard deviation of each component of identity adds, the most telling first."""
    expression_basis: Float[Tensor, "52 468 3"]
    """What each of ARKit's shapes adds at weight 1, in the order of `cameo3d.values.BLENDSHAPES`."""
    triangles: Int64[Tensor, "triangles 3"]
    """Skin without the openings of eyes and mouth; counter-clockwise as one sees them in the image."""
    mirror: Int64[Tensor, "468"]
    """For every vertex, the one on the other side of the face."""

    def vertices(
        self, identity: Float[Tensor, "*batch components"], expression: Float[Tensor, "*batch 52"]
    ) -> Float[Tensor, "*batch 468 3"]:
        """Shape a face.

        Args:
            identity: Components of identity in standard deviations.
            expression: ARKit weights, in [0, 1] for a natural face.

        Returns:
            Vertices in head axes, metres.
        """
        offsets = identity @ self.identity_basis.flatten(1) + expression @ self.expression_basis.flatten(1)
        return self.mean + offsets.unflatten(-1, (-1, 3))


@functools.cache
def load_face_model() -> FaceModel:
    """Load the shipped face model; it is read once and must not be changed in place.

    Raises:
        WeightsError: If the file is missing, damaged, or of another layout.
    """
    tensors = load_tensors("face_model")
    names = {"mean", "identity_basis", "expression_basis", "triangles", "mirror"}
    if set(tensors) != names:
        raise WeightsError(f"The face model has {sorted(tensors)} instead of {sorted(names)}.")
    return FaceModel(
        mean=tensors["mean"].float(),
        identity_basis=tensors["identity_basis"].float(),
        expression_basis=tensors["expression_basis"].float(),
        triangles=tensors["triangles"].long(),
        mirror=tensors["mirror"].long(),
    )
