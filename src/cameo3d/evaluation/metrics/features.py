"""Distances between features of networks: FID between two sets of pictures, CSIM between two faces."""

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigvalsh


def frechet_distance(
    mean: Float[np.ndarray, " features"],
    covariance: Float[np.ndarray, "features features"],
    other_mean: Float[np.ndarray, " features"],
    other_covariance: Float[np.ndarray, "features features"],
) -> float:
    """Squared Frechet distance of two normal distributions: FID, if fitted to Inception's features."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.sqrt(eigvalsh(root @ other_covariance @ root).clip(min=0)).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2 * shared
    return float(np.sum((mean - other_mean) ** 2) + spread)


def csim(one: Float[np.ndarray, " features"], other: Float[np.ndarray, " features"]) -> float:
    """Cosine similarity of two faces' embeddings, in [-1, 1]; name the network that made them."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def identity_distance(one: Float[np.ndarray, " features"], other: Float[np.ndarray, " features"]) -> float:
    """Euclidean distance of two embeddings, for recognisers that were trained for it."""
    return float(np.linalg.norm(one - other))
