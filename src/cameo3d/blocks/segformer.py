"""The mix transformer encoder of SegFormer and its all-MLP head (Xie et al., NeurIPS 2021)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize


class MixTransformer(nn.Module):
    """Four stages of transformer blocks on ever smaller maps; the defaults are MiT-B0."""

    def __init__(
        self,
        inputs: int = 3,
        widths: Sequence[int] = (32, 64, 160, 256),
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (1, 2, 5, 8),
        reductions: Sequence[int] = (8, 4, 2, 1),
        expansion: int = 4,
        norm_epsilon: float = 1e-5,
        stochastic_depth: float = 0.0,
    ):
        """Build the encoder.

        Args:
            inputs: Channels of the image.
            widths: Channels of each stage.
            depths: Blocks of each stage.
            heads: Attention heads of each stage.
            reductions: How much coarser the keys are than the queries, in each stage.
            expansion: Hidden width of the feed-forward layers over the stage's width.
            norm_epsilon: Of the norms in front of attention and feed-forward layers and behind each stage.
                The norms of embeddings and of reduced keys always have 1e-5.
            stochastic_depth: In training, how often the last block's branches are skipped (Huang et al., ECCV
                2016); the first one's never, those between in proportion.
        """
        super().__init__()
        skips = torch.linspace(0, stochastic_depth, sum(depths), device="cpu").tolist()
        firsts = [sum(depths[:index]) for index in range(len(depths))]
        self.stages = nn.ModuleList(
            Stage(
                previous,
                width,
                heads=stage_heads,
                reduction=reduction,
                expansion=expansion,
                kernel=7 if index == 0 else 3,
                stride=4 if index == 0 else 2,
                norm_epsilon=norm_epsilon,
                skips=skips[firsts[index] : firsts[index] + depth],
            )
            for index, (previous, width, depth, stage_heads, reduction) in enumerate(
                zip((inputs, *widths[:-1]), widths, depths, heads, reductions, strict=True)
            )
        )

    def forward(
        self, image: Float[Tensor, "batch inputs height width"]
    ) -> list[Float[Tensor, "batch _ _ _"]]:
        """Maps of all stages, the finest (a quarter of the image) first."""
        maps = []
        x = image
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Stage(nn.Module):
    """An embedding of overlapping patches, transformer blocks, and a norm."""

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        heads: int,
        reduction: int,
        expansion: int,
        kernel: int,
        stride: int,
        norm_epsilon: float,
        skips: Sequence[float],
    ):
        super().__init__()
        self.embedding = PatchEmbedding(inputs, width, kernel=kernel, stride=stride)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                width,
                heads=heads,
                reduction=reduction,
                expansion=expansion,
                norm_epsilon=norm_epsilon,
                skip=skip,
            )
            for skip in skips
        )
        self.norm = nn.LayerNorm(width, eps=norm_epsilon)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch features rows columns"]:
        """The stage's map."""
        tokens, size = self.embedding(x)
        for block in self.blocks:
            tokens = block(tokens, size)
        return map_of(self.norm(tokens), size)


