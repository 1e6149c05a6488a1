"""Learn the face model from tracked faces: mean, identity basis, expression basis.

Every frame in head axes is taken as mean + identity + expression basis times the teacher's scores, which are
first made weights (`calibration.py`). The expression basis is a ridge regression towards hand-made shapes
(`priors.py`), first of all on how a face differs from itself over a clip, and a little on how people differ;
what the data hardly show stays as the prior has it. Every frame also counts mirrored, so that everything is
symmetric. What remains of each portrait without its expression gives the mean and, by principal components,
the identity basis.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibration import calibration, weights_from_scores
from priors import Priors
from tensorfile import write_tensors
from topology import Topology, mirrored_names, read_topology
from tracks import Tracks, angle_from_frontal, check_licences, in_head_axes, read_tracks

from cameo3d.geometry import face_topology as names
from cameo3d.values import BLENDSHAPES

COMPONENTS = 40
OUTER_CORNERS = 0.0895
"""Metres between the outer corners of the mean face's eyes; sets the scale, which pictures do not show."""
FRONTAL = np.radians(20)
NOISE = 0.002
"""Metres by which a sample misses the linear model."""
FRAMES_PER_SAMPLE = 5
"""Neighbouring frames of a clip say the same; so many count as one sample."""
SAMPLES_PER_SPEAKER = 300
BETWEEN_PEOPLE = 0.05
"""Weight of one portrait against one sample of a clip: people differ more in shape than by expression."""
LIP_RIMS = (names.INNER_LIP_UPPER, names.INNER_LIP_LOWER, 0.5, 0.006)
FIXED = 0.00003
"""Metres that even vertices outside of a shape's area may move."""
DEPTH_TRUST = 0.4
"""MediaPipe guesses depth, so in depth the data may change a shape only by so much of what they may change
across."""
CALM = 0.1
"""Sum of squared weights of a portrait that counts half for mean and identity; strong expressions are not
linear."""
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="folder that holds data/ and models/")
    parser.add_argument("tracks", type=Path, help="folder that track.py wrote")
    parser.add_argument("out", type=Path, help="face_model.safetensors to write")
    options = parser.parse_args()

    topology = read_topology(options.shared / "models" / "face_landmarker.task")
    tracks = read_tracks(options.tracks)
    check_licences(tracks, options.shared)
    mean, identity, expression = learn(tracks, topology)
    tensors = {
        "mean": mean.astype(np.float32),
        "identity_basis": identity.astype(np.float16),
        "expression_basis": expression.astype(np.float16),
        "triangles": topology.triangles.astype(np.int16),
        "mirror": topology.mirror.astype(np.int16),
    }
    metadata = {
        "model": "face_model",
        "config": json.dumps({"vertices": 468, "components": COMPONENTS, "expressions": len(BLENDSHAPES)}),
        "source": "learned by tools/face_model/learn.py; see docs/cards/face_model.md",
        "licence": "MIT",
        "revision": "1",
    }
    print("put into weights/catalogue.py:", write_tensors(options.out, tensors, metadata))


def learn(tracks: Tracks, topology: Topology) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mirror, other_side = topology.mirror, mirrored_names()
    scores = np.concatenate((tracks.scores, tracks.scores[:, other_side])).astype(np.float64)
    scores = weights_from_scores(scores, calibration(tracks))
    is_portrait = np.array(["/" not in name and name.endswith(".jpg") for name in tracks.source])
    groups, weights = groups_and_weights(tracks, is_portrait)
    is_portrait = np.tile(is_portrait, 2)
    calm = 1 / (1 + (scores**2).sum(1) / CALM)
    mean = topology.canonical * (OUTER_CORNERS / np.ptp(topology.canonical[[33, 263], 0]))
    expression = np.zeros((52, 468, 3))
    for _ in range(ROUNDS):
        points, camera_from_head = in_head_axes(tracks.landmarks[:, :468], mean)
        frontal = np.tile(angle_from_frontal(camera_from_head) < FRONTAL, 2)
        points = np.concatenate((points, points[:, mirror] * (-1, 1, 1)))
        prior = Priors(mean, topology)
        expression = learn_expression(points, scores, groups, weights * frontal, is_portrait & frontal, prior)
        used = is_portrait & frontal
        neutral = points[used] - np.tensordot(scores[used], expression, 1)
        mean = finish_mean(robust_mean(neutral, calm[used]), mirror)
    return mean, learn_identity(neutral, calm[used]), finish_expression(expression, mean, mirror)


