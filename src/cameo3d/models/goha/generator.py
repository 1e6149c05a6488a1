"""GOHA: one photo, two cameras and an expression to a frame (Li et al., NeurIPS 2023)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize
from cameo3d.blocks.rays import pixel_rays
from cameo3d.blocks.volume_rendering import SampleNoise
from cameo3d.geometry.basel.bfm import BaselFace, FaceCoefficients, draw_face, pose_face
from cameo3d.models.goha.config import OFFICIAL, GohaConfig
from cameo3d.models.goha.expression import EncodedExpression, LinearExpression, ModulatedExpression
from cameo3d.models.goha.lifting import lay_on_planes, nearest_points
from cameo3d.models.goha.parsing import FaceParser, resting_mask
from cameo3d.models.goha.planes import ImageEncoder, ImagePlanes, PlaneUpsampler, normalized
from cameo3d.models.goha.renderer import PlaneImage, PlaneRenderer
from cameo3d.models.goha.super_resolution import NoiseSource, Resized, SuperResolution

EXPRESSION_BRANCHES = {
    "rendering": ImagePlanes,
    "linear": LinearExpression,
    "modulation": ModulatedExpression,
    "encoder": EncodedExpression,
}


@dataclass(frozen=True)
class GohaSource:
    """What is kept of a person, once."""

    image: Float[Tensor, "batch 3 height width"]
    """The photo's crop over black, in [-1, 1]."""
    resting: Float[Tensor, "batch 1 height width"]
    """1 where its face keeps still."""
    canonical: Float[Tensor, "batch 3 channels plane_height plane_width"]
    """Planes of the person with a neutral face."""
    eg3d_from_camera: Float[Tensor, "batch 4 4"]
    intrinsics: Float[Tensor, "batch 3 3"]


class AppearanceBranch(nn.Module):
    """From a photo with its expressive parts replaced to planes of its details."""

    def __init__(self, config: GohaConfig):
        super().__init__()
        self.encoder = ImageEncoder(config, inputs=6)
        self.upsampler = PlaneUpsampler(config.fused_width, config.plane_channels)


