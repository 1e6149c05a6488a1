"""Real3D-Portrait (Ye et al., ICLR 2024): one photo to a talking portrait, from planes to pixels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.blocks.gradients import clamped
from cameo3d.blocks.images import channels_innermost, resize_smoothly
from cameo3d.blocks.volume_rendering import SampleNoise
from cameo3d.models.real3d.concatenation import ConcatenatedLayers
from cameo3d.models.real3d.config import OFFICIAL, Real3DConfig
from cameo3d.models.real3d.image_to_plane import ImageToPlane
from cameo3d.models.real3d.motion_adapter import MotionAdapter
from cameo3d.models.real3d.renderer import HeadImage, HeadRenderer
from cameo3d.models.real3d.super_resolution import HeadOnBlack, HeadTorsoBackground, Scene
from cameo3d.models.real3d.torso import TorsoImage


@dataclass(frozen=True)
class Frame:
    """One frame, and the rendering behind it."""

    image: Float[Tensor, "batch 3 height width"]
    """Colours in [-1, 1]."""
    alpha: Float[Tensor, "batch 1 half half"]
    """How much of each pixel is the person, at half size, in [0, 1]."""
    head: HeadImage
    """The volume rendering of the head."""
    torso: TorsoImage | None = None
    """The moved torso; None in frames of the head alone."""


class Real3DGenerator(nn.Module):
    """All networks of a portrait; what does not change from frame to frame is made by verbs of its own."""

    def __init__(self, config: Real3DConfig = OFFICIAL):
        super().__init__()
        self.config = config
        self.image_to_plane = ImageToPlane(config.plane, config.plane_channels, config.plane_depth)
        self.motion_adapter = MotionAdapter(config.motion, config.plane_channels * config.plane_depth)
        self.renderer = HeadRenderer(config)
        if not config.has_torso:
            layers = HeadOnBlack
        else:
            layers = ConcatenatedLayers if config.fusion.concatenate else HeadTorsoBackground
        self.super_resolution = layers(config)

    def canonical_planes(
        self, head: Float[Tensor, "batch 3 size size"]
    ) -> Float[Tensor, "batch 3 channels half half"]:
        """The canonical tri-plane, once a person, from the head on black in [-1, 1]."""
        return self.image_to_plane(head)

    def prepare_scene(
        self,
        torso: Float[Tensor, "batch 3 size size"],
        classes: Float[Tensor, "batch 6 size size"],
        background: Float[Tensor, "batch 3 size size"],
    ) -> Scene:
        """Torso and background, once a person; see `HeadTorsoBackground.prepare`."""
        return self.layers.prepare(*map(channels_innermost, (torso, classes, background)))

    def motion_planes(
        self,
        canonical: Float[Tensor, "batch 3 size size"],
        source: Float[Tensor, "batch 3 size size"],
        target: Float[Tensor, "batch 3 size size"],
    ) -> Float[Tensor, "batch 3 channels half half"]:
        """What a motion adds to the canonical planes, from three PNCC pictures; see `MotionAdapter`."""
        return self.motion_adapter(*map(channels_innermost, (canonical, source, target)))

    def forward(
        self,
        planes: Float[Tensor, "batch 3 channels half half"],
        scene: Scene,
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        source: Float[Tensor, "batch 68 3"],
        driving: Float[Tensor, "batch 68 3"],
        noise: SampleNoise | None = None,
    ) -> Frame:
        """Render a frame.

        Args:
            planes: Sum of the canonical and the motion planes.
            scene: From `prepare_scene`.
            eg3d_from_camera: Camera pose in OpenCV axes and EG3D's world units.
            intrinsics: Divided by the image's side.
            source: Landmarks of the photo, in [-1, 1] with y down, and 0 as their third coordinate.
            driving: Landmarks of the frame.
            noise: Where samples lie along the rays; in the middles of their intervals if left out.
        """
        with torch.autocast(planes.device.type, enabled=False):  # depths need all their digits
            head = self.renderer(planes, eg3d_from_camera, intrinsics, noise)
        whole = self.layers(head, scene, source, driving)
        return Frame(clamped(whole.image), whole.alpha, head, whole.torso)

    @property
    def layers(self) -> HeadTorsoBackground:
        """The network that joins head, torso and background.

        Raises:
            ValueError: If the network draws the head alone.
        """
        if not isinstance(self.super_resolution, HeadTorsoBackground):
            raise ValueError("This network draws no torso.")
        return self.super_resolution

    def head_frame(
        self,
        planes: Float[Tensor, "batch 3 channels half half"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        noise: SampleNoise | None = None,
    ) -> Frame:
        """Render the head alone on black, as the stages before the torso's do; see `forward`."""
        with torch.autocast(planes.device.type, enabled=False):
            head = self.renderer(planes, eg3d_from_camera, intrinsics, noise)
        half = self.config.image_size // 2
        image = clamped(self.super_resolution.head_only(head))
        return Frame(image, resize_smoothly(head.opacity, half, half), head)


def split_camera(
    camera: Float[Tensor, "batch 25"],
) -> tuple[Float[Tensor, "batch 4 4"], Float[Tensor, "batch 3 3"]]:
    """EG3D's 25 numbers as a pose in OpenCV axes and intrinsics divided by the image's side."""
    return camera[:, :16].unflatten(1, (4, 4)), camera[:, 16:].unflatten(1, (3, 3))
