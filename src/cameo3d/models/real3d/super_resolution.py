"""Head, torso and background joined into one image at full size."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import channels_innermost, resize_smoothly
from cameo3d.blocks.modulated import ModulatedBlock
from cameo3d.blocks.winograd import Convolution3x3, convolve
from cameo3d.models.real3d.config import Real3DConfig
from cameo3d.models.real3d.renderer import HeadImage
from cameo3d.models.real3d.torso import Torso, TorsoAppearance, TorsoImage


@dataclass(frozen=True)
class Composite:
    """Head, torso and background in one image."""

    image: Float[Tensor, "batch 3 size size"]
    """About [-1, 1] but not clamped."""
    alpha: Float[Tensor, "batch 1 half half"]
    """How much of each pixel is the person, at half size, in [0, 1]."""
    torso: TorsoImage
    """The moved torso behind it."""


@dataclass(frozen=True)
class Scene:
    """What of a person and a background does not change from frame to frame."""

    torso: TorsoAppearance
    """The torso's appearance."""
    background: Float[Tensor, "batch 3 height width"]
    """The background at half size, in [-1, 1]."""
    background_share: Float[Tensor, "batch channels height width"]
    """What its features add, where it is seen, in the first layer that joins it with the person."""


class HeadOnBlack(nn.Module):
    """Super-resolution of the head alone, as the stages before the torso's train it."""

    def __init__(self, config: Real3DConfig) -> None:
        super().__init__()
        sizes = config.fusion
        self.head_block = ModulatedBlock(config.plane_channels, sizes.width, sizes.style_width)
        self.last_block = ModulatedBlock(sizes.width, sizes.last_width, sizes.style_width)
        self.style_width = sizes.style_width

    def head_only(self, head: HeadImage) -> Float[Tensor, "batch 3 size size"]:
        """The head on black at full size, about [-1, 1] but not clamped."""
        return _enlarged(head, self.head_block, self.last_block, self.style_width)