class GohaGenerator(nn.Module):
    """All networks of the checkpoint, without the regressor of face coefficients.

    Cameras are in EG3D's world units, with OpenCV's axes and y growing upwards in the world.
    """

    def __init__(self, config: GohaConfig = OFFICIAL):
        super().__init__()
        self.config = config
        self.parser = FaceParser(config.parsing_width)
        self.canonical = ImagePlanes(config)
        self.expression = EXPRESSION_BRANCHES[config.expression](config)
        self.appearance = AppearanceBranch(config) if config.appearance else None
        self.renderer = PlaneRenderer(config)
        self.super_resolution = (
            SuperResolution(config.super_resolution_widths, config.style_width)
            if config.enlarges
            else Resized(config.image_size)
        )
        # The pose that the regressor finds in this portrait is the pose in which expressions are rendered.
        self.exemplar: Tensor
        self.register_buffer("exemplar", torch.zeros(1, 3, config.image_size, config.image_size))
        if self.super_resolution.size != config.image_size:
            raise ValueError(
                f"Super-resolution gives {self.super_resolution.size} pixels, not {config.image_size}."
            )

        self._fast = False

    def hasten(self) -> None:
        """From now on compute in bfloat16 what bears it: parsing, the photo's details, super-resolution."""
        self._fast = True
        self.super_resolution.to(torch.bfloat16)
        if self.appearance is not None:
            self.appearance.upsampler.to(torch.bfloat16)

    def forward(
        self,
        source: GohaSource,
        expression: Float[Tensor, "batch 3 channels plane_height plane_width"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        noise: NoiseSource = "none",
    ) -> Float[Tensor, "batch 3 height width"]:
        """A frame, over black and not clamped, of a person with an expression seen by a camera."""
        planes = self.with_appearance(source, source.canonical + expression)
        return self.draw(planes, eg3d_from_camera, intrinsics, noise)

    def with_appearance(
        self,
        source: GohaSource,
        base: Float[Tensor, "batch 3 channels plane_height plane_width"],
        noise: SampleNoise | None = None,
        shown_resting: Float[Tensor, "batch 1 height width"] | None = None,
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Canonical and expression planes with the photo's details, which depend on both.

        Args:
            source: The person.
            base: Canonical and expression planes.
            noise: Of the rays that find the details' depth.
            shown_resting: 1 where the face of `base` keeps still as the photo's camera sees it; None lets the
                face parser look.
        """
        if self.appearance is None:
            return base
        return base + self.appearance_planes(source, base, noise, shown_resting)

    def draw(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        noise: NoiseSource = "none",
    ) -> Float[Tensor, "batch 3 height width"]:
        """A frame of finished planes seen by a camera, over black and not clamped."""
        small = self.renderer(planes, eg3d_from_camera, intrinsics, self.config.render_size)
        return self.super_resolution(small.colors, noise)

    def prepare(
        self,
        image: Float[Tensor, "batch 3 height width"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
    ) -> GohaSource:
        """Do what is needed once for a photo."""
        resting = self.resting_mask(image)
        canonical = self.canonical_planes(image, resting)
        return GohaSource(image, resting, canonical, eg3d_from_camera, intrinsics)

    def resting_mask(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """1 where the face in an image in [-1, 1] keeps still, 0 where it moves."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self._fast):
            logits = self.parser(normalized(image))
        return resting_mask(logits.to(image.dtype))

    def canonical_planes(
        self, image: Float[Tensor, "batch 3 height width"], resting: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Planes of the person with a neutral, frontal face."""
        return self.canonical(normalized(image) * resting)

    def expression_planes(
        self,
        face_picture: Float[Tensor, "batch 3 face_height face_width"],
        coefficients: FaceCoefficients | None = None,
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """What an expression adds to the canonical planes.

        Args:
            face_picture: The frontal face as `draw_face` draws it, in [0, 1] or a little beyond.
            coefficients: Its coefficients, which the variants without rendering need instead.

        Raises:
            ValueError: If this variant needs coefficients and got none.
        """
        if isinstance(self.expression, ImagePlanes):
            size = self.config.image_size
            return self.expression(normalized(resize(face_picture * 2 - 1, size, size)))
        if coefficients is None:
            raise ValueError(f"Expression planes of kind {self.config.expression!r} need coefficients.")
        return self.expression(coefficients)

    def appearance_planes(
        self,
        source: GohaSource,
        base: Float[Tensor, "batch 3 channels plane_height plane_width"],
        noise: SampleNoise | None = None,
        shown_resting: Float[Tensor, "batch 1 height width"] | None = None,
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Planes of the photo's details, placed by the depth of the planes so far."""
        camera = source.eg3d_from_camera, source.intrinsics
        rough = self.renderer(base, *camera, self.config.lift_size, noise)
        features = self.appearance_features(self.appearance_input(source, rough, shown_resting))
        points = self.lifted_points(source, rough.depth)
        return self.upsampled_appearance(
            features, nearest_points(points, self.config.lift_size, self.config.box_side)
        )

    def appearance_input(
        self,
        source: GohaSource,
        rough: PlaneImage,
        shown_resting: Float[Tensor, "batch 1 height width"] | None = None,
    ) -> Float[Tensor, "batch 6 height width"]:
        """The photo with its moving parts taken from the rough rendering, and the rendering itself."""
        size = self.config.image_size
        shown = resize(rough.colors, size, size)
        return joined_input(
            source, shown, self.resting_mask(shown) if shown_resting is None else shown_resting
        )

    def appearance_features(
        self, joined: Float[Tensor, "batch 6 height width"]
    ) -> Float[Tensor, "batch features height_quarter width_quarter"]:
        """Features of the photo's details.

        Raises:
            ValueError: If this variant has no appearance branch.
        """
        with torch.autocast(joined.device.type, torch.bfloat16, enabled=self._fast):
            features = self._appearance().encoder(joined)
        return features.to(joined.dtype)

    def lifted_points(
        self, source: GohaSource, depth: Float[Tensor, "batch height width"]
    ) -> Float[Tensor, "batch points 3"]:
        """Where the pixels of a depth map seen by the photo's camera are, row by row, in world units."""
        origins, directions = pixel_rays(source.eg3d_from_camera, source.intrinsics, depth.shape[-1])
        return origins + depth.flatten(1)[..., None] * directions

    def upsampled_appearance(
        self, features: Float[Tensor, "batch channels height width"], nearest: Tensor
    ) -> Float[Tensor, "batch 3 plane_channels plane_height plane_width"]:
        """Features laid onto the planes and refined."""
        return self._appearance().upsampler(lay_on_planes(features, nearest))

    def _appearance(self) -> AppearanceBranch:
        if self.appearance is None:
            raise ValueError("This variant of GOHA has no appearance branch.")
        return self.appearance


def joined_input(
    source: GohaSource,
    shown: Float[Tensor, "batch 3 height width"],
    shown_resting: Float[Tensor, "batch 1 height width"],
) -> Float[Tensor, "batch 6 height width"]:
    """The photo with all that moves, and three pixels around it, taken from a rendering; and that."""
    # Eroding what is kept grows what moves; the outside of the image does not move.
    moving = functional.max_pool2d(1 - source.resting * shown_resting, 7, stride=1, padding=3)
    seen, rendered = normalized(source.image), normalized(shown)
    return torch.cat((seen * (1 - moving) + rendered * moving, rendered), dim=1)


def frontal_face(
    source: FaceCoefficients, expression: FaceCoefficients, pose: FaceCoefficients
) -> FaceCoefficients:
    """One face's shape, colours and light with another's expression in the pose of a third."""
    batch = len(source.angles)
    return replace(
        source,
        expression=expression.expression,
        angles=pose.angles.expand(batch, -1),
        translation=pose.translation.expand(batch, -1),
    )


def frontal_picture(model: BaselFace, coefficients: FaceCoefficients) -> Float[Tensor, "batch 3 224 224"]:
    """The picture from which expression planes are made."""
    return draw_face(model, pose_face(model, coefficients)).image
