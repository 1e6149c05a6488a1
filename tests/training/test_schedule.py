import math

import pytest

from cameo3d.training.schedule import between, constant, cosine, smooth_decay, stepped


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 1e-5), (400, 1e-5), (2000, 5e-5), (4000, 1e-4), (4999, 1e-4), (5000, 0.95e-4)]
)
def test_the_official_rate_warms_up_over_4000_steps_and_then_falls_in_steps(step, rate):
    schedule = stepped(1e-4, 0.95, 5000, floor=1e-5, warm_up=4000)
    assert schedule(step) == pytest.approx(rate)


def test_no_rate_falls_below_its_floor():
    schedule = stepped(1e-4, 0.95, 5000, floor=1e-5, warm_up=4000)
    assert schedule(5000 * 44) == pytest.approx(1e-4 * 0.95**44)
    assert schedule(5000 * 45) == 1e-5


def test_smooth_decay_passes_through_its_factor():
    schedule = smooth_decay(5e-4, 0.1, 250_000, floor=1e-6, warm_up=1000)
    assert schedule(0) == 0
    assert schedule(500) == pytest.approx(2.5e-4)
    assert schedule(125_000) == pytest.approx(5e-4 * math.sqrt(0.1))
    assert schedule(250_000) == pytest.approx(5e-5)


def test_what_is_frozen_has_no_rate():
    schedule = between(constant(3.0), 2, 5)
    assert [schedule(step) for step in range(7)] == [0, 0, 3, 3, 3, 0, 0]


def test_a_cosine_peaks_behind_its_warm_up_and_ends_at_nothing():
    schedule = cosine(2.0, 100, 10)
    assert schedule(0) == pytest.approx(0.2)
    assert schedule(9) == pytest.approx(1 + math.cos(0.09 * math.pi))
    assert schedule(50) == pytest.approx(1.0)
    assert schedule(100) == pytest.approx(0.0)


def test_a_cosine_is_its_closed_form_at_every_step():
    schedule = cosine(3.0, 50, 8)
    for step in range(51):
        assert schedule(step) == pytest.approx(
            3 * min(1, (step + 1) / 8) * (1 + math.cos(math.pi * step / 50)) / 2
        )


def test_a_stepped_rate_is_its_closed_form_at_every_step():
    schedule = stepped(2.0, 0.5, 10, floor=0.3, warm_up=4)
    expected = [max(0.3, 2 * step / 4 if step <= 4 else 2 * 0.5 ** (step // 10)) for step in range(45)]
    assert [schedule(step) for step in range(45)] == pytest.approx(expected)
    assert schedule(44) == 0.3
