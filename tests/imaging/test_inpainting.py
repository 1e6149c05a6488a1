import numpy as np

from cameo3d.imaging.inpainting import fill_holes, foreground_colors, inpaint_background


def disc(side: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)


def test_a_hole_in_a_plain_picture_gets_its_colour():
    image = np.full((64, 64, 3), 90, np.float32)
    hole = disc(64, 20) > 0.5
    image[hole] = 255
    np.testing.assert_allclose(fill_holes(image, hole), 90, atol=0.5)


def test_what_is_known_stays_as_it_is():
    image = np.random.default_rng(0).uniform(0, 255, (40, 50, 3)).astype(np.float32)
    hole = np.zeros((40, 50), bool)
    hole[10:20, 10:20] = True
    np.testing.assert_allclose(fill_holes(image, hole)[~hole], image[~hole], atol=1e-3)


def test_person_and_background_are_told_apart_at_a_soft_edge():
    matte = disc(96, 30)
    matte = np.clip((matte + np.roll(matte, 1, 0) + np.roll(matte, 1, 1)) / 3, 0, 1)
    person, behind = np.array([200.0, 40, 40]), np.array([20.0, 60, 200])
    image = np.rint(matte[..., None] * person + (1 - matte[..., None]) * behind).astype(np.uint8)
    plate = inpaint_background(image, matte, margin=2)
    np.testing.assert_allclose(plate, np.broadcast_to(behind, plate.shape), atol=2)
    colors = foreground_colors(image, matte, plate)
    np.testing.assert_allclose(colors, np.broadcast_to(person, colors.shape), atol=6)


def test_lines_behind_a_person_go_on_next_to_the_outline():
    image = np.full((400, 400, 3), 220, np.uint8)
    image[180:220] = 40
    matte = np.zeros((400, 400), np.float32)
    matte[60:400, 140:260] = 1
    plate = inpaint_background(image, matte, 4)
    just_inside = plate[190:210, 142:156].mean()
    assert just_inside < 100
    assert plate[120:160, 142:156].mean() > 190
    np.testing.assert_array_equal(plate[:, :130], image[:, :130])
