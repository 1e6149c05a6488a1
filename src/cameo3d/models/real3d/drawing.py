"""Frames of Real3D-Portrait where its networks are: PNCC picture, networks, bytes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from cameo3d.blocks.images import resize
from cameo3d.blocks.steady import Recorder, Steady
from cameo3d.blocks.transfers import uploaded
from cameo3d.geometry.basel.pncc_blinks import close_eyes
from cameo3d.geometry.batch_rasterizer import slots_for
from cameo3d.geometry.compiled import may_loop
from cameo3d.models.real3d.conditioning import FaceDrawing, SteeringFace
from cameo3d.models.real3d.generator import Frame, Real3DGenerator
from cameo3d.models.real3d.super_resolution import Scene
from cameo3d.models.real3d.torso import TorsoAppearance


class Conditions(NamedTuple):
    """What a frame is drawn from."""

    expression: Float[Tensor, " coefficients"]
    lids: Float[Tensor, "2"]
    """How far the left and the right ones are shut on top of it."""
    camera: Float[Tensor, "4 4"]
    points: Float[Tensor, "68 3"]
    """Key points in the picture."""


@dataclass(frozen=True)
class Stage:
    """Who is drawn and in front of what, on the device."""

    planes: Float[Tensor, "1 3 channels half half"]
    """The canonical tri-plane."""
    intrinsics: Float[Tensor, "1 3 3"]
    source: Float[Tensor, "1 68 3"]
    """Key points of the photo."""
    behind: Float[Tensor, "height width 3"]
    """The background that is taken off the frames again, 0 to 255; empty if they keep it and are opaque."""
    scene: Scene | None
    """None where the network draws the head alone."""

    def tensors(self) -> tuple[Tensor, ...]:
        """All, in the order in which `_stage` reads them."""
        parts = self.planes, self.intrinsics, self.source, self.behind
        if self.scene is None:
            return parts
        torso = self.scene.torso
        return *parts, torso.masked, torso.compressed, self.scene.background, self.scene.background_share


class Drawn(NamedTuple):
    """A frame, and what was made on the way."""

    frame: UInt8[Tensor, "side side 4"]
    """Straight colours with alpha."""
    fragments: Int64[Tensor, ""]
    """For how many fragments the PNCC picture needed room; see `rasterize_batch`."""
    pncc: Float[Tensor, "1 3 pixels pixels"]
    features: Float[Tensor, "1 channels render render"]
    depth: Float[Tensor, "1 1 render render"]


class FrameDrawing:
    """Draws frames; on a GPU as two graphs, which serve all people and clips.

    Args:
        generator: All networks, on the device where they compute.
        face: Draws the PNCC pictures.
        precision: What the networks run in.
        recorder: See `Steady`.
    """

    def __init__(
        self,
        generator: Real3DGenerator,
        face: SteeringFace,
        precision: Callable[[], AbstractContextManager],
        recorder: Recorder | None = None,
    ) -> None:
        self._generator, self._face, self._precision = generator, face, precision
        self.device = next(generator.parameters()).device
        self.steady_pncc, self.steady_frame = Steady(self._pncc, recorder), Steady(self._frame, recorder)

    @torch.inference_mode()
    def pncc(
        self,
        identity: Float[Tensor, " components"],
        expression: Float[Tensor, " coefficients"],
        lids: Float[Tensor, "2"] | None = None,
        slots: Int64[Tensor, " room"] | None = None,
    ) -> tuple[Float[Tensor, "1 3 pixels pixels"], Int64[Tensor, ""]]:
        """A PNCC picture on the device, and for how many fragments it needed room.

        Args:
            identity: On the device.
            expression: On the CPU.
            lids: How far the left and the right lids are painted shut.
            slots: Room for a fixed number of fragments, on a GPU.
        """
        if may_loop(identity):
            drawn, fragments = self._face.pncc(identity, expression), torch.tensor(0)
        elif slots is None:
            drawn, fragments = self._on_device(identity, uploaded(expression, self.device))
        else:
            drawn, fragments = self.steady_pncc((identity, slots), (uploaded(expression, self.device),))
        if lids is not None and lids.any():  # a few frames of a hundred
            drawn = uploaded(close_eyes(drawn.cpu(), *lids.tolist()), self.device)
        return drawn[None], fragments

    def slots(self, fragments: Int64[Tensor, ""]) -> Int64[Tensor, " room"]:
        """Room for the PNCC pictures of a face that needed this many fragments."""
        return slots_for(int(fragments), self.device)

    def frame(
        self,
        stage: Stage,
        neutral: Float[Tensor, "1 3 pixels pixels"],
        first: Float[Tensor, "1 3 pixels pixels"],
        driving: tuple[Float[Tensor, "1 3 pixels pixels"], Int64[Tensor, ""]],
        now: Conditions,
    ) -> Drawn:
        """Draw a frame.

        Args:
            stage: Who, and in front of what.
            neutral: PNCC picture without expression.
            first: The one that stands for the photo.
            driving: The frame's, from `pncc`.
            now: Its camera and key points.
        """
        given = driving[0], *(uploaded(x[None], self.device) for x in (now.camera, now.points))
        frame, features, depth = self.steady_frame((neutral, first, *stage.tensors()), given)
        return Drawn(frame, driving[1], driving[0], features, depth)

    @cached_property
    def _on_device(self) -> FaceDrawing:
        return self._face.drawing(self.device)

    def _pncc(self, identity: Tensor, slots: Tensor, expression: Tensor) -> tuple[Tensor, ...]:
        return self._on_device(identity, expression, slots)

    def _frame(self, neutral: Tensor, first: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        *held, driving, camera, points = rest
        stage = _stage(*held)
        with self._precision():
            added = self._generator.motion_planes(neutral, first, driving).float()
            seen = stage.planes + added, camera, stage.intrinsics
            if stage.scene is None:
                drawn = self._generator.head_frame(*seen)
            else:
                drawn = self._generator(seen[0], stage.scene, *seen[1:], stage.source, points)
        return _own_colors(drawn, stage.behind), drawn.head.features, drawn.head.depth


def _stage(planes: Tensor, intrinsics: Tensor, source: Tensor, behind: Tensor, *scene: Tensor) -> Stage:
    torso = Scene(TorsoAppearance(*scene[:2]), *scene[2:]) if scene else None
    return Stage(planes, intrinsics, source, behind, torso)


def as_bytes(image: Float[Tensor, "1 3 side side"]) -> UInt8[Tensor, "side side 3"]:
    """Colours of [-1, 1] as bytes, cut off as the official release does."""
    return ((image[0].float() + 1) / 2 * 255).to(torch.uint8).permute(1, 2, 0)


def _own_colors(frame: Frame, behind: Float[Tensor, "height width 3"]) -> UInt8[Tensor, "side side 4"]:
    """The person's own colours with alpha: what shows of the known background is taken off."""
    colors = as_bytes(frame.image)
    if not behind.numel():
        return torch.cat((colors, torch.full_like(colors[..., :1], 255)), dim=-1)
    share = resize(frame.alpha.float(), *frame.image.shape[2:])[0].permute(1, 2, 0)
    own = (colors - (1 - share) * behind) / share.clamp(min=1 / 255)
    return torch.cat((own.clamp(0, 255), share * 255), dim=-1).round().to(torch.uint8)
