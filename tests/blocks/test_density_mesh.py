import pytest
import torch

from cameo3d.blocks.density_mesh import UNIT_METRES, density_mesh
from cameo3d.errors import InputError


def ball(points):
    """Radius 0.3 around (0.1, 0, 0), red where y is above, blue below."""
    away = (points - torch.tensor([0.1, 0.0, 0.0])).norm(dim=-1)
    up = (points[..., 1:2] > 0).float()
    return torch.cat((up, torch.zeros_like(up), 1 - up), dim=-1), 10 + 100 * (0.3 - away)


def test_a_ball_gives_a_closed_ball_that_looks_outwards():
    mesh = density_mesh(ball, 1.0, 48, torch.device("cpu"))
    center = torch.tensor([0.1, 0, 0]) * UNIT_METRES
    radius = (mesh.vertices - center).norm(dim=1)
    torch.testing.assert_close(radius, torch.full_like(radius, 0.3 * UNIT_METRES), atol=1e-3, rtol=0)
    a, b, c = mesh.vertices[mesh.triangles.long()].unbind(1)
    # The signed volume is that of the ball, so triangles are counter-clockwise from outside.
    volume = ((a - center) * torch.linalg.cross(b - center, c - center)).sum() / 6
    assert abs(float(volume) / (4 / 3 * torch.pi * (0.3 * UNIT_METRES) ** 3) - 1) < 0.02
    edges = torch.cat((mesh.triangles[:, [0, 1]], mesh.triangles[:, [1, 2]], mesh.triangles[:, [2, 0]]))
    _, counts = edges.sort(dim=1).values.unique(dim=0, return_counts=True)
    assert (counts == 2).all()
    above = mesh.vertices[:, 1] > 0.01
    assert (mesh.colors[above] == torch.tensor([255, 0, 0], dtype=torch.uint8)).all()


def test_what_reaches_the_cubes_border_is_closed_there():
    mesh = density_mesh(ball, 0.5, 24, torch.device("cpu"))
    edges = torch.cat((mesh.triangles[:, [0, 1]], mesh.triangles[:, [1, 2]], mesh.triangles[:, [2, 0]]))
    _, counts = edges.sort(dim=1).values.unique(dim=0, return_counts=True)
    assert (counts == 2).all()


def test_a_level_that_is_never_passed_is_refused():
    with pytest.raises(InputError, match="nowhere pass 500"):
        density_mesh(ball, 1.0, 16, torch.device("cpu"), level=500.0)
