"""Draw one frame of a relief avatar in motion."""

import copy
import math

import numpy as np
import torch
from jaxtyping import Float, UInt8

from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.borrowing import Lenders
from cameo3d.models.relief.expression import ExpressionChange
from cameo3d.models.relief.eyes import EYEBALL_RADIUS, LIDS, bare_eye, draw_eye
from cameo3d.models.relief.far_side import Motions, Revealed
from cameo3d.models.relief.folds import find_folds
from cameo3d.models.relief.glasses import DEPTH_STEP, WornGlasses
from cameo3d.models.relief.grain import SideGrain
from cameo3d.models.relief.lids import draw_lid, make_lid
from cameo3d.models.relief.lip_colors import find_lip_colors
from cameo3d.models.relief.lip_rings import LipRings, opening, sharpness
from cameo3d.models.relief.lips import draw_lips, make_lips
from cameo3d.models.relief.mouth_drawing import draw_mouth, light_on_teeth, teeth_shifts, tongue_shift
from cameo3d.models.relief.shading import SkinShade
from cameo3d.models.relief.surface_kernel import (
    SurfaceDrawer,
    lay_over,
    pose_surfaces,
    shown_blocks,
)
from cameo3d.models.relief.turned import TurnedColors
from cameo3d.models.relief.view import Viewport
from cameo3d.values import BLENDSHAPES, Motion

NECK_BASE = np.array([0.0, 0.17, 0.08], np.float32)
"""Where the neck meets the torso, in head axes, metres."""
TORSO_TURN = 0.05
"""How much of the head's turn the torso takes up."""
TORSO_SHIFT = np.array([0.25, 0.06, 0.25], np.float32)
"""How much of the neck's shift it takes up: shoulders sway, but hardly rise when the chin does."""
_FOLD = 6.0
"""Neighbours whose origins in the photo lie this many times too far apart belong to different parts."""
_TONGUE_OUT = BLENDSHAPES.index("tongueOut")
_ROUNDED = [BLENDSHAPES.index(name) for name in ("mouthPucker", "mouthFunnel")]
_ALL_THERE = (0.0, 0.0, 0.0, 0.0)
"""Nothing is gone from the lips."""
FIRM_TURN = math.radians(10)
"""From this turn on, the photo's soft outline lies inside the picture of the head and is drawn firm."""