def groups_and_weights(tracks: Tracks, is_portrait: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which frames show the same head (mirrored ones apart), and how much each counts."""
    # London portraits come in pairs of one person; within a clip the head is one anyway.
    same = [
        f"{identity}{mirrored}" if portrait else source
        for identity, mirrored, source, portrait in zip(
            tracks.identity, tracks.mirrored, tracks.source, is_portrait, strict=True
        )
    ]
    _, groups = np.unique(same, return_inverse=True)
    _, speakers, counts = np.unique(tracks.identity, return_inverse=True, return_counts=True)
    samples = np.where(is_portrait, 1.0, 1 / FRAMES_PER_SAMPLE)
    weights = samples * np.minimum(1, SAMPLES_PER_SPEAKER / (samples * counts[speakers]))
    return np.concatenate((groups, groups + groups.max() + 1)), np.tile(weights / 2, 2)


def learn_expression(
    points: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    weights: np.ndarray,
    portraits: np.ndarray,
    prior: Priors,
) -> np.ndarray:
    """Ridge regression of differences within a head, and a little between people, towards the prior: (52,
    468, 3)."""
    residuals = points - np.tensordot(scores, prior.shapes, 1)
    normal, moments = np.zeros((52, 52)), np.zeros((52, 468, 3))
    between = weights * portraits * BETWEEN_PEOPLE
    for labels, share in ((groups, weights), (np.zeros_like(groups), between)):
        centred_scores = scores - group_means(scores, labels, share)
        centred_points = residuals - group_means(residuals, labels, share)
        weighted = centred_scores * share[:, None]
        normal += weighted.T @ centred_scores
        moments += np.tensordot(weighted.T, centred_points, 1)
    corrections = np.empty_like(moments)
    for vertex in range(468):
        for axes, trust in ((slice(0, 2), 1.0), (slice(2, 3), DEPTH_TRUST)):
            ridge = (NOISE / (trust * prior.freedom[:, vertex] + FIXED)) ** 2
            corrections[:, vertex, axes] = np.linalg.solve(normal + np.diag(ridge), moments[:, vertex, axes])
    return prior.shapes + corrections


def group_means(values: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean of each row's group, row by row."""
    flat = values.reshape(len(values), -1)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sums = np.add.reduceat(flat[order] * weights[order, None], starts)
    totals = np.add.reduceat(weights[order], starts)
    means = sums / np.maximum(totals, 1e-9)[:, None]
    lengths = np.diff(starts, append=len(order))
    spread = np.empty_like(flat)
    spread[order] = np.repeat(means, lengths, axis=0)
    return spread.reshape(values.shape)


def robust_mean(shapes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean without the tenth of all heads that lie farthest from it."""
    mean = np.average(shapes, axis=0, weights=weights)
    distances = np.linalg.norm(shapes - mean, axis=-1).mean(1)
    near = distances < np.quantile(distances, 0.9)
    return np.average(shapes[near], axis=0, weights=weights[near])


def finish_mean(mean: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Make the mean face symmetric, its lips closed, its size and origin those of the conventions."""
    mean = (mean + mean[mirror] * (-1, 1, 1)) / 2
    upper, lower = list(names.INNER_LIP_UPPER), list(names.INNER_LIP_LOWER)
    mean[upper] = mean[lower] = (mean[upper] + mean[lower]) / 2
    mean = mean * (OUTER_CORNERS / np.ptp(mean[[33, 263], 0]))
    return mean - mean.mean(0)


def finish_expression(expression: np.ndarray, mean: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Make lids and lips meet where they must at weight 1, and let no shape push closed lips through each
    other."""
    expression = expression.copy()
    at = BLENDSHAPES.index
    for index, name in enumerate(BLENDSHAPES):
        if name.startswith(("jaw", "mouth", "cheek")) and name != "mouthClose":
            expression[index] = close_rims(mean, expression[index], *LIP_RIMS, only_crossed=True)
    left, right = at("eyeBlinkLeft"), at("eyeBlinkRight")
    expression[left] = close_rims(
        mean, expression[left], names.LEFT_LID_UPPER, names.LEFT_LID_LOWER, 0.88, 0.004
    )
    expression[right] = expression[left][mirror] * (-1, 1, 1)
    opened = mean + expression[at("jawOpen")]
    expression[at("mouthClose")] = close_rims(opened, expression[at("mouthClose")], *LIP_RIMS)
    return expression


def close_rims(
    rest: np.ndarray,
    shape: np.ndarray,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    upper_share: float,
    reach: float,
    only_crossed: bool = False,
) -> np.ndarray:
    """Change a shape so that it just closes an opening of a face, and let the skin around follow."""
    up, low = list(upper[1:-1]), list(lower[1:-1])
    moved = rest + shape
    gaps = moved[low] - moved[up]
    if only_crossed:
        gaps = gaps * (gaps[:, 1:2] < 0) * (0, 1, 0)
    middle = (rest[list(upper)] + rest[list(lower)]) / 2
    order = np.argsort(middle[:, 0])
    above = rest[:, 1] < np.interp(rest[:, 0], middle[order, 0], middle[order, 1])
    above[up], above[low] = True, False
    change = np.zeros_like(shape)
    for edge, side, share in ((up, above, upper_share), (low, ~above, upper_share - 1)):
        distances = np.linalg.norm(rest[:, None] - rest[edge], axis=-1)
        blend = np.exp(-0.5 * (distances / (0.5 * reach)) ** 2) + 1e-12
        near = np.exp(-0.5 * (distances.min(1) / reach) ** 2)
        spread = near[:, None] * blend / blend.sum(1, keepdims=True)
        spread[edge] = np.eye(len(edge))
        change += np.where(side[:, None], spread @ (gaps * share), 0)
    return shape + change


def learn_identity(neutral: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Principal components of neutral heads, each times its standard deviation: (components, 468, 3)."""
    residuals = neutral - robust_mean(neutral, weights)
    distances = np.linalg.norm(residuals, axis=-1).mean(1)
    near = distances < np.quantile(distances, 0.97)
    residuals, weights = residuals[near], weights[near] / weights[near].sum()
    # Whose lips are parted is expression, not identity.
    upper, lower = list(names.INNER_LIP_UPPER), list(names.INNER_LIP_LOWER)
    residuals[:, upper] = residuals[:, lower] = (residuals[:, upper] + residuals[:, lower]) / 2
    flat = residuals.reshape(len(residuals), -1)
    covariance = flat.T @ (flat * weights[:, None])
    values, vectors = np.linalg.eigh(covariance)
    strongest = np.argsort(-values)[:COMPONENTS]
    basis = (vectors[:, strongest] * np.sqrt(values[strongest])).T
    signs = np.sign(basis[np.arange(COMPONENTS), np.abs(basis).argmax(1)])
    kept = values[strongest].sum() / values.sum()
    print(f"{len(flat)} neutral heads (half of them mirrored), {100 * kept:.1f} % of their variance kept")
    return (basis * signs[:, None]).reshape(COMPONENTS, 468, 3)


if __name__ == "__main__":
    main()
