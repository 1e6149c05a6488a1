"""From clips to plane pairs: lift a frame, and trace rays to it in the poses of others."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from cameo3d.blocks.frustum_kernel import RayTracer
from cameo3d.data.portraits.page_making import PageSource, measured, page_sources, pictures_of
from cameo3d.data.portraits.plane_pairs import PLANE, RAYS, PlanePairs
from cameo3d.data.portraits.split import is_held_out
from cameo3d.errors import CameoError, InputError
from cameo3d.geometry.face_model import load_face_model
from cameo3d.imaging.framing import cut
from cameo3d.media.files import replacing
from cameo3d.models.relief.lifting import lift_portrait
from cameo3d.models.relief.plane_painter import geometry
from cameo3d.models.relief.prior import ReliefPrior, rays_of
from cameo3d.models.relief.view import Viewport
from cameo3d.perception.matte import person_matte
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import Motion

_TARGETS = 6


def make_plane_pairs(source: PageSource) -> PlanePairs:
    """Lift a clip's first chosen frame, and trace rays to the surface in the poses of others.

    Raises:
        CameoError: If nothing can be used.
    """
    first, *others = pictures_of(source, _TARGETS)
    portrait, model = make_portrait(first), load_face_model()
    relief = lift_portrait(portrait, model)
    prior = ReliefPrior(relief, model, RAYS)
    plane = prior.plane(prior.photo_page)
    rest = geometry(plane)
    across, down = rays_of(Viewport(0.0, 0.0, float(RAYS), RAYS, RAYS))
    rows = []
    for picture in others:
        try:
            _, fit = measured(picture, portrait)
        except CameoError:
            continue
        front = prior.moved(fit.expression)
        moved = rest.copy()
        box = prior.face_plane(front, rest)
        moved[box.rows, box.columns] = box.shape
        bend = prior.bend(fit.rotation, fit.translation)
        tracer = RayTracer(moved[None], prior.frame, bend, *prior.depth_range(fit.translation))
        seen = tracer.grid(across, down)
        motion = Motion(
            fit.expression[None], fit.rotation[None], fit.translation[None], fit.gaze[None], 25.0, ""
        )
        truth = cut(picture, relief.person.crop, RAYS)
        rows.append(
            (
                prior.page(motion)[..., :3],
                np.where(seen.opacity > 0.95, seen.depth, 0),
                np.concatenate((bend.turn.ravel(), bend.shift, bend.sway.ravel(), bend.drift)),
                truth,
                np.rint(person_matte(truth) * 255).astype(np.uint8),
            )
        )
    if not rows:
        raise InputError(f"No frame of {source.name} can be used; leave it out.")
    small = np.dstack(
        [cv2.resize(each, (PLANE, PLANE), interpolation=cv2.INTER_AREA) for each in plane.numpy()]
    )
    frame = prior.frame
    return PlanePairs(
        torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1))),
        torch.tensor((frame.scale, frame.left, frame.top, frame.middle)),
        torch.from_numpy(across),
        *(torch.from_numpy(np.ascontiguousarray(np.stack(part))) for part in zip(*rows, strict=True)),
    )


def write_plane_pairs(data: Path, out: Path, most: int = 4) -> Iterator[tuple[PageSource, str]]:
    """Make the pairs of every clip that is not there yet, and say how each went.

    Args:
        data: As for `page_sources`.
        out: Folder of the files.
        most: Clips of one person.

    Raises:
        InputError: If the data folder has no index.
    """
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for source in page_sources(data):
        counts[source.identity] = counts.get(source.identity, 0) + 1
        path = out / f"{source.name}.safetensors"
        if len(source.files) > 1 or counts[source.identity] > most or path.exists():
            continue
        try:
            pairs = make_plane_pairs(source)
        except CameoError as error:
            yield source, str(error)
            continue
        tensors = vars(pairs) | {"depths": pairs.depths.half(), "plane": pairs.plane.half()}
        metadata = {"identity": source.identity, "held_out": str(is_held_out(source.identity))}
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata)
        yield source, f"{len(pairs.truths)} frames"
