import numpy as np
import pytest

from cameo3d.evaluation.measures import FeatureSets
from cameo3d.evaluation.metrics.clouds import FeatureCloud, cloud_distance
from cameo3d.evaluation.metrics.fid import figures_of_sets

RANDOM = np.random.default_rng(0)
FEATURES = 3 + RANDOM.normal(size=(400, 6)) @ RANDOM.normal(size=(6, 6))


def cloud_of(features: np.ndarray) -> FeatureCloud:
    cloud = FeatureCloud()
    cloud.add(features)
    return cloud


@pytest.mark.parametrize("count", [2, 5, 30, 400])
def test_mean_and_covariance_are_numpys(count):
    cloud = FeatureCloud()
    for part in np.array_split(FEATURES[:count], 5):
        cloud.add(part)
    mean, covariance = cloud.normal()
    assert cloud.count == count
    np.testing.assert_allclose(mean, FEATURES[:count].mean(0), rtol=1e-5)
    np.testing.assert_allclose(covariance, np.cov(FEATURES[:count].T), rtol=1e-4, atol=1e-4)


def test_stored_parts_join_to_the_whole():
    parts = [FeatureCloud(cloud_of(part).rows()) for part in np.split(FEATURES, (7, 90, 200))]
    joined = FeatureCloud()
    for part in parts:
        joined.join(part)
    assert joined.count == 400
    np.testing.assert_allclose(joined.normal()[1], np.cov(FEATURES.T), rtol=1e-4, atol=1e-4)


def test_rows_do_not_grow_with_the_pictures():
    cloud = FeatureCloud()
    for _ in range(50):
        cloud.add(FEATURES)
    assert cloud.count == 20000
    assert len(cloud.rows()) <= 2 * 7


def test_shifted_features_are_their_shift_away():
    shifted = cloud_of(FEATURES + (3, 4, 0, 0, 0, 0))
    assert cloud_distance(cloud_of(FEATURES), shifted) == pytest.approx(25, rel=1e-4)


def test_wider_features_have_the_closed_form():
    # Covariances C and 4C: the trace of C + 4C - 2 x 2C is that of C.
    centred = FEATURES - FEATURES.mean(0)
    found = cloud_distance(cloud_of(centred), cloud_of(2 * centred))
    assert found == pytest.approx(np.trace(np.cov(FEATURES.T)), rel=1e-4)


def test_more_noise_is_further_away_over_clips_together():
    noise = RANDOM.normal(size=FEATURES.shape)
    values = []
    for strength in (0.0, 0.5, 1.0, 3.0):
        noisy = FEATURES + strength * noise
        clips = [
            FeatureSets(cloud_of(noisy[part]).rows(), cloud_of(FEATURES[part]).rows())
            for part in (slice(0, 150), slice(150, 400))
        ]
        values.append(figures_of_sets(clips).value)
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert values == sorted(values)


def test_one_picture_has_no_spread():
    lonely = FeatureSets(cloud_of(FEATURES[:1]).rows(), cloud_of(FEATURES).rows())
    found = figures_of_sets([lonely])
    assert found.value is None
    assert found.why == "FID needs at least 2 pictures of each kind, got 1."
