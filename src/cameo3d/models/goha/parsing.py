"""Which part of the face each pixel shows (BiSeNet; Yu et al., ECCV 2018), and what of it moves."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.resnet import ResNet

CLASSES = (
    "background", "skin", "left brow", "right brow", "left eye", "right eye", "glasses", "left ear",
    "right ear", "earring", "nose", "mouth", "upper lip", "lower lip", "neck", "necklace", "cloth", "hair",
    "hat",
)  # fmt: skip
"""In the order of the logits."""
EYES = ("left eye", "right eye")
MOVING = ("left brow", "right brow", *EYES, "mouth", "upper lip", "lower lip")
"""What changes with the expression."""


class FaceParser(nn.Module):
    """A ResNet-18, context gathered from coarse to fine, and a fusion with the finest map."""

    def __init__(self, width: int = 64):
        super().__init__()
        fused = 4 * width
        self.backbone = ResNet((2, 2, 2, 2), width)
        self.whole = ConvNorm(8 * width, 2 * width, kernel=1)
        self.refine32 = AttentionRefinement(8 * width, 2 * width)
        self.refine16 = AttentionRefinement(4 * width, 2 * width)
        self.smooth32 = ConvNorm(2 * width, 2 * width)
        self.smooth16 = ConvNorm(2 * width, 2 * width)
        self.fusion = FeatureFusion(fused, width)
        self.head = ParsingHead(fused, fused)
        self.head16 = ParsingHead(2 * width, width)
        self.head32 = ParsingHead(2 * width, width)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 19 height width"]:
        """Logits of `CLASSES` for images normalised as for ImageNet."""
        fine, context16, _ = self.contexts(image)
        return self.head(self.fusion(fine, context16), image.shape[2], image.shape[3])

    def contexts(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch _ _ _"], Float[Tensor, "batch _ _ _"], Float[Tensor, "batch _ _ _"]]:
        """The backbone's map at an eighth, and two maps of context at an eighth and a sixteenth."""
        _, fine, middle, coarse = self.backbone(image)
        whole = self.whole(coarse.mean(dim=(2, 3), keepdim=True))
        context32 = self.smooth32(_enlarge(self.refine32(coarse) + whole, like=middle))
        context16 = self.smooth16(_enlarge(self.refine16(middle) + context32, like=fine))
        return fine, context16, context32


class ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        """The convolved map."""
        return self.norm(self.conv(x)).relu()


class AttentionRefinement(nn.Module):
    """Channels weighed by what the whole picture shows."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.features = ConvNorm(inputs, outputs)
        self.attention = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        """The refined map."""
        x = self.features(x)
        return x * self.norm(self.attention(x.mean(dim=(2, 3), keepdim=True))).sigmoid()


class FeatureFusion(nn.Module):
    """Detail and context side by side, channels weighed by the whole picture."""

    def __init__(self, width: int, narrow: int):
        super().__init__()
        self.features = ConvNorm(width, width, kernel=1)
        self.narrow = nn.Conv2d(width, narrow, 1, bias=False)
        self.widen = nn.Conv2d(narrow, width, 1, bias=False)

    def forward(
        self,
        fine: Float[Tensor, "batch part height width"],
        context: Float[Tensor, "batch part height width"],
    ) -> Float[Tensor, "batch fused height width"]:
        """The fused map."""
        x = self.features(torch.cat((fine, context), dim=1))
        attention = self.widen(self.narrow(x.mean(dim=(2, 3), keepdim=True)).relu()).sigmoid()
        return x * attention + x


class ParsingHead(nn.Module):
    """Logits at the size of the image."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.features = ConvNorm(inputs, width)
        self.logits = nn.Conv2d(width, len(CLASSES), 1, bias=False)

    def forward(
        self, x: Float[Tensor, "batch inputs _ _"], height: int, width: int
    ) -> Float[Tensor, "batch 19 {height} {width}"]:
        """Resized with the outermost pixel centres at the corners."""
        logits = self.logits(self.features(x))
        return functional.interpolate(logits, size=(height, width), mode="bilinear", align_corners=True)


def resting_mask(logits: Float[Tensor, "batch 19 height width"]) -> Float[Tensor, "batch 1 height width"]:
    """1 where a face keeps still, 0 at brows, eyes (and six pixels around them), lips and mouth.

    Glasses and hats count as whatever is the next likely, so that eyes behind glasses are found.
    """
    kept = [index for index, name in enumerate(CLASSES) if name not in {"glasses", "hat"}]
    best = torch.stack([logits[:, index] for index in kept], dim=1).argmax(dim=1, keepdim=True)

    def shows(names: tuple[str, ...]) -> Tensor:
        chosen = [best == place for place, index in enumerate(kept) if CLASSES[index] in names]
        return torch.cat(chosen, dim=1).any(dim=1, keepdim=True).to(logits.dtype)

    eyes = functional.max_pool2d(shows(EYES), 13, stride=1, padding=6)
    return 1 - torch.maximum(eyes, shows(MOVING))


def _enlarge(x: Float[Tensor, "batch channels _ _"], like: Float[Tensor, "batch _ height width"]) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="nearest")
