import numpy as np
import torch
from synthetic_basel import basel_face

from cameo3d.geometry.basel.pncc import PnccRenderer
from cameo3d.geometry.basel.pncc_blinks import blink_amount, close_eyes

SQUARE = torch.tensor([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
CORNERS = torch.tensor([[0.0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
HIDDEN = torch.tensor([[0, 0, 0]])
"""A first triangle without area, which nobody sees."""
HALVES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def test_a_square_lies_where_the_official_camera_sees_it():
    drawn = PnccRenderer(CORNERS, torch.cat((HIDDEN, HALVES)), 512)(SQUARE)
    # Field of view of 2 atan(112 / 1015), ten units away.
    half = 512 / 2 * 1015 / 112 * 0.5 / 10
    rows, columns = (drawn[2] > 0).nonzero(as_tuple=True)
    for found in (rows, columns):
        assert abs(found.min() + 0.5 - (256 - half)) <= 0.5
        assert abs(found.max() + 0.5 - (256 + half)) <= 0.5
    slope = 2 / (2 * half)
    expected = (torch.arange(200, 300) + 0.5 - (256 - half)) * slope - 1
    torch.testing.assert_close(drawn[0, 256, 200:300], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(drawn[1, 200:300, 256], -expected, atol=1e-4, rtol=0)
    assert (drawn[:, 0] == -1).all()


def test_colors_run_perspectively_in_a_map():
    tilted = SQUARE.clone()
    tilted[1:3, 2] = -5  # the right edge lies half as far again
    drawn = PnccRenderer(CORNERS, torch.cat((HIDDEN, HALVES)), 512)(tilted)
    for column in (250, 270, 290):
        # A ray x = slope * depth meets the plane from (-0.5, 10) to (0.5, 15).
        slope = ((column + 0.5) / 512 - 0.5) * 2 * 112 / 1015
        share = (slope * 10 + 0.5) / (1 - slope * 5)
        torch.testing.assert_close(drawn[0, 256, column].item(), 2 * share - 1, atol=1e-4, rtol=0)


def test_the_first_triangle_is_background_but_hides():
    behind = torch.tensor([[-0.5, -0.5, -2], [0.5, -0.5, -2], [0.5, 0.5, -2], [-0.5, 0.5, -2]])
    mapper = PnccRenderer(CORNERS.repeat(2, 1), torch.cat((HALVES, HALVES + 4)), 64)
    drawn = mapper(torch.cat((SQUARE, behind)))
    assert (drawn[:, 40, 40] == -1).all()  # the lower right half is the first triangle
    assert drawn[2, 24, 24] > 0.99


def test_a_face_has_holes_for_its_eyes_and_fills_the_map():
    face = basel_face()
    drawn = PnccRenderer(face.map_colors, face.map_triangles)(face.basel.mean)
    seen = (drawn > -1).any(dim=0)
    assert drawn.shape == (3, 512, 512)
    assert 0.2 < seen.float().mean() < 0.6
    assert drawn.max() > 0.95
    left, right = ~seen[128:256, 128:256], ~seen[128:256, 256:384]
    assert left.sum() > 100
    assert right.sum() > 100
    assert drawn[0, 256, 300] > drawn[0, 256, 200]  # red grows to the right,
    assert drawn[1, 150, 256] > drawn[1, 300, 256]  # green upwards


def test_lids_close_the_holes_and_nothing_else():
    face = basel_face()
    drawn = PnccRenderer(face.map_colors, face.map_triangles)(face.basel.mean)
    holes = [
        int((close_eyes(drawn, amount)[:, 128:256, 128:384] == -1).all(dim=0).sum())
        for amount in (0.0, 0.5, 1.0)
    ]
    assert holes[0] > holes[1] > holes[2] == 0
    changed = (close_eyes(drawn, 1.0) - close_eyes(drawn, 0.0)).abs().amax(dim=0) > 0
    rows, columns = changed.nonzero(as_tuple=True)
    assert rows.min() >= 128 - 4
    assert rows.max() < 256 + 4
    assert columns.min() >= 128 - 4
    assert columns.max() < 384 + 4


def test_open_eyes_only_lose_what_256_levels_do_not_hold():
    pncc = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert (close_eyes(pncc, 0.0) - pncc).abs().max() < 2 / 255 + 1e-6


def test_eyes_without_holes_stay_as_they_are():
    plain = torch.full((3, 64, 64), 0.5)
    assert torch.equal(close_eyes(plain, 1.0), close_eyes(plain, 0.0))


def test_blinks_come_every_five_seconds_and_close_the_eyes():
    amounts = np.array([blink_amount(frame, seed=3) for frame in range(1000)])
    starts = np.flatnonzero((amounts[1:] > 0) & (amounts[:-1] == 0))
    assert starts.tolist() == list(range(0, 1000, 125))
    lengths = [int((amounts[start : start + 125] > 0).sum()) + 1 for start in starts]
    assert set(lengths) <= set(range(8, 13))
    assert len(set(lengths)) > 1
    assert amounts.max() <= 1
    assert all(amounts[start : start + 13].max() > 0.95 for start in starts)
