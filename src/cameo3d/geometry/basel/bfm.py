"""The Basel face model as Deep3DFaceRecon uses it: 257 coefficients to a lit, coloured mesh and its picture.

Deng et al., CVPRW 2019. The model itself is not shipped: its arrays come from the user's own
`BFM_model_front.mat`. Camera space here is Deep3D's own: x right, y up, z
forward, the head about 10 units away.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.geometry.batch_rasterizer import BatchRaster, rasterize_batch
from cameo3d.geometry.compiled import may_loop
from cameo3d.geometry.rasterizer import rasterize

FOCAL = 1015.0
"""Focal length in pixels of a picture of `PICTURE_SIZE`."""
PICTURE_SIZE = 224
"""Side in pixels of the picture that the coefficients describe."""
CAMERA_DISTANCE = 10.0
"""From the camera to the origin of the posed head."""
COEFFICIENT_WIDTHS = (80, 64, 80, 3, 27, 3)
"""Of identity, expression, texture, angles, lighting and translation, in this order."""


@dataclass(frozen=True)
class FaceCoefficients:
    """What Deep3DFaceRecon reads off a face."""

    identity: Float[Tensor, "batch 80"]
    expression: Float[Tensor, "batch 64"]
    texture: Float[Tensor, "batch 80"]
    angles: Float[Tensor, "batch 3"]
    """Radians about x, y and z (up)."""
    lighting: Float[Tensor, "batch 27"]
    """Nine spherical harmonics for each colour, without the constant light."""
    translation: Float[Tensor, "batch 3"]

    @staticmethod
    def from_vectors(vectors: Float[Tensor, "batch 257"]) -> "FaceCoefficients":
        """Take the network's vectors apart."""
        return FaceCoefficients(*vectors.split(COEFFICIENT_WIDTHS, dim=1))

    def vectors(self) -> Float[Tensor, "batch 257"]:
        """All in the network's order."""
        parts = (self.identity, self.expression, self.texture, self.angles, self.lighting, self.translation)
        return torch.cat(parts, dim=1)


@dataclass(frozen=True)
class FacePoints:
    """Points that move linearly with identity and expression: the Basel face model, or a part of it."""

    mean: Float[Tensor, "vertices 3"]
    """The vertices of the whole mean face average to zero."""
    identity_basis: Float[Tensor, "80 vertices 3"]
    expression_basis: Float[Tensor, "64 vertices 3"]

    def shape(
        self, identity: Float[Tensor, "batch 80"], expression: Float[Tensor, "batch 64"]
    ) -> Float[Tensor, "batch vertices 3"]:
        """The face before it is posed."""
        offsets = identity @ self.identity_basis.flatten(1) + expression @ self.expression_basis.flatten(1)
        return self.mean + offsets.unflatten(-1, (-1, 3))

    def at(self, vertices: Int64[Tensor, " chosen"]) -> "FacePoints":
        """Only some of the vertices."""
        return FacePoints(
            self.mean[vertices], self.identity_basis[:, vertices], self.expression_basis[:, vertices]
        )


