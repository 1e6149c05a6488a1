"""From a photo of a head to its canonical tri-plane, once a person.

A coarse branch (a residual network that looks far around, then transformers) finds the shape, one for details
keeps the texture, and a third network joins them, as in Live 3D Portrait (Trevithick et al., 2023).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import channels_innermost, double_with_corners
from cameo3d.blocks.segformer import PatchEmbedding, TransformerBlock, map_of
from cameo3d.models.real3d.config import PlaneSizes
from cameo3d.models.real3d.planes import channels_to_planes
from cameo3d.models.real3d.residual import ResidualEncoder


class ImageToPlane(nn.Module):
    """The network from photo to planes."""

    def __init__(self, sizes: PlaneSizes, plane_channels: int, plane_depth: int = 1):
        super().__init__()
        channels, seen = 3 * plane_channels, 6 if sizes.sees_silhouette else 5
        self.sees_silhouette = sizes.sees_silhouette
        self.encoder = ResidualEncoder(seen, sizes.residual_widths, sizes.residual_depths)
        self.context = ContextPyramid(sizes.residual_widths[-1], sizes.context_width)
        self.shape = ShapeBranch(sizes, channels)
        self.detail = DetailBranch(sizes.detail_stem, channels, inputs=seen)
        self.join = JoinBranches(sizes, channels, channels * plane_depth)
        self.grid = PlaneToGrid(plane_channels, plane_depth) if plane_depth > 1 else None

    def forward(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 channels height_half width_half"]:
        """The canonical planes of heads on black, colours in [-1, 1], at half the images' size."""
        if self.sees_silhouette:
            image = torch.cat((image, (image.mean(dim=1, keepdim=True) >= -0.999).to(image)), dim=1)
        image = channels_innermost(with_positions(image))
        low = self.shape(self.context(self.encoder(image)))
        high = self.detail(image)
        planes = channels_to_planes(self.join(low, high))
        return planes if self.grid is None else self.grid(planes)