class Painter:
    """What stays the same from frame to frame."""

    def __init__(self, avatar: ReliefAvatar, model: FaceModel, view: Viewport) -> None:
        self.avatar = avatar
        rays = avatar.canvas.rays(avatar.person.crop, avatar.points.numpy())
        self.front = rays * avatar.depths.numpy()[:, None]
        self.back = rays * avatar.back_depths.numpy()[:, None]
        self.source = matrices_from_angles(avatar.person.rotation).numpy()
        self.position = avatar.person.translation.numpy()
        in_head = (self.front[:468] - self.position) @ self.source
        self.change = ExpressionChange(
            model, avatar.person.identity, avatar.person.expression, torch.from_numpy(in_head)
        )
        self.show(view)
        self.per_meter = avatar.canvas.pixels_per_unit(avatar.person.crop) / float(
            avatar.person.translation[2]
        )
        weights = avatar.carrier_weights.numpy()
        self.carried = np.flatnonzero(weights.sum(1) > 1e-3)
        self.carriers, self.carrier_weights = avatar.carriers.numpy()[self.carried], weights[self.carried]
        self.rings = LipRings(avatar.triangles.numpy(), len(avatar.points))
        self.places, self.lenders = (
            self.rings.refined(avatar.points.numpy(), sharpness(self.front[:468])),
            Lenders(avatar, model, self.rings),
        )
        self.far_side = self.lenders.far_side
        texture, points = avatar.texture.numpy(), avatar.points.numpy()[:468]
        self.folds = find_folds(texture, points, avatar.person.expression.numpy())
        self.lip_colors = find_lip_colors(
            texture, points, self.front[:468], self.source[:, 1], self.per_meter
        )
        self.upright, self.gone = texture.copy(), (0.0, _ALL_THERE)
        """The photo without what an expression takes from it, before a turn changes it."""
        self.turned, self.turn = TurnedColors.between(texture, avatar.turned.numpy()[..., :3]), 0.0
        self.grain = SideGrain(avatar, self.per_meter)
        self.texture = self.upright.copy()
        self.around_lips: np.ndarray | None = None  # as folds have left it; None for the photo's
        self.shown = shown_blocks(texture)
        self.whole = np.ones_like(self.shown)
        self.body = np.ascontiguousarray(avatar.back.numpy()[..., 3])
        self.lids = [make_lid(side, texture, points, self.front[:468]) for side in (0, 1)]
        self.lips = make_lips(texture, points, self.front[:468], self.source[:, 1])
        outline = opening(view.pixels(self.front[:468]), sharpness(self.front[:468]))
        scale = CROP_FOCAL * view.side / float(self.front[13, 2])
        self.light_on_teeth = light_on_teeth(avatar.mouth, outline, scale, (view.width, view.height))
        self.bare_eyes = [
            bare_eye(eye, points, at) for at, eye in enumerate((avatar.left_eye, avatar.right_eye))
        ]
        self.openness = [max(1e-4, _openness(self.front, side)) for side in (0, 1)]
        self.head, self.anchored = avatar.head.numpy(), avatar.anchored.numpy()
        self.shade = SkinShade(avatar, self.front[:468], self.per_meter, model)
        self.glasses = None if avatar.glasses is None else WornGlasses(avatar.glasses)
        self.nearest: np.ndarray | None = None  # depths of the front in a few pixels of a frame

    def show(self, view: Viewport) -> None:
        """Draw another view from now on."""
        fold = _FOLD * self.avatar.canvas.scale * self.avatar.person.crop.side / view.side
        self.view, self._drawer = view, SurfaceDrawer(view.height, view.width, fold)

    def twin(self) -> "Painter":
        """Another one of the same person, which can draw at the same time."""
        other = copy.copy(self)
        other.shade = copy.copy(self.shade)
        other.upright, other.texture = self.upright.copy(), self.texture.copy()
        other.show(self.view)
        return other

    def paint(self, motion: Motion, with_back: bool = True) -> np.ndarray:
        """Draw a motion's first frame; a view like the photo's needs no back, and no other half of a face."""
        image = self._painted(motion, with_back)
        self.shade.draw(image)
        return image

    def _painted(self, motion: Motion, with_back: bool) -> np.ndarray:
        """A frame before light falls on what moved; the shade is left where the front showed skin."""
        avatar, view = self.avatar, self.view
        target, position = matrices_from_angles(motion.rotation[0]).numpy(), motion.translation[0].numpy()
        change = self.change(motion.expression[0]).numpy() @ target.T
        relative = target @ self.source.T

        def with_head(rest: np.ndarray) -> np.ndarray:
            return (rest - self.position) @ relative.T + position

        motions = self._motions(relative, position)
        front, back = self._surfaces(change, motions)
        expression, moved = motion.expression[0].numpy(), self.front[:468] + change @ relative
        facing = math.acos(min(1.0, max(-1.0, float(relative[2, 2]))))
        turned = min(1.0, facing / FIRM_TURN)
        self._repaint(expression, moved, relative, turned)
        self.shade.change(expression, moved, relative)
        far = self.far_side.reveal((target, position), motions, change)
        image = self._draw(front, back, 1 + turned, far) if with_back else self._draw_front(front)

        corners = view.pixels(front[:468])
        for side, eye in enumerate((avatar.left_eye, avatar.right_eye)):
            sight = avatar.person.sight
            if sight.covered_eyes[side]:
                continue
            narrowed = 1 - _openness(front, side) / self.openness[side]
            closed = max(0.0, narrowed)
            if not sight.shut_eyes[side]:
                pixels = view.pixels(with_head(eye.patch.positions.numpy()))
                shift = self._iris_shift(*(motion.gaze[0, side] - avatar.person.gaze[side]).tolist())
                draw_eye(
                    image, eye, pixels, _outline(corners, *LIDS[side]), shift, narrowed, self.bare_eyes[side]
                )
            draw_lid(image, self.lids[side], front[:468], corners, closed)
        if self.glasses is not None:
            sheet = with_head(self.glasses.positions)
            self.glasses.draw(image, view.pixels(sheet), sheet[:, 2], self.nearest if with_back else None)
        if avatar.person.sight.still_mouth:
            return image
        jaw = target @ self.change.jaw(motion.expression[0]).numpy()
        rounded = float((motion.expression[0] - avatar.person.expression)[_ROUNDED].sum().clip(0, 1))
        upper_teeth, lower_teeth = teeth_shifts(jaw, target, rounded)
        # A lip that pouts, and so comes forward, hides the teeth behind it.
        lip = (change[14] - jaw) @ target
        pout = max(0.0, min(float(lip[1]), -2 * float(lip[2]))) * target[:, 1]
        out = float(motion.expression[0, _TONGUE_OUT])
        mouth, tongue = avatar.mouth, tongue_shift(jaw, target, out, rounded)
        cavity, back, lower, upper = (
            view.pixels(with_head(patch.positions.numpy()) + moved)
            for patch, moved in (
                (mouth.cavity, jaw / 2),
                (mouth.tongue, tongue),
                (mouth.lower, lower_teeth + pout),
                (mouth.upper, upper_teeth),
            )
        )
        per_meter = CROP_FOCAL * view.side / float(front[13, 2])
        # What the photo shows of the inside goes with the jaw, and gives way where lips go elsewhere.
        widened = max(0.0, float((change[14] - change[13]) @ target[:, 1])) + abs(float(lip[1]))
        outline = opening(corners, sharpness(front[:468]))
        inside, rest = (cavity, back, lower, upper), self.light_on_teeth
        draw_mouth(image, mouth, inside, outline, per_meter, widened, out, rounded, rest)
        if self.lips is not None:
            draw_lips(image, self.lips, front[:468], target[:, 1], corners)
        return image

    def _repaint(
        self, expression: np.ndarray, positions: np.ndarray, turn: np.ndarray, turned: float
    ) -> None:
        """Paint the photo as an expression, its vertices in the photo's pose, and a turn show it."""
        changed, step = self._take_out(expression, positions, turn), self.turned.step(turned)
        if changed or step != self.turn:
            np.copyto(self.texture, self.upright)
            self.turned.add(self.texture, step)
            self.turn = step

    def _take_out(self, expression: np.ndarray, positions: np.ndarray, turn: np.ndarray) -> bool:
        """Take from the photo what an expression leaves out; returns whether that changed."""
        folds, lips = self.folds, self.lip_colors
        gone = (
            0.0 if folds is None else folds.gone(expression),
            _ALL_THERE if lips is None else lips.change(positions, turn),
        )
        if gone == self.gone:
            return False
        if folds is not None and gone[0] != self.gone[0]:
            if lips is not None:
                lips.paint(self.upright, _ALL_THERE)
            folds.fade(self.upright, gone[0])
            self.around_lips = None if lips is None else lips.part(self.upright).copy()
        if lips is not None:
            lips.paint(self.upright, gone[1], self.around_lips)
        self.gone = gone
        return True

    def surfaces(
        self, motion: Motion
    ) -> tuple[Float[np.ndarray, "vertices 3"], Float[np.ndarray, "vertices 3"]]:
        """Where front and back are in a motion's first frame, in the crop camera's axes, metres."""
        target, position = matrices_from_angles(motion.rotation[0]).numpy(), motion.translation[0].numpy()
        change = self.change(motion.expression[0]).numpy() @ target.T
        return self._surfaces(change, self._motions(target @ self.source.T, position))

    def revealed(self, motion: Motion) -> Revealed | None:
        """The far side of a turned head, as far as a motion's first frame turns it back."""
        if not self.far_side.is_hidden:
            return None
        target, position = matrices_from_angles(motion.rotation[0]).numpy(), motion.translation[0].numpy()
        change = self.change(motion.expression[0]).numpy() @ target.T
        motions = self._motions(target @ self.source.T, position)
        return self.far_side.reveal((target, position), motions, change)

    def _motions(self, relative: np.ndarray, position: np.ndarray) -> Motions:
        """How the head turns and shifts, and how the torso is away from rest: linear in positions at rest."""
        neck = self.source @ NECK_BASE + self.position
        angles = angles_from_matrices(torch.from_numpy(relative))
        sway = matrices_from_angles(angles * TORSO_TURN).numpy() - np.eye(3, dtype=np.float32)
        shift = relative @ (neck - self.position) + position - neck
        head = relative, position - relative @ self.position
        return head, (sway, TORSO_SHIFT * shift - sway @ neck)

    def _surfaces(self, change: np.ndarray, motions: Motions) -> tuple[np.ndarray, np.ndarray]:
        posed = np.empty((2, *self.front.shape), np.float32)
        carried = self.carried, self.carriers, self.carrier_weights
        pose_surfaces(self.front, self.back, *motions, self.head, self.anchored, *carried, change, posed)
        return posed[0], posed[1]

    def _iris_shift(self, yaw: float, pitch: float) -> np.ndarray:
        """Canvas pixels that an iris moves when its eye turns by so much from the photo's gaze."""
        ahead = np.array([-math.sin(yaw), math.sin(pitch), 0.0], np.float32)
        return (self.source @ ahead)[:2] * np.float32(EYEBALL_RADIUS * self.per_meter)

    def _draw(
        self, front: np.ndarray, back: np.ndarray, firmness: float, far: Revealed | None
    ) -> UInt8[np.ndarray, "height width 4"]:
        """Both surfaces in straight colours with the matte."""
        avatar, view, drawer = self.avatar, self.view, self._drawer
        sharp = sharpness(front[:468])
        pixels, depths = (self.rings.refined(values, sharp) for values in (view.pixels(front), front[:, 2]))
        photo = self.places, self.texture, self.shown
        image = drawer.draw(pixels, depths, self.rings.triangles, *photo)
        self.lenders.lend(image, drawer, pixels, depths, self.texture, firmness - 1)
        self.shade.look(drawer.places, pixels[:468])
        self.grain.draw(image, drawer.places, firmness - 1)
        drawer.soften(image)
        if far is not None:
            self.far_side.lay(image, drawer, pixels, view, far)
        if self.glasses is not None:
            self.nearest = drawer.depths[::DEPTH_STEP, ::DEPTH_STEP].copy()
        cover = drawer.cover()
        through = drawer.seen_through(image, cover, self.body, firmness)
        triangles, places = avatar.back_triangles.numpy(), avatar.points.numpy()
        if far is not None:
            back = np.concatenate((back, far.back))
            triangles, places = self.far_side.back_triangles, self.far_side.back_places
        pixels, depths = view.pixels(back), np.ascontiguousarray(back[:, 2])
        behind = drawer.draw(pixels, depths, triangles, places, avatar.back.numpy(), self.whole, through)
        lay_over(image, cover, behind, drawer.inner_cover(), through, firmness)
        return image

    def _draw_front(self, front: np.ndarray) -> UInt8[np.ndarray, "height width 4"]:
        drawer, sharp = self._drawer, sharpness(front[:468])
        pixels = self.rings.refined(self.view.pixels(front), sharp)
        image = drawer.draw(
            pixels,
            self.rings.refined(front[:, 2], sharp),
            self.rings.triangles,
            self.places,
            self.texture,
            self.whole,  # also what the matte hides, which planes need
        )
        self.shade.look(drawer.places, pixels[:468])
        drawer.soften(image)
        return image


def _openness(positions: np.ndarray, side: int) -> float:
    """How far the lids of an eye are apart, metres, on average."""
    upper, lower = (positions[list(lid)] for lid in LIDS[side])
    return float(np.linalg.norm(upper - lower, axis=1).mean())


def _outline(corners: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    return np.concatenate((corners[list(upper)], corners[list(lower[1:-1])[::-1]]))
