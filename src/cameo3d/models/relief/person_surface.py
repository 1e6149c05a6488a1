"""The shape of a whole person: the fitted face and what is lifted around it, one mesh that follows it."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import OPENINGS, OVAL
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.imaging.inpainting import cloth_likeness
from cameo3d.models.relief.behind import back_heights
from cameo3d.models.relief.canvas import Canvas
from cameo3d.models.relief.ears import find_ears
from cameo3d.models.relief.mirrored import evened, mirror_near_half, pull_outline
from cameo3d.models.relief.surface import (
    SKULL_CENTER,
    Heights,
    cell_centers,
    lift,
    sample,
    triangulate_around,
)
from cameo3d.values import Portrait

_SPACING = 7 / 512
"""Distance of surface points around the face, as a fraction of the crop."""
_BEHIND_CHEEK = 0.008
"""Metres behind a bulging cheek at which the surface around the face goes on."""
_TRAGI = (234, 454)
_CARRIERS = 6
"""Face vertices that carry a point of the surrounding surface along with the expression."""


class PersonSurface(NamedTuple):
    """The person's shape; the fields of the avatar, and what its colours need of it."""

    points: np.ndarray
    depths: np.ndarray
    back_depths: np.ndarray
    triangles: np.ndarray
    back_triangles: np.ndarray
    head: np.ndarray
    carriers: np.ndarray
    carrier_weights: np.ndarray
    face_triangles: int
    """So many of the triangles, the first ones, are the face's."""
    heights: Heights
    ears: np.ndarray
    """Cells that show an ear."""
    cell_meters: float
    level: np.ndarray
    """How far each cell lies below the ears' middle, metres."""
    strange: np.ndarray
    """How little each pixel looks like the face's skin."""
    per_meter: float
    """Canvas pixels in a metre at the skull."""


def lift_person(
    portrait: Portrait,
    canvas: Canvas,
    model: FaceModel,
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    landmarks: Float[np.ndarray, "landmarks 3"],
) -> PersonSurface:
    """Lift a whole person, and tie what is around the face to it.

    Args:
        portrait: The portrait.
        canvas: Where the surface lies in the photo.
        model: The face model.
        image: The canvas.
        matte: The person's coverage of it, in [0, 1].
        landmarks: Of the face, pixels of the canvas.
    """
    person = portrait.person
    rotation = matrices_from_angles(person.rotation)
    fitted = model.vertices(person.identity, person.expression) @ rotation.T + person.translation
    closed = np.concatenate((model.triangles.numpy(), np.array(OPENINGS))).astype(np.int32)
    face_points, face_depths = landmarks[:468, :2], fitted[:, 2].numpy()
    oval, skull = np.array(OVAL), rotation.numpy() @ SKULL_CENTER + person.translation.numpy()
    cells = cell_centers(canvas.side)
    in_head = _head_positions(cells, canvas, portrait)
    strange = cloth_likeness(*_halved(image, face_points[oval]))
    per_meter = canvas.pixels_per_unit(person.crop) / float(skull[2])
    cell_meters = float((cells[0, 1, 0] - cells[0, 0, 0]) / per_meter)
    level = np.ascontiguousarray(in_head[..., 1])
    level = level - sample(level, face_points[list(_TRAGI)]).mean()
    outlined = np.column_stack((face_points, face_depths))[oval]
    ears = find_ears(image, matte, strange, outlined, level, rotation.numpy(), cell_meters)
    heights = lift(
        matte,
        strange,
        face_points,
        face_depths,
        closed,
        in_head,
        float(skull[2]),
        cell_meters,
        ears,
    )
    spacing = _SPACING * canvas.scale * person.crop.side
    rim = _rim(face_points, face_depths, oval, spacing)
    mesh = triangulate_around(rim.points, heights.person, matte, spacing)
    added, around = rim.share > 0, mesh.points
    inner = 468 + int(added.sum())
    on_rim = np.where(added, 467 + np.cumsum(added), rim.ends[:, 0])
    outer = np.concatenate((on_rim, inner + np.arange(len(around)))).astype(np.int32)[mesh.triangles]
    points = np.concatenate((face_points, rim.points[added], around)).astype(np.float32)
    silhouette = sample(heights.silhouette, points)
    outline = np.append(np.zeros(inner, np.bool_), mesh.on_silhouette)
    inside = np.where(outline, 0, sample(heights.inside, points)).astype(np.float32)
    # A cheek may bulge over its outline; what joins the outline there goes behind it.
    outer_depths = sample(heights.depths, around) + _BEHIND_CHEEK * sample(heights.face, around)
    outer_depths = np.where(mesh.on_silhouette, silhouette[inner:], outer_depths)
    head = np.concatenate((np.ones(inner, np.float32), sample(heights.head, around)))
    triangles = np.concatenate((closed, outer))
    depths = np.concatenate((face_depths, rim.depths[added], outer_depths)).astype(np.float32)
    carried = _carry(face_points, rim, around, oval, per_meter)
    front = canvas.rays(person.crop, points) * depths[:, None]
    pose = rotation.numpy(), person.translation.numpy()
    mirrored = mirror_near_half(front, head, triangles, pose, carried, model)
    pulled = np.zeros(len(points), np.float32)
    if mirrored is not None:
        there = canvas.points(person.crop, mirrored.positions)
        pulled = pull_outline(mirrored, there, points, depths, inside, matte) * head
        depths = evened(mirrored, depths - pulled, triangles[len(closed) :], carried[1].sum(1))
    of_back = (inside > 0) | outline | (sample(ears.seen.astype(np.float32), points) > 0.5)
    return PersonSurface(
        points,
        depths,
        silhouette + back_heights(inside, head, sample(level, points)) - pulled,
        triangles,
        triangles[of_back[triangles].all(1)],
        head,
        *carried,
        len(closed),
        heights,
        ears.seen,
        cell_meters,
        level,
        strange,
        per_meter,
    )


