import numpy as np
import pytest

from cameo3d.models.relief.outward import outward_colors

SIDE, CELL, PER_METER = 256, 4, 1000.0
HAIR, SKIN, WALL = (60, 40, 20), (200, 140, 120), (240, 240, 255)


@pytest.mark.parametrize("wide", [12, 4])
def test_hair_goes_on_next_to_hair_and_skin_next_to_skin_without_the_wall(wide):
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    away = np.hypot(x, y)
    hair = (y < 0) & (away > 80 - wide)  # a strip, as short hair at a temple is
    colors = np.where(hair[..., None], HAIR, SKIN).astype(np.uint8)
    colors[away > 79] = (colors[away > 79] // 2 + np.array(WALL) // 2).astype(np.uint8)
    matte = (away < 80).astype(np.float32)
    strange = hair[::2, ::2].astype(np.float32)
    face = (away < 50)[::CELL, ::CELL].astype(np.float32)
    level = (y / PER_METER)[::CELL, ::CELL].astype(np.float32)
    plate = np.full_like(colors, WALL)
    outward = outward_colors(colors, matte, plate, strange, face, level, 1.0, PER_METER)
    for angle, expected, is_hair in ((-60, HAIR, 1), (-120, HAIR, 1), (60, SKIN, 0), (120, SKIN, 0)):
        at = np.deg2rad(angle)
        row, column = ((SIDE / 2 + 84 * np.array((np.sin(at), np.cos(at)))) / CELL).astype(int)
        color = outward.colors[row, column]
        other = SKIN if is_hair else HAIR
        assert np.linalg.norm(color - expected) < 0.7 * np.linalg.norm(color - other)
        assert (outward.hair[row, column] > 0.5) == is_hair
        if wide > 4:
            np.testing.assert_allclose(color, expected, atol=15)
