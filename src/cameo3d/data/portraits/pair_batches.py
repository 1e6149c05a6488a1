"""Pairs of frames out of shards, as the stages of Real3D-Portrait see them."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.data.portraits.faces import steering_face
from cameo3d.data.portraits.pairs import PairBatch, View, draw_pair
from cameo3d.data.portraits.shards import Shard
from cameo3d.errors import InputError
from cameo3d.geometry.basel.pncc_blinks import close_eyes
from cameo3d.models.real3d.conditioning import SteeringFace
from cameo3d.models.real3d.eg3d.cameras import camera_vectors
from cameo3d.models.real3d.layers import continued_torso
from cameo3d.models.real3d.poses import camera_of_pose

_PERTURBED = 0.01
"""Standard deviation of the noise on identity and expression."""
_SOURCE_SHARE = 0.25
"""How often it is the source's map that is changed."""


class PairBatches:
    """Draws pairs of frames.

    Args:
        shards: Clips; of photos the same frame is source and target.
        batch: Pairs in a batch.
        size: Side of the pictures that the networks want.
        seed: Of all draws.
        device: Where batches go.

    Raises:
        InputError: If the shards have another size, or not all the same face model.
        WeightsError: If they are made with the Basel model, and the user has not imported it.
    """

    def __init__(
        self, shards: Sequence[Shard], batch: int, size: int, seed: int, device: torch.device
    ) -> None:
        sizes, faces = ({getattr(shard.about, x) for shard in shards} for x in ("size", "face"))
        if sizes != {size} or len(faces) > 1:
            raise InputError(
                f"The shards have pictures of {sorted(sizes)} pixels and face models {sorted(faces)}; this "
                f"network wants {size} pixels and one model: prepare them so."
            )
        self._shards, self._batch, self._seed, self._device = shards, batch, seed, device
        self._face: SteeringFace = steering_face(faces.pop(), size)
        # A clip is drawn as often as it has frames.
        lengths = np.array([len(shard) for shard in shards], float)
        self._chances = lengths / lengths.sum()

    def draw(self, index: int) -> PairBatch:
        """The pairs of one batch."""
        random = np.random.default_rng((self._seed, index))
        return collated([self._pair(random) for _ in range(self._batch)]).to(self._device)

    def _pair(self, random: np.random.Generator) -> PairBatch:
        shard = self._shards[random.choice(len(self._shards), p=self._chances)]
        first, second = draw_pair(len(shard), random)
        motion, background = shard.motion, shard.background
        identity = motion["identity"]
        source, target = (self._view(shard, frame, background) for frame in (first, second))

        changed = first if random.random() < _SOURCE_SHARE else second
        blinking = source.pncc[0] if random.random() < _SOURCE_SHARE else target.pncc[0]
        expression = motion["expression"][changed]
        noisy = (_noisy(x, random) for x in (identity, expression))
        early, late = 0.5 * random.random(), 0.5 + 0.5 * random.random()
        blinks = [close_eyes(blinking, float(p)) for p in (early, (early + late) / 2, late)]
        return PairBatch(
            source=source,
            target=target,
            background=_picture(background),
            neutral=self._face.pncc(identity, torch.zeros_like(expression))[None],
            base=(source if changed == first else target).pncc,
            perturbed=self._face.pncc(*noisy)[None],
            blinks=torch.stack(blinks)[None],
        )

    def _view(self, shard: Shard, frame: int, background: np.ndarray) -> View:
        motion, picture, six = shard.motion, shard.picture(frame), shard.classes(frame)
        classes = six == np.arange(6)[:, None, None]
        head = classes[1] | classes[3] | classes[5]
        identity, expression = motion["identity"], motion["expression"][frame]
        euler, translation = motion["euler"][frame][None], motion["translation"][frame][None]
        return View(
            picture=_picture(np.where(classes[0][..., None], background, picture)),
            head=_picture(np.where(head[..., None], picture, 0)),
            torso=_picture(continued_torso(picture, head, classes[2], classes[4])),
            classes=torch.from_numpy(classes.astype(np.float32))[None],
            pncc=self._face.pncc(identity, expression)[None],
            camera=frame_cameras(shard)[frame][None],
            points=self._face.key_points(identity, expression[None], euler, translation),
        )


def frame_cameras(shard: Shard) -> Float[Tensor, "frames 25"]:
    """EG3D's cameras of a shard's frames: known, or from the measured poses."""
    if shard.cameras is not None:
        return shard.cameras
    return camera_vectors(camera_of_pose(shard.motion["euler"], shard.motion["translation"]))


def video_cameras(shards: Sequence[Shard]) -> Float[Tensor, "frames 25"]:
    """The cameras of all frames, for the stage that draws people of its own."""
    return torch.cat([frame_cameras(shard) for shard in shards])


def collated(pairs: Sequence[PairBatch]) -> PairBatch:
    """Several batches as one."""

    def joined(views: Sequence[View]) -> View:
        return View(**{name: torch.cat([getattr(view, name) for view in views]) for name in vars(views[0])})

    pictures = ("background", "neutral", "base", "perturbed", "blinks")
    return PairBatch(
        joined([pair.source for pair in pairs]),
        joined([pair.target for pair in pairs]),
        *(torch.cat([getattr(pair, name) for pair in pairs]) for name in pictures),
    )


def _picture(image: np.ndarray) -> Float[Tensor, "1 3 size size"]:
    return (torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() - 127.5) / 127.5


def _noisy(x: Tensor, random: np.random.Generator) -> Tensor:
    return x + _PERTURBED * torch.from_numpy(random.standard_normal(x.shape, np.float32))
