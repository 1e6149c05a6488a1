import numpy as np

from cameo3d.imaging.smoothstep import smoothstep


def test_a_smooth_step_begins_and_ends_without_slope():
    eased = smoothstep(np.array([-1.0, 0.0, 0.001, 0.5, 0.999, 1.0, 3.0]))
    np.testing.assert_allclose(eased, [0, 0, 0, 0.5, 1, 1, 1], atol=1e-5)
    assert (np.diff(smoothstep(np.linspace(0, 1, 50))) > 0).all()
