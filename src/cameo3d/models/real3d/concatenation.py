"""An ablation of Real3D-Portrait: features of head, torso and background side by side, without any alpha."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize_smoothly
from cameo3d.models.real3d.config import Real3DConfig
from cameo3d.models.real3d.renderer import HeadImage
from cameo3d.models.real3d.super_resolution import Composite, HeadTorsoBackground, Scene


class ConcatenatedLayers(HeadTorsoBackground):
    """The super-resolution network that has to find out by itself what is in front of what."""

    def __init__(self, config: Real3DConfig) -> None:
        super().__init__(config)
        del self.join_torso, self.person_block
        self.join_background[0] = nn.Conv2d(3 * config.fusion.width, config.fusion.stem, 1)

    def forward(
        self,
        head: HeadImage,
        scene: Scene,
        source: Float[Tensor, "batch 68 3"],
        driving: Float[Tensor, "batch 68 3"],
    ) -> Composite:
        """See `HeadTorsoBackground.forward`; alphas are only predicted, and used by nothing in here."""
        half = self.half_size
        colors = head.features[:, :3]
        opacity = resize_smoothly(head.opacity.detach(), half, half)
        seen = torch.cat((resize_smoothly(colors.detach(), half, half), opacity), dim=1)
        torso = self.torso(scene.torso, source, driving, seen)
        style = colors.new_ones(1, self.style_width)

        x, _ = self.head_block(head.features, colors, style)
        for_head, for_torso = self._shares()[:2]
        x = functional.conv2d(x, for_head) + functional.conv2d(self.torso_features(torso.features), for_torso)
        x = self._behind_first_layer(x + scene.background_share)
        image = self.last_block(x, x.new_zeros(len(x), 3, half, half), style)[1]
        return Composite(image, self.person_alpha(opacity, torso.alpha), torso)

    def _join_background_weights(self) -> tuple[Tensor, Tensor]:
        return self._shares()[0], self._shares()[2]

    def _shares(self) -> tuple[Tensor, Tensor, Tensor]:
        """The first layer's weights for the head, the torso and the background."""
        first = self.join_background[0]
        assert isinstance(first, nn.Conv2d)
        head, torso, background = first.weight.chunk(3, dim=1)
        return head, torso, background