class PatchEmbedding(nn.Module):
    """Overlapping patches as tokens, row by row."""

    def __init__(self, inputs: int, width: int, *, kernel: int = 3, stride: int = 2):
        super().__init__()
        self.projection = nn.Conv2d(inputs, width, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> tuple[Float[Tensor, "batch tokens width_out"], tuple[int, int]]:
        """Tokens, and how many rows and columns of them there are."""
        x = self.projection(x)
        return self.norm(x.flatten(2).mT), (x.shape[2], x.shape[3])


class TransformerBlock(nn.Module):
    """Attention to a coarser copy of the map, and a feed-forward layer that looks at neighbours."""

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        reduction: int = 1,
        expansion: int = 4,
        norm_epsilon: float = 1e-5,
        skip: float = 0.0,
    ):
        super().__init__()
        self.skip = skip
        self.attention_norm = nn.LayerNorm(width, eps=norm_epsilon)
        self.attention = ReducedAttention(width, heads=heads, reduction=reduction)
        self.feed_norm = nn.LayerNorm(width, eps=norm_epsilon)
        self.feed = MixFeedForward(width, expansion * width)

    def forward(
        self, tokens: Float[Tensor, "batch tokens width"], size: tuple[int, int]
    ) -> Float[Tensor, "batch tokens width"]:
        """Refined tokens; `size` counts their rows and columns."""
        tokens = tokens + self._sometimes(self.attention(self.attention_norm(tokens), size))
        return tokens + self._sometimes(self.feed(self.feed_norm(tokens), size))

    def _sometimes(self, branch: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """In training, nothing for some of the batch, and so much more for the others."""
        if not self.training or self.skip == 0:
            return branch
        kept = torch.rand((len(branch), 1, 1), device=branch.device) >= self.skip
        return branch * (kept / (1 - self.skip)).to(branch.dtype)


class ReducedAttention(nn.Module):
    """Self-attention whose keys and values come from a map reduced by a strided convolution."""

    def __init__(self, width: int, *, heads: int, reduction: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)
        self.reduction = nn.Conv2d(width, width, reduction, reduction) if reduction > 1 else None
        self.reduction_norm = nn.LayerNorm(width) if reduction > 1 else None

    def forward(
        self, tokens: Float[Tensor, "batch tokens width"], size: tuple[int, int]
    ) -> Float[Tensor, "batch tokens width"]:
        """What each token gathers from the others."""
        seen = tokens
        if self.reduction is not None and self.reduction_norm is not None:
            seen = self.reduction_norm(self.reduction(map_of(tokens, size)).flatten(2).mT)
        key, value = self.key_value(seen).chunk(2, dim=-1)
        gathered = functional.scaled_dot_product_attention(
            self._split(self.query(tokens)), self._split(key), self._split(value)
        )
        return self.output(gathered.transpose(1, 2).flatten(2))

    def _split(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch heads tokens part"]:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class MixFeedForward(nn.Module):
    """Two linear layers with a depthwise convolution and a GELU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.neighbours = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(
        self, tokens: Float[Tensor, "batch tokens width"], size: tuple[int, int]
    ) -> Float[Tensor, "batch tokens width"]:
        """What each token makes of itself and its neighbours."""
        x = self.neighbours(map_of(self.expand(tokens), size)).flatten(2).mT
        return self.contract(functional.gelu(x))


class ScaleFusion(nn.Module):
    """SegFormer's head up to its fusing convolution: all maps at the size of the finest."""

    def __init__(self, widths: Sequence[int] = (32, 64, 160, 256), outputs: int = 256):
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(width, outputs) for width in widths)
        self.fuse = nn.Conv2d(len(widths) * outputs, outputs, 1, bias=False)

    def forward(
        self, maps: Sequence[Float[Tensor, "batch _ _ _"]]
    ) -> Float[Tensor, "batch outputs height width"]:
        """One map from those of all stages, finest first; the order of concatenation is coarsest first."""
        height, width = maps[0].shape[2:]
        fused = []
        # Mixing channels and resizing may change places: what fuses comes first, while the maps are small.
        shares = self.fuse.weight[:, :, 0, 0].chunk(len(maps), dim=1)[::-1]
        for layer, share, x in zip(self.projections, shares, maps, strict=True):
            assert isinstance(layer, nn.Linear)
            y = functional.linear(x.flatten(2).mT, share @ layer.weight, share @ layer.bias)
            y = map_of(y, (x.shape[2], x.shape[3]))
            fused.append(y if y.shape[2:] == (height, width) else resize(y, height, width))
        return sum(fused[1:], fused[0])


def map_of(
    tokens: Float[Tensor, "batch tokens channels"], size: tuple[int, int]
) -> Float[Tensor, "batch channels height width"]:
    """Tokens in row order as a map of `size` rows and columns; nothing is copied, channels stay innermost."""
    return tokens.unflatten(1, size).permute(0, 3, 1, 2)
