"""Drawing planes by a look back at the photo: what small models do in every frame."""

from collections.abc import Sequence
from math import acos, radians
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.blocks.face_correction import SIZE, FaceCorrection, FacePncc, conditions
from cameo3d.blocks.frustum_kernel import RayTracer
from cameo3d.blocks.frustum_planes import COVER
from cameo3d.blocks.plane_correction import PlaneCorrection
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.relief import Relief
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.lifting import lift_portrait
from cameo3d.models.relief.painter import FIRM_TURN
from cameo3d.models.relief.performance import FramePainter
from cameo3d.models.relief.photo_lookup import correspond, lay_over_rest, look_up_photo
from cameo3d.models.relief.prior import FaceSquare, ReliefPrior, rays_of
from cameo3d.models.relief.surface_kernel import SurfaceDrawer
from cameo3d.models.relief.view import Viewport
from cameo3d.values import Motion, Portrait

DETAIL = 512
"""Pixels of a page across the crop, at least."""
_FRONTAL = radians(6)
"""Yaw up to which a photo shows both halves of a face; from twice as much on, one half lends the other."""


class PlanePainter:
    """Draws one person in one view.

    Args:
        avatar: The person's relief, the prior of all planes.
        face: The shipped face model.
        view: What frames show.
        correction: What is added to the repainted photo; None leaves it as it is.
    """

    def __init__(
        self, avatar: ReliefAvatar, face: FaceModel, view: Viewport, correction: FaceCorrection | None
    ) -> None:
        detail = max(DETAIL, round(min(view.side, avatar.canvas.scale * avatar.person.crop.side)))
        self.prior = ReliefPrior(avatar, face, detail)
        self._view, (self._across, self._down) = view, rays_of(view)
        self._drawer = SurfaceDrawer(view.height, view.width, np.inf)
        self._lends = min(1.0, max(0.0, abs(float(avatar.person.rotation[0])) / _FRONTAL - 1))
        self._correction, self._pncc = correction, FacePncc(face)
        fronts = (self.prior.moved(torch.zeros(52)), self.prior.painter.front)
        squares = [self.prior.face_square(front) for front in fronts]
        self._maps = [self._pncc.draw(square.vertices(SIZE)) for square in squares]
        self._photo = squares[1].cut(self.prior.photo_page, SIZE)[..., :3]

    def page(
        self, motion: Motion, front: Float32[np.ndarray, "vertices 3"]
    ) -> UInt8[np.ndarray, "side side 4"]:
        """The photo repainted with a motion's first expression and gaze, corrected by what was learned.

        Args:
            motion: Its first frame counts.
            front: The surface with that expression.
        """
        page = self.prior.page(motion)
        if self._correction is not None:
            square = self.prior.face_square(front)
            _paste(page, self._added(self._correction, page, square), square)
        return page

    def draw(
        self,
        plane: Float32[np.ndarray, "size size channels"],
        page: UInt8[np.ndarray, "side side 4"],
        motion: Motion,
        front: Float32[np.ndarray, "vertices 3"],
    ) -> UInt8[np.ndarray, "height width 4"]:
        """Render a plane over ramps of depth in a motion's first pose; colours are the page's, with alpha.

        Args:
            plane: The one over the photo.
            page: The photo with the motion's expression.
            motion: Its first frame counts.
            front: The surface with that expression.
        """
        rotation, translation = motion.rotation[0], motion.translation[0]
        bend = self.prior.bend(rotation, translation)
        matte = cv2.resize(page[..., 3], (len(plane), len(plane)), interpolation=cv2.INTER_AREA)
        texels = np.dstack((plane, matte / np.float32(255)))[None]
        tracer = RayTracer(texels, self.prior.frame, bend, *self.prior.depth_range(translation), True)
        found = correspond(tracer, self._across, self._down)
        firm = 1 + min(1.0, acos(float(np.clip(bend.turn[2, 2], -1, 1))) / FIRM_TURN)
        if firm > 1:
            page = page.copy()
            self.prior.turned.add(page, firm - 1)
        image = look_up_photo(found, page)
        on_canvas = found.places.transpose(2, 0, 1) * np.float32(self.prior.surface.canvas.side)
        self._light(image, on_canvas, motion, front)
        self.prior.painter.grain.draw(image, on_canvas, firm - 1)
        image[..., 3] = np.rint((image[..., 3] * firm).clip(0, 255) * found.cover)
        lay_over_rest(image, found, page, self.prior.surface.back.numpy(), firm)
        self._lend(image, motion, (firm - 1) * self._lends)
        return image

    def _lend(self, image: UInt8[np.ndarray, "height width 4"], motion: Motion, turned: float) -> None:
        """Give what the photo hides of a head the colours of its other half, in place.

        Planes over the photo have no such parts, so the relief says where they come into sight. A frontal
        photo shows both halves, which keep their own colours.
        """
        painter = self.prior.painter
        lends, far = turned > 0 and painter.lenders.lends, painter.revealed(motion)
        if not lends and far is None:
            return
        front, _ = painter.surfaces(motion)
        rings, nothing = painter.rings, np.zeros_like(painter.shown)
        pixels, depths = rings.refined(self._view.pixels(front)), rings.refined(front[:, 2])
        # Only its depths are asked for.
        self._drawer.draw(pixels, depths, rings.triangles, painter.places, painter.texture, nothing)
        if lends:
            painter.lenders.lend(image, self._drawer, pixels, depths, painter.texture, turned)
        if far is not None:
            painter.far_side.lay(image, self._drawer, pixels, self._view, far)

    def _light(
        self,
        image: UInt8[np.ndarray, "height width 4"],
        places: Float32[np.ndarray, "2 height width"],
        motion: Motion,
        front: Float32[np.ndarray, "vertices 3"],
    ) -> None:
        """Make skin brighter or darker as it turned in the photo's light, in place."""
        painter, face = self.prior.painter, front[:468]
        relative = matrices_from_angles(motion.rotation[0]).numpy() @ painter.source.T
        painter.shade.change_by_turn(motion.expression[0].numpy(), face, relative)
        posed = (face - painter.position) @ relative.T + motion.translation[0].numpy()
        painter.shade.look(places, self._view.pixels(posed).astype(np.float32))
        painter.shade.draw(image)

    @torch.inference_mode()
    def _added(self, network: FaceCorrection, page: np.ndarray, square: FaceSquare) -> np.ndarray:
        points = square.vertices(SIZE)
        maps = (self._maps[0], self._maps[1], self._pncc.draw(points))
        seen = conditions(self._photo, square.cut(page, SIZE)[..., :3], maps)
        cover = torch.from_numpy(self._pncc.cover(points))
        return network(seen[None], cover[None, None])[0].permute(1, 2, 0).numpy() * 127.5


