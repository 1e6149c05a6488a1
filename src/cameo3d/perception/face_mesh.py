"""MediaPipe's face mesh with attention: 478 points of the face in an upright square around it.

A first network lays 468 points over the whole face; three more look again, more closely, at the lips and at
each eye, and move the points there (Grishchenko et al., arXiv 2006.10962). Weights: docs/cards/eyes.md.
"""

import functools
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.depthwise import Pointwise, ResidualBlock, SameConv2d
from cameo3d.blocks.separable_kernel import compile_blocks
from cameo3d.geometry import face_topology as names
from cameo3d.weights.shipped import load_tensors

SIDE = 192
"""Pixels across the square that the network sees."""
POINTS = 478
"""The mesh, then five points of each iris."""
_MAP, _PATCH = SIDE // 4, 16
"""Pixels across the features that the close looks are cut from, and across each cut."""
_REACH = 1.5
"""Side of a close look over the size of what it looks at."""

_LIPS = (
    *(*names.OUTER_LIP_LOWER, *names.OUTER_LIP_UPPER[1:-1]),
    *(*names.INNER_LIP_LOWER, *names.INNER_LIP_UPPER[1:-1]),
    *(76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407),
)
_RIGHT_EYE = (
    *(*names.RIGHT_LID_LOWER, *names.RIGHT_LID_UPPER[1:-1]),
    *(*names.RIGHT_LOWER_FOLD, *names.RIGHT_UPPER_FOLD[1:-1]),
    *(226, 31, 228, 229, 230, 231, 232, 233, 244, *names.RIGHT_LID_TOP[1:-1]),
    *(35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245),
    *(156, 70, 63, 105, 66, 107, 55, 193),
)
_LEFT_EYE = (
    *(*names.LEFT_LID_LOWER, *names.LEFT_LID_UPPER[1:-1]),
    *(*names.LEFT_LOWER_FOLD, *names.LEFT_UPPER_FOLD[1:-1]),
    *(446, 261, 448, 449, 450, 451, 452, 453, 464, *names.LEFT_LID_TOP[1:-1]),
    *(265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465),
    *(383, 300, 293, 334, 296, 336, 285, 417),
)
"""The points that each close look moves, in its order: contours from the inside out."""
_LIDS = 16
"""So many first points of an eye are its lids' edges."""
_REGIONS = (_LIPS, _RIGHT_EYE, _LEFT_EYE)
_AXES = ((61, 291), (33, 133), (362, 263))
"""Corners whose line is level in each close look."""
_HEADS = (
    (0, _LIPS),
    (1, _RIGHT_EYE),
    (1, names.RIGHT_IRIS),
    (2, _LEFT_EYE),
    (2, names.LEFT_IRIS),
)
"""The close look that each group of points is read off, and the points."""


