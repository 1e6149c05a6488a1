"""The relief avatar: one photo lifted to a textured surface. Nothing is learned; the photo is the texture."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor

from cameo3d.geometry.crops import shown_square
from cameo3d.geometry.face_model import FaceModel, load_face_model
from cameo3d.geometry.face_topology import OPENINGS, OVAL
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.imaging.inpainting import cloth_likeness, foreground_colors, inpaint_background
from cameo3d.models.avatar import Avatar
from cameo3d.models.relief.behind import back_colors, back_heights, closed_gaps, filled_gaps
from cameo3d.models.relief.beyond import continue_beyond
from cameo3d.models.relief.canvas import Canvas, choose_canvas
from cameo3d.models.relief.ears import find_ears
from cameo3d.models.relief.expression import bared_teeth
from cameo3d.models.relief.eyes import Eye, make_eye
from cameo3d.models.relief.glasses import make_glasses, take_off
from cameo3d.models.relief.lid_edges import find_lid_edges
from cameo3d.models.relief.lighting import find_light
from cameo3d.models.relief.mouth import Mouth, PhotoFacts, make_mouth
from cameo3d.models.relief.onward import continue_onward, plate_onward
from cameo3d.models.relief.patch import Patch
from cameo3d.models.relief.surface import (
    SKULL_CENTER,
    Heights,
    cell_centers,
    lift,
    sample,
    triangulate_around,
)
from cameo3d.models.relief.turned import turned_colors
from cameo3d.values import Portrait
from cameo3d.values.limits import IndexOf, Within
from cameo3d.values.portrait import LEAST_METRES

_SPACING = 7 / 512
"""Distance of surface points around the face, as a fraction of the crop."""
_BEHIND_CHEEK = 0.008
"""Metres behind a bulging cheek at which the surface around the face goes on."""
_MARGIN = 0.012
"""Sides of the canvas around the person that may still hold some of it, and are no background."""
_TRAGI = (234, 454)
_CARRIERS = 6
"""Face vertices that carry a point of the surrounding surface along with the expression."""
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
    turned: UInt8[Tensor, "side side 3"]
    """The person's colours as a turned head shows them."""
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


def lift_portrait(portrait: Portrait, model: FaceModel, detail: int = 0) -> ReliefAvatar:
    """Lift a portrait to a relief. Deterministic; a second on two CPU cores.

    Args:
        portrait: The portrait.
        model: The face model.
        detail: Pixels across the crop that frames are to show; more than usual takes longer.
    """
    person = portrait.person
    canvas = choose_canvas(person.crop, detail)
    landmarks = portrait.edges.numpy().copy()
    landmarks[:, :2] = (landmarks[:, :2] - (canvas.left, canvas.top)) * canvas.scale
    landmarks[:, 2] *= canvas.scale
    layers = _take_apart(portrait, canvas, landmarks)
    image, matte, worn = layers.image, layers.matte, None
    if portrait.glasses is not None:
        maps = canvas.cut(portrait.glasses.numpy())
        worn = take_off(image, maps, landmarks, person.sight.covered_eyes)
        layers = layers._replace(image=worn.face)
    with ThreadPoolExecutor(1, "colors") as pool:
        # They take half of the time, and nothing of the shape depends on them.
        painting = pool.submit(_paint_person, layers)
        photo, image = image, layers.image
        landmarks = find_lid_edges(image, landmarks)
        surface = _lift_person(portrait, canvas, model, layers, landmarks)
        face, rays = surface.triangles[: surface.face_triangles], partial(canvas.rays, person.crop)
        face_points, face_depths = surface.points[:468], surface.depths[:468]
        positions = rays(face_points) * face_depths[:, None]
        light = find_light(image, face_points, positions, face)
        gap = float(np.linalg.norm(positions[14] - positions[13]))
        bared = bared_teeth(model, person.identity, person.expression, gap)
        facts = PhotoFacts(person.identity.numpy(), light, canvas.scale, bared)
        left, right = (make_eye(side, image, landmarks, face_depths, rays) for side in (0, 1))
        mouth = make_mouth(image, landmarks, face_depths, rays, surface.per_meter, facts)
        glasses = None
        if worn is not None:
            glasses = make_glasses(photo, worn.cover, *surface[:2], surface.triangles, rays)
        gaps = closed_gaps(matte, face_points[np.array(OVAL)], surface.per_meter)
        plate, colors = painting.result()
    colors = filled_gaps(colors, matte, gaps)
    turned = turned_colors(colors, matte, plate, surface.heights, surface.cell_meters, canvas.scale)
    back = back_colors(colors, matte, surface.strange, surface.heights, surface.level)
    return ReliefAvatar(
        person=person,
        canvas=canvas,
        texture=torch.from_numpy(np.dstack((colors, np.rint(matte * 255).astype(np.uint8)))),
        back=torch.from_numpy(np.dstack((back, gaps))),
        turned=torch.from_numpy(turned),
        plate=torch.from_numpy(plate),
        points=torch.from_numpy(surface.points),
        depths=torch.from_numpy(surface.depths),
        back_depths=torch.from_numpy(surface.back_depths),
        triangles=torch.from_numpy(surface.triangles),
        back_triangles=torch.from_numpy(surface.back_triangles),
        head=torch.from_numpy(surface.head),
        anchored=torch.from_numpy(
            ((canvas.side - surface.points[:, 1]) / (0.35 * canvas.side)).clip(0, 1).astype(np.float32)
        ),
        carriers=torch.from_numpy(surface.carriers),
        carrier_weights=torch.from_numpy(surface.carrier_weights),
        left_eye=left,
        right_eye=right,
        mouth=mouth,
        glasses=glasses,
    )


