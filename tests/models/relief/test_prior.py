"""An expression changes pages and planes in a box around the face only, and there as if all were drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cameo3d.blocks.frustum_planes import COVER, FRONT
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.images import read_image
from cameo3d.models.relief.lifting import lift_portrait
from cameo3d.models.relief.plane_painter import geometry
from cameo3d.models.relief.prior import ReliefPrior, resting
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES


@pytest.fixture(scope="module")
def prior(astronaut_path) -> ReliefPrior:
    model = load_face_model()
    return ReliefPrior(lift_portrait(make_portrait(read_image(astronaut_path)), model), model, 256)


@pytest.fixture(scope="module")
def wide(prior) -> torch.Tensor:
    expression = torch.zeros(1, 52)
    for name in ("jawOpen", "browInnerUp", "mouthStretchLeft", "eyeBlinkRight"):
        expression[0, BLENDSHAPES.index(name)] = 1.0
    return expression


def test_a_page_of_the_widest_expression_is_what_the_whole_photo_would_give(prior, wide):
    motion = replace(resting(prior.surface), expression=wide)
    whole = prior.painter.paint(motion, with_back=False).astype(int)
    assert np.abs(prior.page(motion).astype(int) - whole).mean() < 0.02
    assert np.abs(prior.photo_page - whole).mean() > 0.5


def test_a_plane_of_the_widest_expression_is_what_the_whole_surface_would_give(prior, wide):
    front, rest = prior.moved(wide[0]), geometry(prior.plane(prior.photo_page))
    box = prior.face_plane(front, rest)
    ours, whole = rest.copy(), geometry(prior.plane(prior.photo_page, front))
    ours[box.rows, box.columns] = box.shape
    seen = (rest[..., COVER] > 0) & (whole[..., COVER] > 0)
    assert np.abs(ours - whole)[seen].max() < 3e-4
    assert np.abs(rest - whole)[seen][:, FRONT].max() > 3e-3


def test_nothing_moves_at_rest(prior):
    change = np.abs(prior.page(resting(prior.surface)).astype(int) - prior.photo_page)
    assert change.max() <= 1  # the box's origin rounds vertices another way
    rest = geometry(prior.plane(prior.photo_page))
    box = prior.face_plane(prior.moved(prior.surface.person.expression), rest)
    np.testing.assert_allclose(box.shape, rest[box.rows, box.columns], atol=1e-6)