@dataclass(frozen=True)
class BaselFace(FacePoints):
    """Mean face and bases of the Basel face model, cropped to the front of the head."""

    mean_texture: Float[Tensor, "vertices 3"]
    """Albedo in [0, 255]."""
    texture_basis: Float[Tensor, "80 vertices 3"]
    triangles: Int64[Tensor, "triangles 3"]
    vertex_triangles: Int64[Tensor, "vertices around"]
    """Triangles around each vertex; the number of triangles stands for none."""
    landmarks: Int64[Tensor, "68"]
    """Vertices of the 68 landmarks."""

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> "BaselFace":
        """Take the model from the arrays of `BFM_model_front.mat`, whose indices begin at 1.

        Raises:
            WeightsError: If arrays are missing or do not fit together.
        """
        needed = {
            "meanshape", "meantex", "idBase", "exBase", "texBase", "tri", "point_buf", "keypoints",
        }  # fmt: skip
        missing = sorted(needed - arrays.keys())
        if missing:
            raise WeightsError(
                f"The face model lacks {', '.join(missing)}; give Deep3DFaceRecon's BFM_model_front.mat."
            )
        count = arrays["meanshape"].size // 3
        wanted = {
            "meanshape": (3 * count,), "meantex": (3 * count,), "idBase": (3 * count, 80),
            "exBase": (3 * count, 64), "texBase": (3 * count, 80), "keypoints": (68,),
        }  # fmt: skip
        flat = {
            key: arrays[key].reshape(-1) if len(shape) == 1 else arrays[key] for key, shape in wanted.items()
        }
        strange = [
            f"{key} {list(x.shape)} instead of {list(wanted[key])}"
            for key, x in flat.items()
            if x.shape != wanted[key]
        ]
        triangles, around = (_indices(arrays[key]) for key in ("tri", "point_buf"))
        if triangles.ndim != 2 or triangles.shape[1] != 3 or not _within(triangles, count):
            strange.append("tri names vertices that do not exist")
        if around.ndim != 2 or len(around) != count or not _within(around, len(triangles) + 1):
            strange.append("point_buf names triangles that do not exist")
        landmarks = _indices(flat["keypoints"])
        if not _within(landmarks, count):
            strange.append("keypoints names vertices that do not exist")
        if strange:
            raise WeightsError(
                f"The face model has another layout than expected ({'; '.join(strange)}); "
                "give Deep3DFaceRecon's BFM_model_front.mat."
            )
        mean = _floats(flat["meanshape"]).reshape(-1, 3)
        return BaselFace(
            mean=mean - mean.mean(dim=0),
            mean_texture=_floats(flat["meantex"]).reshape(-1, 3),
            identity_basis=_floats(flat["idBase"].T).reshape(80, -1, 3),
            expression_basis=_floats(flat["exBase"].T).reshape(64, -1, 3),
            texture_basis=_floats(flat["texBase"].T).reshape(80, -1, 3),
            triangles=triangles,
            vertex_triangles=around,
            landmarks=landmarks,
        )

    def albedo(self, texture: Float[Tensor, "batch 80"]) -> Float[Tensor, "batch vertices 3"]:
        """Colours without light, about [0, 1]."""
        return (self.mean_texture + (texture @ self.texture_basis.flatten(1)).unflatten(-1, (-1, 3))) / 255

    def normals(self, shape: Float[Tensor, "batch vertices 3"]) -> Float[Tensor, "batch vertices 3"]:
        """Unit normals of the vertices."""
        a, b, c = shape[:, self.triangles].unbind(dim=2)
        faces = torch.nn.functional.normalize(torch.linalg.cross(a - b, b - c), dim=-1)
        faces = torch.cat((faces, torch.zeros_like(faces[:, :1])), dim=1)
        return torch.nn.functional.normalize(faces[:, self.vertex_triangles].sum(dim=2), dim=-1)


class PosedFace(NamedTuple):
    """A face in front of the camera."""

    vertices: Float[Tensor, "batch vertices 3"]
    """In camera space; z is the distance along the optical axis."""
    albedo: Float[Tensor, "batch vertices 3"]
    colors: Float[Tensor, "batch vertices 3"]
    """Lit, about [0, 1] but not clamped."""
    landmarks: Float[Tensor, "batch 68 2"]
    """Pixels in the picture, y growing upwards from its lower edge."""


class FacePicture(NamedTuple):
    """A drawn face."""

    image: Float[Tensor, "batch 3 height width"]
    """Colours of the vertices, not clamped; 0 outside the face."""
    mask: Bool[Tensor, "batch height width"]
    depth: Float[Tensor, "batch height width"]
    """Distance along the optical axis; 0 outside the face."""
    fragments: Int64[Tensor, ""]
    """See `BatchRaster`; 0 where compiled loops drew."""


def pose_face(model: BaselFace, coefficients: FaceCoefficients) -> PosedFace:
    """Shape, turn, move and light a face."""
    shape = model.shape(coefficients.identity, coefficients.expression)
    vertices = move_to_camera(shape, coefficients.angles, coefficients.translation)
    albedo = model.albedo(coefficients.texture)
    light = shine(coefficients.lighting, model.normals(shape) @ deep3d_rotation(coefficients.angles))
    return PosedFace(vertices, albedo, albedo * light, project(vertices[:, model.landmarks]))


def move_to_camera(
    points: Float[Tensor, "batch points 3"],
    angles: Float[Tensor, "batch 3"],
    translation: Float[Tensor, "batch 3"],
) -> Float[Tensor, "batch points 3"]:
    """Turn and move points of the face into camera space, where z is the distance along the optical axis."""
    moved = points @ deep3d_rotation(angles) + translation[:, None]
    return torch.cat((moved[..., :2], CAMERA_DISTANCE - moved[..., 2:]), dim=-1)


