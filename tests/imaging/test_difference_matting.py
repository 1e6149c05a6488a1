import cv2
import numpy as np
import pytest

from cameo3d.imaging.difference_matting import matte_by_difference

SIDE = 256
WALL, HAIR = np.array((200.0, 195.0, 190.0)), np.array((70.0, 45.0, 30.0))


def _head() -> np.ndarray:
    """Coverage of a head with single hairs."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    head = (80 - np.hypot(x - 128, y - 140)).clip(0, 1)
    for angle in np.linspace(3.5, 6.0, 12):
        end = 128 + 93 * np.cos(angle), 140 + 93 * np.sin(angle)
        line = np.zeros((SIDE, SIDE), np.uint8)
        cv2.line(line, (128, 140), tuple(np.rint(end).astype(int)), 255, 1, cv2.LINE_AA)
        head = np.maximum(head, line / 255)
    return head.astype(np.float32)


def _before(wall: np.ndarray, head: np.ndarray, color: np.ndarray = HAIR) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 1.5, (SIDE, SIDE, 3))
    return np.rint(wall + (color - wall) * head[..., None] + noise).clip(0, 255).astype(np.uint8)


def _seen_by_a_network(head: np.ndarray) -> np.ndarray:
    return ((cv2.GaussianBlur(head, (0, 0), 4) - 0.12) / 0.76).clip(0, 1)


def test_before_a_calm_wall_single_hairs_are_found():
    shade = np.linspace(0, -40, SIDE)[None, :, None]
    head, wall = _head(), WALL + shade + np.zeros((SIDE, SIDE, 3))
    rough = _seen_by_a_network(head)
    fine = matte_by_difference(_before(wall, head), rough, float(SIDE))
    hairs = (head > 0.5) & (rough < 0.1)
    assert hairs.sum() > 50
    assert fine[hairs].mean() > 0.8
    assert np.abs(fine - head).mean() < 0.35 * np.abs(rough - head).mean()


@pytest.mark.parametrize("what", ["a pattern", "a person like the wall", "a person everywhere"])
def test_the_network_keeps_its_say_before(what):
    head, wall, color = _head(), np.broadcast_to(WALL, (SIDE, SIDE, 3)), HAIR
    if what == "a pattern":
        wall = wall + np.random.default_rng(1).normal(0, 60, (SIDE // 8, SIDE // 8, 1)).repeat(8, 0).repeat(
            8, 1
        )
    elif what == "a person like the wall":
        color = WALL - 12
    else:
        head = np.ones_like(head)
    rough = _seen_by_a_network(head)
    fine = matte_by_difference(_before(wall, head, color), rough, float(SIDE))
    assert np.abs(fine - rough).max() < 0.02
