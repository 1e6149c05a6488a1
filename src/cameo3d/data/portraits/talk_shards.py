"""Talks out of shards: the clips of which speech is known."""

from collections.abc import Sequence

import torch

from cameo3d.data.portraits.faces import load_basel
from cameo3d.data.portraits.labels import blink_spikes, eye_openings, mouth_amplitude
from cameo3d.data.portraits.shards import Shard
from cameo3d.data.portraits.talks import Talk
from cameo3d.errors import InputError
from cameo3d.geometry.basel.real3d_face import Real3DFace

_LEAST_STEPS = 32
"""Shorter clips are left out."""


def read_talks(shards: Sequence[Shard]) -> list[Talk]:
    """All clips with speech features, and their labels.

    Raises:
        InputError: If there is none, or they are not of the Basel model.
        WeightsError: If the user has not imported the Basel model.
    """
    chosen = [shard for shard in shards if shard.has("speech") and shard.about.face == "basel"]
    if not chosen:
        raise InputError(
            "Real3D-Portrait's voice learns from HuBERT's features and the Basel model; import both with "
            "`cameo3d weights import real3d`, then run `cameo3d data prepare` with --face-model basel."
        )
    face = load_basel()
    talks = [_talk(shard, face) for shard in chosen]
    return [talk for talk in talks if 2 * len(talk) >= _LEAST_STEPS]


def _talk(shard: Shard, face: Real3DFace) -> Talk:
    motion = shard.motion
    identity, expression = motion["identity"], motion["expression"]
    points = face.key_points.shape(identity.expand(len(expression), -1), expression)
    spikes = blink_spikes(eye_openings(shard.tensor("landmarks").numpy()))
    return Talk(
        speaker=shard.about.person,
        speech=shard.tensor("speech").float(),
        pitch=shard.tensor("pitch").float(),
        identity=identity,
        expression=expression,
        blink=torch.from_numpy(spikes),
        mouth=mouth_amplitude(points),
    )