def project(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 2"]:
    """Pixels of points in camera space, y growing upwards from the picture's lower edge."""
    return FOCAL * points[..., :2] / points[..., 2:] + PICTURE_SIZE / 2


def deep3d_rotation(angles: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3 3"]:
    """The matrix that turns points written as rows: (Rz Ry Rx) transposed."""
    cos, sin = angles.cos(), angles.sin()
    zero, one = torch.zeros_like(cos[:, 0]), torch.ones_like(cos[:, 0])

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))

    about_x = matrix(one, zero, zero, zero, cos[:, 0], -sin[:, 0], zero, sin[:, 0], cos[:, 0])
    about_y = matrix(cos[:, 1], zero, sin[:, 1], zero, one, zero, -sin[:, 1], zero, cos[:, 1])
    about_z = matrix(cos[:, 2], -sin[:, 2], zero, sin[:, 2], cos[:, 2], zero, zero, zero, one)
    return (about_z @ about_y @ about_x).mT


def shine(
    lighting: Float[Tensor, "batch 27"], normals: Float[Tensor, "batch vertices 3"]
) -> Float[Tensor, "batch vertices 3"]:
    """Light of each colour on a surface: spherical harmonics to the second order, and a constant 0.8."""
    x, y, z = normals.unbind(dim=-1)
    flat = math.pi / math.sqrt(4 * math.pi)
    linear = 2 * math.pi / math.sqrt(3) * math.sqrt(3) / math.sqrt(4 * math.pi)
    square = 2 * math.pi / math.sqrt(8) * 3 * math.sqrt(5) / math.sqrt(12 * math.pi)
    harmonics = torch.stack(
        (
            torch.full_like(x, flat),
            -linear * y,
            linear * z,
            -linear * x,
            square * x * y,
            -square * y * z,
            square * (3 * z**2 - 1) / (2 * math.sqrt(3)),
            -square * x * z,
            square * (x**2 - y**2) / 2,
        ),
        dim=-1,
    )
    first, others = lighting.unflatten(1, (3, 9)).split((1, 8), dim=-1)
    return harmonics @ torch.cat((first + 0.8, others), dim=-1).mT


def draw_face(
    model: BaselFace,
    face: PosedFace,
    size: int = PICTURE_SIZE,
    slots: Int64[Tensor, " room"] | None = None,
) -> FacePicture:
    """Draw lit faces with perspective-correct colours, on their device; surfaces are seen from both sides.

    No gradient flows through the picture.

    Args:
        model: Whose triangles.
        face: Where its vertices are, and their colours.
        size: Side of the picture in pixels.
        slots: Room for a fixed number of fragments; see `rasterize_batch`.
    """
    vertices, colors = face.vertices.detach(), face.colors.detach()
    nearness = 1 / vertices[..., 2:]
    x, y = (sign * FOCAL * size / PICTURE_SIZE * vertices[..., axis] for axis, sign in ((0, 1), (1, -1)))
    points = torch.stack((x, y), dim=-1) * nearness + size / 2
    # Seen through a lens, not colours but colours over depth run linearly over the picture.
    linear = torch.cat((colors * nearness, nearness), dim=-1)
    draw = _draw_each if slots is None and may_loop(vertices) else partial(rasterize_batch, slots=slots)
    seen, _, fragments = draw(points, -nearness[..., 0], model.triangles, linear, size, size)
    depth = (1 / seen[..., 3]).masked_fill(seen[..., 3] <= 0, 0)
    image = (seen[..., :3] * depth[..., None]).permute(0, 3, 1, 2)
    return FacePicture(image, depth > 0, depth, fragments)


def _draw_each(
    points: Float[Tensor, "batch vertices 2"],
    depths: Float[Tensor, "batch vertices"],
    triangles: Int64[Tensor, "triangles 3"],
    attributes: Float[Tensor, "batch vertices channels"],
    height: int,
    width: int,
) -> BatchRaster:
    """`rasterize_batch` by compiled code, one mesh after the other."""
    corners = triangles.to(torch.int32).numpy()
    meshes = zip(*(x.float().numpy() for x in (points, depths, attributes)), strict=True)
    drawn = [rasterize(places, far, corners, colors, height, width) for places, far, colors in meshes]
    images, nearest = (torch.from_numpy(np.stack(x)).to(points) for x in zip(*drawn, strict=True))
    return BatchRaster(images, nearest, torch.tensor(0))


def _indices(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)) - 1


def _within(indices: Tensor, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _floats(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