def _halved(image: np.ndarray, oval: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture at half its size, and the outline of the face there: enough for cells."""
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), oval / np.float32(2)


def _head_positions(cells: np.ndarray, canvas: Canvas, portrait: Portrait) -> np.ndarray:
    """Where canvas positions lie in the head's upright (x, y) plane, metres, whatever its turn."""
    rays = canvas.rays(portrait.person.crop, cells.reshape(-1, 2))[:, :2] * float(
        portrait.person.translation[2]
    )
    offset = rays - portrait.person.translation[:2].numpy()
    roll = float(portrait.person.rotation[2])
    upright = offset @ np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return upright.reshape(cells.shape).astype(np.float32)


class _Rim(NamedTuple):
    """The face's outline with more points between its vertices for the surface around to join."""

    points: np.ndarray
    """Places on the canvas, pixels, in order."""
    depths: np.ndarray
    ends: np.ndarray
    """The two vertices of the face between which each point lies."""
    share: np.ndarray
    """How far it lies from the first to the second; 0 for the vertices themselves."""


def _rim(points: np.ndarray, depths: np.ndarray, oval: np.ndarray, spacing: float) -> _Rim:
    rows = []
    for first, second in zip(oval, np.roll(oval, -1), strict=True):
        count = max(1, round(float(np.linalg.norm(points[second] - points[first])) / spacing))
        for share in np.arange(count) / count:
            # Straight in space, so that no crack opens when the face moves.
            depth = depths[first] + (depths[second] - depths[first]) * share
            at = (
                points[first] * depths[first] * (1 - share) + points[second] * depths[second] * share
            ) / depth
            rows.append((*at, depth, first, second, share))
    table = np.array(rows)
    return _Rim(
        table[:, :2].astype(np.float32),
        table[:, 2].astype(np.float32),
        table[:, 3:5].astype(np.int32),
        table[:, 5].astype(np.float32),
    )


def _carry(
    face: np.ndarray, rim: _Rim, around: np.ndarray, oval: np.ndarray, per_meter: float
) -> tuple[np.ndarray, np.ndarray]:
    """Tie points to vertices of the face: those of the rim to its ends, others to the nearest, fading."""
    added = rim.share > 0
    inner = 468 + int(added.sum())
    carriers = np.zeros((inner + len(around), _CARRIERS), np.int32)
    weights = np.zeros((inner + len(around), _CARRIERS), np.float32)
    carriers[:468, 0], weights[:468, 0] = np.arange(468), 1
    carriers[468:inner, :2] = rim.ends[added]
    weights[468:inner, 0], weights[468:inner, 1] = 1 - rim.share[added], rim.share[added]
    distance = np.linalg.norm(around[:, None] - face[oval][None], axis=-1) / per_meter
    nearest = np.argsort(distance, 1)[:, :_CARRIERS]
    near = np.take_along_axis(distance, nearest, 1)
    share = 1 / (near + 1e-3) ** 2
    fade = np.exp(-((near[:, :1] / 0.035) ** 2))
    carriers[inner:] = oval[nearest]
    weights[inner:] = share / share.sum(1, keepdims=True) * fade
    return carriers, weights