class ContextPyramid(nn.Module):
    """Convolutions with ever wider gaps, side by side (Chen et al., 2017), here without any norm."""

    def __init__(self, inputs: int, width: int, gaps: tuple[int, ...] = (12, 24, 36)):
        super().__init__()
        self.near = nn.Conv2d(inputs, width, 1, bias=False)
        self.far = nn.ModuleList(
            nn.Conv2d(inputs, width, 3, padding=gap, dilation=gap, bias=False) for gap in gaps
        )
        self.whole = nn.Conv2d(inputs, width, 1, bias=False)
        self.project = nn.Conv2d((2 + len(gaps)) * width, width, 1, bias=False)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height width"]:
        """What each place knows of its surroundings."""
        whole = self.whole(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        seen = torch.cat((self.near(x), *(layer(x) for layer in self.far), whole), dim=1).relu_()
        return self.output(self.dropout(self.project(seen).relu()))


class ShapeBranch(nn.Module):
    """Transformers on a coarse map, and its way up to the planes' size."""

    def __init__(self, sizes: PlaneSizes, outputs: int):
        super().__init__()
        self.embedding = PatchEmbedding(sizes.context_width, sizes.token_width)
        self.blocks = nn.ModuleList(
            TransformerBlock(sizes.token_width, heads=sizes.heads, expansion=2)
            for _ in range(sizes.token_depth)
        )
        self.first = nn.Conv2d(sizes.token_width // 4, sizes.narrow, 3, padding=1)
        self.second = nn.Conv2d(sizes.narrow, sizes.narrow, 3, padding=1)
        self.output = nn.Conv2d(sizes.narrow, outputs, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height_out width_out"]:
        """A map four times the size."""
        tokens, size = self.embedding(x)
        for block in self.blocks:
            tokens = block(tokens, size)
        x = functional.pixel_shuffle(map_of(tokens, size), 2)
        x = self.first(double_with_corners(x)).relu_()
        x = self.second(double_with_corners(x)).relu_()
        return self.output(x)


class DetailBranch(nn.Module):
    """Plain convolutions at half the image's size."""

    def __init__(self, stem: int, outputs: int, depth: int = 4, inputs: int = 5):
        super().__init__()
        # Nothing bends the values behind the first layer in the official release either.
        self.first = nn.Conv2d(inputs, stem, 7, stride=2, padding=3)
        self.layers = nn.ModuleList(
            nn.Conv2d(stem if index == 0 else outputs, outputs, 3, padding=1) for index in range(depth)
        )
        self.output = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(
        self, image: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height_half width_half"]:
        """A map of half the size."""
        x = self.first(image)
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), inplace=True)
        return self.output(x)


class JoinBranches(nn.Module):
    """Both branches to planes, with one transformer block between convolutions."""

    def __init__(self, sizes: PlaneSizes, channels: int, outputs: int):
        super().__init__()
        self.before = nn.ModuleList(
            (
                nn.Conv2d(2 * channels, sizes.wide, 3, padding=1),
                nn.Conv2d(sizes.wide, sizes.narrow, 3, padding=1),
            )
        )
        self.embedding = PatchEmbedding(sizes.narrow, sizes.token_width)
        self.block = TransformerBlock(sizes.token_width, heads=sizes.heads, reduction=2, expansion=2)
        self.after = nn.ModuleList(
            (
                nn.Conv2d(sizes.token_width // 4 + channels, sizes.wide, 3, padding=1),
                nn.Conv2d(sizes.wide, sizes.narrow, 3, padding=1),
                nn.Conv2d(sizes.narrow, sizes.narrow, 3, padding=1),
            )
        )
        self.output = nn.Conv2d(sizes.narrow, outputs, 3, padding=1)

    def forward(
        self,
        low: Float[Tensor, "batch channels height width"],
        high: Float[Tensor, "batch channels height width"],
    ) -> Float[Tensor, "batch outputs height width"]:
        """The planes' channels."""
        x = channels_innermost(torch.cat((low, high), dim=1))
        for layer in self.before:
            x = functional.leaky_relu(layer(x), inplace=True)
        tokens, size = self.embedding(x)
        x = functional.pixel_shuffle(map_of(self.block(tokens, size), size), 2)
        x = channels_innermost(torch.cat((x, low), dim=1))
        for layer in self.after:
            x = functional.leaky_relu(layer(x), inplace=True)
        return self.output(x)


class PlaneToGrid(nn.Module):
    """Lets the slices of planes that are grids know of each other, each plane for itself."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.blocks = nn.ModuleList(GridBlock(channels) for _ in range(1 if depth <= 3 else 2))

    def forward(
        self, planes: Float[Tensor, "batch 3 channels height width"]
    ) -> Float[Tensor, "batch 3 channels height width"]:
        """Planes of the same layout: the slice's index is the fastest of a plane's channels."""
        batch = planes.shape[0]
        x = planes.flatten(0, 1).unflatten(1, (-1, self.depth))
        for block in self.blocks:
            x = block(x)
        return x.flatten(1, 2).unflatten(0, (batch, 3))


class GridBlock(nn.Module):
    """Two convolutions behind norms, of which only a learned share is added."""

    def __init__(self, channels: int, groups: int = 4) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Conv3d(channels, channels, 3, padding=1, padding_mode="replicate") for _ in range(2)
        )
        self.first_norm, self.second_norm = (nn.GroupNorm(groups, channels) for _ in range(2))
        self.share = nn.Parameter(torch.tensor([0.01]))

    def forward(
        self, x: Float[Tensor, "planes channels depth height width"]
    ) -> Float[Tensor, "planes channels depth height width"]:
        """A volume of the same size."""
        moved = self.first(self.first_norm(x).relu())
        return x + self.share * self.second(self.second_norm(moved).relu())


def with_positions(
    image: Float[Tensor, "batch colors height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Append the row's and the column's index, each divided by the number of rows and columns."""
    height, width = image.shape[2:]
    rows = torch.arange(height, dtype=image.dtype, device=image.device) / height
    columns = torch.arange(width, dtype=image.dtype, device=image.device) / width
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return torch.cat((image, places.expand(image.shape[0], -1, -1, -1)), dim=1)