class FaceMesh(nn.Module):
    """From squares around faces to landmarks and how surely there is a face at all."""

    regions: Tensor
    axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv2d(3, 16, 3, 2), nn.PReLU(16))
        self.fine = nn.Sequential(*_blocks(16, 16, 16), *_stage(16, 32, 0))
        self.coarse = nn.Sequential(
            *_blocks(32, 32, 32),
            *(*_stage(32, 64, 2), *_stage(64, 128, 2), *_stage(128, 128, 2), *_stage(128, 128, 2)),
            *(Pointwise(128, 32), nn.PReLU(32), *_blocks(32, 32)),
        )
        self.mesh = nn.Linear(32 * 9, 468 * 3)
        self.presence = nn.Linear(32 * 9, 1)
        looks, heads = len(_REGIONS), len(_HEADS)
        self.looks = nn.Sequential(
            *(*_blocks(32, 32, 32, groups=looks), *_stage(32, 64, 2, looks), *_stage(64, 128, 0, looks))
        )
        self.heads = nn.Sequential(
            *(*_blocks(128, 128, 128, groups=heads), *_stage(128, 128, 2, heads)),
            *(Pointwise(128, 32, heads), nn.PReLU(heads * 32), *_blocks(32, 32, groups=heads)),
        )
        self.points = nn.ModuleList(nn.Linear(32 * 4, 2 * len(points)) for _, points in _HEADS)
        longest = max(map(len, _REGIONS))
        padded = [region + region[:1] * (longest - len(region)) for region in _REGIONS]
        self.register_buffer("regions", torch.tensor(padded), persistent=False)
        self.register_buffer("axes", torch.tensor(_AXES), persistent=False)

    def forward(
        self, faces: Float[Tensor, "batch 3 192 192"]
    ) -> tuple[Float[Tensor, "batch 478 3"], Float[Tensor, " batch"]]:
        """Find the points of faces.

        Args:
            faces: Upright faces in [0, 1], the box around each two thirds of the square.

        Returns:
            Landmarks in pixels of the square, z in the same unit; and the probability of a face.
        """
        features = self.fine(self.stem(faces))
        seen = self.coarse(features).flatten(1)
        mesh = self.mesh(seen).unflatten(1, (468, 3))
        frames = self._frames(mesh[..., :2])
        close = self.looks(_cut(features, frames)).unflatten(1, (len(_REGIONS), -1))
        close = self.heads(close[:, [look for look, _ in _HEADS]].flatten(1, 2))
        close = close.unflatten(1, (len(_HEADS), -1)).flatten(2)

        points = torch.cat((mesh, mesh.new_zeros(len(mesh), POINTS - 468, 3)), dim=1)
        for head, (look, indices) in enumerate(_HEADS):
            placed = self.points[head](close[:, head]).unflatten(1, (-1, 2))
            turn, shift = frames[:, look].split((2, 1), dim=-1)
            points[:, indices, :2] = placed @ turn.mT + (SIDE / _MAP) * shift.mT
        for iris, eye in ((names.RIGHT_IRIS, _RIGHT_EYE), (names.LEFT_IRIS, _LEFT_EYE)):
            points[:, iris, 2] = points[:, eye[:_LIDS], 2].mean(1, keepdim=True)
        return points, self.presence(seen)[:, 0].sigmoid()

    def _frames(self, mesh: Float[Tensor, "batch 468 2"]) -> Float[Tensor, "batch looks 2 3"]:
        """Where each close look lies: from its pixels to those of the features."""
        mesh = mesh * (_MAP / SIDE)
        left, right = mesh[:, self.axes].unbind(2)
        along = functional.normalize(right - left, dim=-1)
        turn = torch.stack((along, torch.stack((-along[..., 1], along[..., 0]), -1)), -1)  # look to features
        level = mesh[:, self.regions] @ turn
        low, high = level.amin(2), level.amax(2)
        scale = _REACH * (high - low) / _PATCH
        middle = (turn @ (low + high)[..., None])[..., 0] / 2
        turn = turn * scale[..., None, :]
        shift = middle - turn.sum(-1) * (_PATCH / 2)
        return torch.cat((turn, shift[..., None]), dim=-1)


@functools.cache
def load_face_mesh(compiled: bool = True) -> FaceMesh:
    """Load the shipped network, once.

    Args:
        compiled: Whether to compute with compiled loops, without gradients and on the CPU.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = FaceMesh()
    network.load_state_dict({name: tensor.float() for name, tensor in load_tensors("face_mesh").items()})
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if compiled:
        compile_blocks(network)
    return network


def _blocks(*widths: int, groups: int = 1) -> list[nn.Module]:
    return [
        ResidualBlock(before, after, nn.PReLU(groups * after), groups=groups)
        for before, after in pairwise(widths)
    ]


def _stage(inputs: int, outputs: int, more: int, groups: int = 1) -> list[nn.Module]:
    """A block that halves the picture, and more that keep its size."""
    first = ResidualBlock(inputs, outputs, nn.PReLU(groups * outputs), 2, groups)
    return [first, *_blocks(*[outputs] * (more + 1), groups=groups)]


def _cut(
    features: Float[Tensor, "batch channels size size"], frames: Float[Tensor, "batch looks 2 3"]
) -> Float[Tensor, "batch _ patch patch"]:
    """Cut the close looks out of the features; what lies beyond them is 0."""
    centres = torch.arange(_PATCH, device=frames.device, dtype=frames.dtype) + 0.5
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    places = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1).flatten(0, 1)
    grid = (places @ frames.mT) * (2 / _MAP) - 1  # batch looks pixels 2
    inside = (grid.abs() <= 1 - 1 / _MAP).all(-1)
    cut = functional.grid_sample(features, grid, align_corners=False)  # batch channels looks pixels
    cut = cut * inside[:, None]
    return cut.transpose(1, 2).flatten(1, 2).unflatten(-1, (_PATCH, _PATCH))
