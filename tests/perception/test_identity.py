import numpy as np
import pytest
from skimage.data import astronaut
from skimage.filters import gaussian

from cameo3d.errors import WeightsError
from cameo3d.evaluation.metrics.features import csim
from cameo3d.perception import identity
from cameo3d.perception.identity import load_recogniser, missing_recogniser
from cameo3d.perception.landmarks import find_faces


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    assert missing_recogniser().startswith("dlib-bin and face-recognition-models is not installed; run")
    load_recogniser.cache_clear()
    with pytest.raises(WeightsError, match=r"pip install cameo3d\[evaluation\]"):
        load_recogniser()


@pytest.mark.skipif(bool(missing_recogniser()), reason=missing_recogniser() or "installed")
def test_the_same_face_stays_similar_and_blur_and_noise_make_it_less_so():
    load_recogniser.cache_clear()
    embed, photo = load_recogniser(), astronaut()
    landmarks = find_faces(photo)[0]
    own = embed(photo, landmarks)
    assert own.shape == (128,)
    noise = np.random.default_rng(0).normal(size=photo.shape)
    blurred = [(255 * gaussian(photo, sigma, channel_axis=-1)).astype(np.uint8) for sigma in (1, 3, 8)]
    noisy = [(photo + strength * noise).clip(0, 255).astype(np.uint8) for strength in (10, 40, 120)]
    for worse in (blurred, noisy):
        similar = [csim(embed(picture, landmarks), own) for picture in worse]
        assert 1 > similar[0] > similar[1] > similar[2]
