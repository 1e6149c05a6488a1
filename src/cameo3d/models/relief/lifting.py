"""From a portrait to a relief: colours on one thread, the shape on another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import torch

from cameo3d.geometry.crops import shown_square
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import OVAL
from cameo3d.imaging.inpainting import foreground_colors, inpaint_background
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.behind import back_colors, closed_gaps, filled_gaps
from cameo3d.models.relief.beyond import continue_beyond
from cameo3d.models.relief.canvas import Canvas, choose_canvas
from cameo3d.models.relief.expression import bared_teeth
from cameo3d.models.relief.eyes import make_eye
from cameo3d.models.relief.glasses import make_glasses, take_off
from cameo3d.models.relief.lid_edges import find_lid_edges
from cameo3d.models.relief.lighting import find_light
from cameo3d.models.relief.mouth import PhotoFacts, make_mouth
from cameo3d.models.relief.onward import continue_onward, plate_onward
from cameo3d.models.relief.outward import outward_colors
from cameo3d.models.relief.person_surface import lift_person
from cameo3d.models.relief.scalp import paint_scalp
from cameo3d.models.relief.turned import turned_colors
from cameo3d.values import Portrait

_MARGIN = 0.012
"""Sides of the canvas around the person that may still hold some of it, and are no background."""


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
        surface = lift_person(portrait, canvas, model, image, matte, landmarks)
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
    heights, level, per_meter = surface.heights, surface.level, surface.per_meter
    facts = (surface.strange, heights.face, level, canvas.scale, per_meter)
    outward = outward_colors(colors, matte, plate, *facts)
    ears, cell_meters = surface.ears, surface.cell_meters
    turned = turned_colors(colors, matte, plate, outward, heights, ears, cell_meters, canvas.scale)
    paint_scalp(colors, matte, layers.outside, landmarks, turned[..., :3])
    # What lies beyond the photo was made as the surface shows it.
    made = np.dstack((colors, np.full_like(matte, 128, np.uint8)))
    turned = cv2.copyTo(made, layers.outside.astype(np.uint8), turned)
    image = np.ascontiguousarray(turned[..., :3])
    back = back_colors(image, matte, surface.strange, outward.colors, heights, ears, level)
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
