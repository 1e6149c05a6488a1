"""Train the expression network: the teacher's 52 scores from our 478 landmarks.

A fifth of the portraits, by identity, and the speakers in `HELD_OUT` are left out of training, so that
`report.py` can measure how well the shipped weights do on people they never saw. Every sample also counts
mirrored.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from calibration import calibration
from learn import groups_and_weights
from tensorfile import write_tensors
from topology import mirrored_names, read_topology
from torch.nn import functional
from tracks import Tracks, check_licences, read_tracks

from cameo3d.geometry.face_model import FaceModel, load_face_model
from cameo3d.perception.expression import STABLE, ExpressionNet
from cameo3d.values import BLENDSHAPES

HELD_OUT = ("trump", "grid_i", "grid_s31", "grid_f", "grid_a", "grid_m")
STEPS, BATCH, RATE, DECAY = 10_000, 256, 1e-3, 0.2
OTHER_PERSON = 0.3
"""Standard deviations of identity by which a sample is made to look like somebody else."""
WINKING_SHARE = 8
"""One sample in so many gets one eye closed."""
LOOK_DOWN_WITH_BLINK = 0.55
"""How much of eyeLookDown the teacher sees in an eye that closes."""
SEED = 0
MIRRORED_IRIS = (473, 474, 477, 476, 475, 468, 469, 472, 471, 470)
"""The other eye's iris; its right and left points change places."""
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Right, then left: lids that an iris moves with when a face is made somebody else's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="folder that holds data/ and models/")
    parser.add_argument("tracks", type=Path, help="folder that track.py wrote")
    parser.add_argument("out", type=Path, help="expression.safetensors to write")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, so that the result is the same every time

    tracks = read_tracks(options.tracks)
    check_licences(tracks, options.shared)
    mirror = read_topology(options.shared / "models" / "face_landmarker.task").mirror
    network = train(tracks, np.concatenate((mirror, MIRRORED_IRIS)))
    tensors = {name: tensor.numpy().astype(np.float16) for name, tensor in network.state_dict().items()}
    metadata = {
        "model": "expression",
        "config": json.dumps({"landmarks": 478, "width": network.layers[0].out_features}),
        "source": "trained by tools/face_model/distill.py; see docs/cards/expression.md",
        "licence": "MIT",
        "revision": "1",
    }
    print("put into weights/catalogue.py:", write_tensors(options.out, tensors, metadata))


def is_held_out(tracks: Tracks) -> np.ndarray:
    """Frames of people that training never sees."""
    digests = (hashlib.sha256(identity.encode()).digest()[0] for identity in tracks.identity)
    fifth = np.array([digest < 51 for digest in digests])
    return np.where(is_portrait(tracks), fifth, np.isin(tracks.identity, HELD_OUT))


def is_portrait(tracks: Tracks) -> np.ndarray:
    return np.array([source.endswith(".jpg") for source in tracks.source])


def train(tracks: Tracks, mirror: np.ndarray) -> ExpressionNet:
    torch.manual_seed(SEED)
    random = torch.Generator().manual_seed(SEED)
    network = ExpressionNet()
    face = load_face_model()
    network.target.copy_(face.mean[list(STABLE)])
    network.calibration.copy_(torch.from_numpy(calibration(tracks)))

    tracks = tracks[~is_held_out(tracks)]
    # The teacher's own landmarks of the same frames are a second, differently noisy view of the same
    # expression.
    views = [
        network.features(with_mirrored(each, mirror)) for each in (tracks.landmarks, tracks.teacher_landmarks)
    ]
    scores = torch.from_numpy(np.concatenate((tracks.scores, tracks.scores[:, mirrored_names()])))
    # Whoever is on many frames is drawn less often; strong expressions are drawn more often.
    weights = torch.from_numpy(groups_and_weights(tracks, is_portrait(tracks))[1]).float()
    weights = weights * (0.2 + (scores - scores.mean(0)).square().sum(1))
    network.center.copy_(views[0].mean(0))
    network.spread.copy_(views[0].std(0) + 5e-4)

    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3 * RATE, STEPS, pct_start=0.1)
    for step in range(STEPS):
        chosen = torch.multinomial(weights, BATCH, replacement=True, generator=random)
        shaken, wanted = wink(
            shake(views[step % 2][chosen], face, random), scores[chosen], network, face, random
        )
        loss = functional.binary_cross_entropy_with_logits(network.logits(shaken), wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 1000 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return network


def with_mirrored(landmarks: np.ndarray, mirror: np.ndarray) -> torch.Tensor:
    points = torch.from_numpy(landmarks)
    return torch.cat((points, points[:, torch.from_numpy(mirror)] * torch.tensor([-1.0, 1, 1])))


def shake(features: torch.Tensor, face: FaceModel, random: torch.Generator) -> torch.Tensor:
    """What another picture of the same expression might give: somewhat another person, size, depth, tilt,
    noise."""
    count = len(features)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    components = OTHER_PERSON * normal(count, len(face.identity_basis))
    change = (components @ face.identity_basis.flatten(1)).unflatten(1, (-1, 3))
    change = change - change[:, list(STABLE)].mean(1, keepdim=True)
    irises = [change[:, list(lids)].mean(1, keepdim=True).expand(-1, 5, -1) for lids in EYES]
    points = features[:, :-6].unflatten(1, (-1, 3)) + torch.cat((change, *irises), 1)
    scale = 1 + 0.02 * normal(count, 1, 3) * torch.tensor([1.0, 1.0, 2.5])
    tilt = torch.linalg.cross(0.03 * normal(count, 1, 3).expand_as(points), points)
    points = (points + tilt) * scale + 0.0002 * normal(*points.shape) + 0.0005 * normal(count, 1, 3)
    return torch.cat((points.flatten(1), features[:, -6:] + 0.02 * normal(count, 6)), 1)


def wink(
    features: torch.Tensor,
    scores: torch.Tensor,
    network: ExpressionNet,
    face: FaceModel,
    random: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Close one eye of some samples with the face model, since people in the data close both eyes or none."""
    count = len(features) // WINKING_SHARE
    rows = torch.arange(count)
    sides = torch.randint(2, (count,), generator=random)
    closed = torch.rand(count, generator=random)
    blinks = torch.tensor([BLENDSHAPES.index(f"eyeBlink{side}") for side in ("Left", "Right")])[sides]
    downs = torch.tensor([BLENDSHAPES.index(f"eyeLookDown{side}") for side in ("Left", "Right")])[sides]
    more = (closed - network.weights_from_scores(scores)[rows, blinks]).clamp(min=0)
    features, scores = features.clone(), scores.clone()
    features[:count, : 468 * 3] += more[:, None] * face.expression_basis[blinks].flatten(1)
    rest, full, _ = network.calibration[:, blinks]
    scores[rows, blinks] += more * (full - rest)
    scores[rows, downs] = (scores[rows, downs] + LOOK_DOWN_WITH_BLINK * more).clamp(max=0.9)
    return features, scores.clamp(0, 1)


if __name__ == "__main__":
    main()