class HeadTorsoBackground(nn.Module):
    """The super-resolution network ("HTB"), with the torso branch."""

    def __init__(self, config: Real3DConfig):
        super().__init__()
        sizes = config.fusion
        width, stem, style = sizes.width, sizes.stem, sizes.style_width
        self.head_block = ModulatedBlock(config.plane_channels, width, style)
        self.torso = Torso(config.torso)
        self.torso_features = nn.Conv2d(config.torso.generator_widths[-1], width, 1)
        self.background_features = nn.ModuleList(
            (
                Convolution3x3(3, stem),
                Convolution3x3(stem, width),
                Convolution3x3(width, width),
            )
        )
        self.join_torso = nn.ModuleList((Convolution3x3(2 * width, width), Convolution3x3(width, width)))
        self.person_block = ModulatedBlock(width, width, style, upsample=False)
        self.join_background = nn.ModuleList(
            (
                nn.Conv2d(2 * width, stem, 1),
                Convolution3x3(stem, width),
                Convolution3x3(width, width),
            )
        )
        self.last_block = ModulatedBlock(width, sizes.last_width, style)
        self.half_size = config.image_size // 2
        self.style_width = style
        self.head_threshold = config.head_threshold

    def prepare(
        self,
        torso: Float[Tensor, "batch 3 size size"],
        classes: Float[Tensor, "batch 6 size size"],
        background: Float[Tensor, "batch 3 size size"],
    ) -> Scene:
        """Do once what serves all frames.

        Args:
            torso: The torso on black, in [-1, 1].
            classes: Segmentation, one channel a class, 0 or 1: background, hair, body skin, face skin,
                clothes, others.
            background: The background without the person, in [-1, 1].
        """
        half = self.half_size
        return self.place(self.torso.encode(resize_smoothly(torso, half, half), classes), background)

    def place(self, torso: TorsoAppearance, background: Float[Tensor, "batch 3 size size"]) -> Scene:
        """Put a torso in front of a background, in [-1, 1]."""
        background = resize_smoothly(background, self.half_size, self.half_size)
        share = functional.conv2d(self.encode_background(background), self._join_background_weights()[1])
        return Scene(torso, background, share)

    def encode_background(
        self, background: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Features of the background at half size."""
        return _in_turn(_convolutions(self.background_features), background)

    def forward(
        self,
        head: HeadImage,
        scene: Scene,
        source: Float[Tensor, "batch 68 3"],
        driving: Float[Tensor, "batch 68 3"],
    ) -> Composite:
        """Join the head, the torso and the background.

        Args:
            head: The rendered head.
            scene: From `prepare`.
            source: Landmarks of the photo, in [-1, 1] with y down, and 0 as their third coordinate.
            driving: Landmarks of the frame.
        """
        half = self.half_size
        colors = head.features[:, :3]
        opacity = resize_smoothly(head.opacity.detach(), half, half)
        # Detached: the torso must not repaint the head.
        seen = torch.cat((resize_smoothly(colors.detach(), half, half), opacity), dim=1)
        torso = self.torso(scene.torso, source, driving, seen)
        style = colors.new_ones(1, self.style_width)

        x, image = self.head_block(head.features, colors, style)
        image = image * opacity + torso.colors * (1 - opacity)
        x = self._join_torso(x, torso.features, opacity)
        x, image = self.person_block(x, image, style)

        person = self.person_alpha(opacity, torso.alpha)
        image = image * person + scene.background * (1 - person)
        x = self._join_background(x, scene.background_share, person)
        return Composite(self.last_block(x, image, style)[1], person, torso)

    def head_only(self, head: HeadImage) -> Float[Tensor, "batch 3 size size"]:
        """The head on black at full size, about [-1, 1] but not clamped: all that the first stages train."""
        return _enlarged(head, self.head_block, self.last_block, self.style_width)

    def _join_torso(
        self,
        head: Float[Tensor, "batch channels height width"],
        torso: Float[Tensor, "batch stem height width"],
        opacity: Float[Tensor, "batch 1 height width"],
    ) -> Float[Tensor, "batch channels height width"]:
        """Features of head and torso together.

        Officially the torso's features are widened by a pointwise convolution and weighted by what the head
        leaves free, and a convolution joins them with the head's. Nothing bends the values in between, so
        both convolutions are one with far fewer inputs; the pointwise one's bias is a channel of its own.
        """
        opacity = opacity.to(head.dtype)
        free = 1 - opacity
        first, second = _convolutions(self.join_torso)
        assert self.torso_features.bias is not None
        for_head, for_torso = first.weight.chunk(2, dim=1)
        widen = torch.cat((self.torso_features.weight[:, :, 0, 0], self.torso_features.bias[:, None]), dim=1)
        joined = torch.einsum("oikl,ic->ockl", for_torso, widen)
        x = channels_innermost(torch.cat((head * opacity, torso * free, free), dim=1))
        x = convolve(x, torch.cat((for_head, joined), dim=1), first.bias)
        return second(functional.leaky_relu(x, inplace=True))

    def _join_background(
        self,
        x: Float[Tensor, "batch channels height width"],
        background: Float[Tensor, "batch stem height width"],
        person: Float[Tensor, "batch 1 height width"],
    ) -> Float[Tensor, "batch channels height width"]:
        """Features of person and background together.

        The first layer is pointwise and therefore may be applied before its inputs are weighted; its share of
        the background is the same for all frames.
        """
        x = functional.conv2d(x, self._join_background_weights()[0]) * person + background * (1 - person)
        return self._behind_first_layer(x)

    def _behind_first_layer(
        self, x: Float[Tensor, "batch stem height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        first, *others = _convolutions(self.join_background)
        assert first.bias is not None
        return _in_turn(others, functional.leaky_relu(x + first.bias[:, None, None], inplace=True))

    def _join_background_weights(self) -> tuple[Tensor, Tensor]:
        """The first layer's weights for the person and for the background."""
        person, background = _convolutions(self.join_background)[0].weight.chunk(2, dim=1)
        return person, background

    def person_alpha(
        self, head: Float[Tensor, "batch 1 height width"], torso: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Alpha of head and torso together; what of the head exceeds the threshold is solid."""
        solid = torch.where(head > self.head_threshold, torch.ones_like(head), head)
        return (torso + solid).clamp(0, 1)


def _enlarged(
    head: HeadImage, first: ModulatedBlock, last: ModulatedBlock, style_width: int
) -> Float[Tensor, "batch 3 size size"]:
    style = head.features.new_ones(1, style_width)
    x, image = first(head.features, head.features[:, :3], style)
    return last(x, image, style)[1]


def _convolutions(layers: nn.ModuleList) -> list[nn.Conv2d]:
    return [layer for layer in layers if isinstance(layer, nn.Conv2d)]


def _in_turn(
    layers: Sequence[nn.Conv2d], x: Float[Tensor, "batch inputs height width"]
) -> Float[Tensor, "batch outputs height width"]:
    """Convolutions with leaky ReLUs between them, and behind all but the last."""
    for layer in layers[:-1]:
        x = functional.leaky_relu(layer(x), inplace=True)
    return layers[-1](x)