class _Layers(NamedTuple):
    """The photo on the canvas, taken apart."""

    image: np.ndarray
    """The photo, and beyond it the person's colours."""
    matte: np.ndarray
    """The person's coverage."""
    outside: np.ndarray
    """What lies beyond the photo."""
    paint_plate: Callable[[], np.ndarray]
    """Makes the canvas without the person, which takes a while."""


def _take_apart(portrait: Portrait, canvas: Canvas, landmarks: np.ndarray) -> _Layers:
    photo, coverage = portrait.person.photo.numpy(), portrait.matte.numpy()
    image, matte = canvas.cut(photo), canvas.cut(coverage).clip(0, 1)
    height, width = coverage.shape
    outside, margin = canvas.outside(width, height), round(_MARGIN * canvas.side)
    if shown_square(portrait.person.crop, portrait.landmarks.numpy(), width, height) == portrait.person.crop:
        paint_plate = partial(plate_onward, image, matte, outside, margin)
        return _Layers(*continue_onward(image, matte, outside, landmarks), outside, paint_plate)
    image, matte, backdrop = continue_beyond(image, matte, outside, landmarks)
    paint_plate = partial(inpaint_background, backdrop, np.where(outside, 0, matte), margin)
    return _Layers(image, matte, outside, paint_plate)


def _paint_person(layers: _Layers) -> tuple[np.ndarray, np.ndarray]:
    """The canvas without the person, and the person's own colours."""
    image, matte, outside, paint_plate = layers
    plate = paint_plate()
    return plate, cv2.copyTo(image, outside.astype(np.uint8), foreground_colors(image, matte, plate))


class _Surface(NamedTuple):
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
    cell_meters: float
    level: np.ndarray
    """How far each cell lies below the ears' middle, metres."""
    strange: np.ndarray
    """How little each pixel looks like the face's skin."""
    per_meter: float
    """Canvas pixels in a metre at the skull."""


def _lift_person(
    portrait: Portrait, canvas: Canvas, model: FaceModel, layers: _Layers, landmarks: np.ndarray
) -> _Surface:
    person, image, matte = portrait.person, layers.image, layers.matte
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
    of_back = (inside > 0) | outline | (sample(ears.seen.astype(np.float32), points) > 0.5)
    return _Surface(
        points,
        np.concatenate((face_depths, rim.depths[added], outer_depths)).astype(np.float32),
        silhouette + back_heights(inside, head, sample(level, points)),
        triangles,
        triangles[of_back[triangles].all(1)],
        head,
        *_carry(face_points, rim, around, oval, per_meter),
        len(closed),
        heights,
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
