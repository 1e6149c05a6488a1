import numpy as np
import pytest
from scipy.spatial import Delaunay

from cameo3d.models.relief.lighting import Light, find_light, surface_normals


def half_ball(light: Light, beard: bool = False):
    """Points of a ball's nearer half, and how it looks in that light."""
    side, radius = 200, 80
    axis = np.linspace(-0.95, 0.95, 22)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    x, y = x[x**2 + y**2 < 0.9], y[x**2 + y**2 < 0.9]
    x, y = (np.pad(part, (0, 468 - len(part)), constant_values=0) for part in (x, y))
    positions = np.stack((x, y, -np.sqrt(1 - x**2 - y**2)), -1).astype(np.float32)
    triangles = Delaunay(positions[:, :2]).simplices.astype(np.int32)
    points = (positions[:, :2] * radius + side / 2).astype(np.float32)
    row, column = np.mgrid[:side, :side]
    ahead = np.stack((column - side / 2, row - side / 2), -1) / radius
    normals = np.dstack((ahead, -np.sqrt((1 - (ahead**2).sum(-1)).clip(0))))
    image = np.repeat((160 * light.shade(normals)).clip(0, 255).astype(np.uint8)[..., None], 3, -1)
    if beard:
        image[150:] //= 3
    return image, points, positions, triangles


@pytest.mark.parametrize("direction", [(0.6, 0.0, -0.8), (-0.48, -0.36, -0.8), (0.0, 0.0, -1.0)])
@pytest.mark.parametrize("beard", [False, True])
def test_the_light_on_a_ball_is_found(direction, beard):
    truth = Light(np.array(direction), 0.4)
    found = find_light(*half_ball(truth, beard))
    # What is usual, from above, draws it by up to 20 degrees.
    assert np.degrees(np.arccos(found.direction @ truth.direction)) < 22
    assert abs(found.ambient - truth.ambient) < 0.2


def test_a_face_in_even_light_is_taken_to_be_lit_softly():
    even = Light(np.array([0.0, 0.0, -1.0]), 1.0)
    image, *rest = half_ball(even)
    assert find_light(image, *rest).ambient > 0.75


def test_normals_of_a_ball_are_its_radii():
    _, _, positions, triangles = half_ball(Light(np.array([0.0, 0.0, -1.0]), 0.5))
    normals = surface_normals(positions, triangles)
    inner = np.linalg.norm(positions[:, :2], axis=1) < 0.8
    used = np.isin(np.arange(468), triangles)
    angles = np.degrees(np.arccos((normals * positions).sum(1)[inner & used].clip(-1, 1)))
    assert angles.max() < 6  # 2 to 3 degrees of curvature lie between neighbours
