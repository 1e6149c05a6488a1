"""Shards of `cameo3d data prepare` and `synthesise` as GOHA's pictures: people over black, with cameras."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cameo3d.data.portraits.shards import Shard
from cameo3d.geometry.basel.bfm import FaceCoefficients
from cameo3d.models.goha.framing import RADIUS, label_of, lens
from cameo3d.models.real3d.poses import HEAD_OFFSET
from cameo3d.values.goha_folders import GohaClip


@dataclass(frozen=True)
class ShardFrame:
    """One frame of a shard, still in its file."""

    shard: Shard
    index: int
    camera: tuple[float, ...]

    def read(self, size: int = 512) -> Float[torch.Tensor, "3 {size} {size}"]:
        """The person over black, in [-1, 1].

        Raises:
            InputError: If a picture is broken.
        """
        matte = self.shard.matte(self.index)[..., None] / np.float32(255)
        over_black = self.shard.picture(self.index).astype(np.float32) * matte
        tensor = torch.from_numpy(over_black).permute(2, 0, 1)[None] / 127.5 - 1
        if tensor.shape[-1] != size:
            tensor = torch.nn.functional.interpolate(tensor, (size, size), mode="bilinear", antialias=True)
        return tensor[0]

    def label(self) -> Float[torch.Tensor, "25"]:
        """The camera's numbers."""
        return torch.tensor(self.camera)

    def face(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor] | None:
        """Identity, expression, Deep3D's angles and translation, if they are of the shipped face model."""
        if self.shard.about.face != "shipped":
            return None
        motion, index = self.shard.motion, self.index
        return (
            motion["identity"],
            motion["expression"][index],
            motion["euler"][index],
            motion["translation"][index],
        )


def shard_clips(shards: Sequence[Shard]) -> list[GohaClip]:
    """Every shard as a clip."""
    return [
        GohaClip(
            shard.about.name,
            tuple(ShardFrame(shard, index, tuple(row)) for index, row in enumerate(_labels(shard).tolist())),
        )
        for shard in shards
    ]


def _labels(shard: Shard) -> Float[torch.Tensor, "frames 25"]:
    """World from camera and intrinsics, as GOHA's preparation makes them of Deep3D's poses.

    Known cameras of EG3D count instead; GOHA's have the head in the world's origin, always as far away.
    """
    if shard.cameras is not None:
        pose = shard.cameras[:, :16].unflatten(1, (4, 4)).clone()
        away = pose[:, :3, 3] - pose.new_tensor(HEAD_OFFSET)
        pose[:, :3, 3] = RADIUS * torch.nn.functional.normalize(away, dim=1)
        return torch.cat((pose.flatten(1), lens(len(pose)).flatten(1)), dim=1)
    euler, translation = shard.motion["euler"], shard.motion["translation"]
    vectors = torch.zeros(len(euler), 257)
    vectors[:, 224:227], vectors[:, 254:] = euler, translation
    pose = label_of(FaceCoefficients.from_vectors(vectors))
    return torch.cat((pose.flatten(1), lens(len(pose)).flatten(1)), dim=1)