class PlaneModel(Relief):
    """What small models share: planes over a relief, drawn with a look back at the photo.

    Args:
        face: The shipped face model.
        correction: What was learned about expressions; None draws the warped photo as it is.
        shaping: What was learned about shape; None leaves the relief's.
    """

    def __init__(
        self,
        face: FaceModel,
        correction: FaceCorrection | None = None,
        shaping: PlaneCorrection | None = None,
    ) -> None:
        self._face = face
        self._correction = None if correction is None else correction.eval()
        self._shaping = None if shaping is None else shaping.eval()

    def _painters(self, avatar: ReliefAvatar, view: Viewport) -> Sequence[FramePainter]:
        """One, whose rays are shared among threads."""
        return (self._frames(avatar, PlanePainter(avatar, self._face, view, self._correction)),)

    def _lifted(self, portraits: Sequence[Portrait]) -> tuple[ReliefAvatar, ReliefPrior]:
        """The first portrait's relief, ready to be packed."""
        relief = lift_portrait(portraits[0], self._face)
        return relief, ReliefPrior(relief, self._face, DETAIL)

    @torch.no_grad()
    def _shaped(self, plane: Float32[Tensor, "channels size size"]) -> Float32[Tensor, "channels size size"]:
        """A photo's plane with what was learned about its shape."""
        return plane if self._shaping is None else plane + self._shaping(plane[None])[0]

    def _frames(self, avatar: Any, painter: PlanePainter) -> FramePainter:
        """What draws single frames of an avatar of this model."""
        raise NotImplementedError


def geometry(plane: Float32[Tensor, "channels size size"]) -> Float32[np.ndarray, "size size 5"]:
    """What rays need of a plane, texels first; colours come from the page."""
    return np.ascontiguousarray(plane[: COVER + 1].numpy().transpose(1, 2, 0))


def _paste(page: np.ndarray, added: np.ndarray, square: FaceSquare) -> None:
    """Add to a square of a page, in place."""
    left, top = np.floor(square.corner).astype(int).clip(0)
    side, scale = int(np.ceil(square.side)) + 1, square.side / len(added)
    matrix = np.array([[scale, 0, square.corner[0] - left], [0, scale, square.corner[1] - top]])
    matrix[:, 2] += 0.5 * scale - 0.5
    part = page[top : top + side, left : left + side, :3]
    full = cv2.warpAffine(added, matrix, part.shape[1::-1], flags=cv2.INTER_LINEAR)
    part[:] = np.rint((part + full).clip(0, 255))
