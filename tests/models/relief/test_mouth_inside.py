from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OVAL
from cameo3d.models.relief.lighting import Light
from cameo3d.models.relief.mouth import Mouth, PhotoFacts, make_mouth
from cameo3d.models.relief.mouth_drawing import draw_mouth, light_on_teeth, teeth_shifts, tongue_shift
from cameo3d.models.relief.mouth_photo import ShownTeeth
from cameo3d.models.relief.teeth import UPPER, borders, individual_looks
from cameo3d.values import BLENDSHAPES

SIDE, FOCAL, DISTANCE = 400, 1000.0, 0.7
PER_METER = FOCAL / DISTANCE
DARK = (12, 12, 12)
FROM_ABOVE = Light(np.array([0.0, -0.6, -0.8]), 0.5)


@dataclass
class Person:
    """A face of one colour in front of black, with darkness or teeth between its lips."""

    image: np.ndarray
    mouth: Mouth
    lips: np.ndarray


def person(skin=(180, 140, 120), teeth=None, jaw=0.25, light=FROM_ABOVE, likeness=0) -> Person:
    expression = torch.zeros(52)
    expression[BLENDSHAPES.index("jawOpen")] = jaw
    model = load_face_model()
    vertices = model.vertices(torch.zeros(len(model.identity_basis)), expression).numpy()
    positions = vertices + np.array([0, 0, DISTANCE], np.float32)
    points = positions[:, :2] / positions[:, 2:] * FOCAL + SIDE / 2
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468, :2] = points
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    cv2.fillPoly(image, [points[list(OVAL)].astype(np.int32)], skin)
    lips = np.concatenate((points[list(INNER_LIP_UPPER)], points[list(INNER_LIP_LOWER[1:-1])[::-1]]))
    inside = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(inside, [np.rint(lips * 16).astype(np.int32)], 1, shift=4)
    image[inside > 0] = DARK
    if teeth:  # in the upper two thirds of the opening
        reach = points[13, 1] + 0.67 * (points[14, 1] - points[13, 1])
        image[(inside > 0) & (np.arange(SIDE)[:, None] < reach)] = teeth

    def rays(at: np.ndarray) -> np.ndarray:
        return np.column_stack(((at - SIDE / 2) / FOCAL, np.ones(len(at)))).astype(np.float32)

    identity = np.random.default_rng(likeness).normal(size=40) if likeness else np.zeros(40)
    facts = PhotoFacts(identity, light, 1.0)
    mouth = make_mouth(image, landmarks, positions[:, 2].copy(), rays, PER_METER, facts)
    return Person(image, mouth, lips.astype(np.float32))


def draw(
    who: Person, opened: float = 0.0, out: float = 0.0, rounded: float = 0.0, rest: float | None = None
) -> np.ndarray:
    """Draw the mouth when the lower lip, and the jaw with it, has dropped by so many metres."""
    lips = who.lips.copy()
    below = len(INNER_LIP_UPPER)
    arc = np.sin(np.linspace(0, np.pi, len(lips) - below + 2)[1:-1])
    lips[below:, 1] += arc * opened * PER_METER
    mouth, drop = who.mouth, np.array([0, opened, 0], np.float32)
    up, down = teeth_shifts(drop, np.eye(3), rounded)
    pixels = [
        (at[:, :2] / at[:, 2:] * FOCAL + SIDE / 2).astype(np.float32)
        for at in (
            mouth.cavity.positions.numpy() + drop / 2,
            mouth.tongue.positions.numpy() + tongue_shift(drop, np.eye(3), out),
            mouth.lower.positions.numpy() + down,
            mouth.upper.positions.numpy() + up,
        )
    ]
    output = np.dstack((who.image, np.full((SIDE, SIDE), 255, np.uint8)))
    cavity, tongue, lower, upper = pixels
    draw_mouth(output, mouth, (cavity, tongue, lower, upper), lips, PER_METER, opened, out, rounded, rest)
    return output[..., :3].astype(float)


def on_midline(who: Person, picture: np.ndarray, below_upper_lip: float) -> np.ndarray:
    """The mean colour across the two front teeth, so many metres below the middle of the upper lip."""
    x, y = who.lips[len(INNER_LIP_UPPER) // 2]
    row = int(y + below_upper_lip * PER_METER)
    half = int(0.006 * PER_METER)
    return picture[row, int(x) - half : int(x) + half].mean(0)


@pytest.mark.parametrize("skin", [(60, 40, 30), (128, 100, 90), (230, 200, 180)])
def test_drawn_teeth_are_no_brighter_than_skin_but_brighter_than_what_lies_behind(skin):
    who = person(skin)
    picture = draw(who, 0.015)
    teeth = on_midline(who, picture, 0.002).mean()
    assert teeth < np.mean(skin)
    assert teeth > 1.5 * on_midline(who, picture, 0.006).mean()


def test_drawn_teeth_are_warmer_than_grey_and_paler_than_skin():
    who = person((190, 140, 110))
    red, _, blue = on_midline(who, draw(who, 0.015), 0.0015)
    assert 1 < red / blue < 190 / 110


def test_a_grey_photo_gets_a_grey_mouth():
    picture = draw(person((150, 150, 150)), 0.012)
    assert np.ptp(picture, axis=-1).max() <= 1  # rounding


def test_less_light_reaches_the_teeth_between_nearly_closed_lips():
    who = person(jaw=0.12)
    slit, wide = (on_midline(who, draw(who, opened), 0.0015).mean() for opened in (0.001, 0.015))
    assert slit < 0.8 * wide


def test_corners_and_throat_lie_in_shadow():
    who = person()
    picture = draw(who, 0.015).mean(-1)
    middle, corner = (who.lips[at] + (3, 0.0015 * PER_METER) for at in (len(INNER_LIP_UPPER) // 2, 1))
    assert picture[int(corner[1]), int(corner[0])] < 0.7 * picture[int(middle[1]), int(middle[0])]
    tongue, throat = (on_midline(who, picture[..., None], below) for below in (0.018, 0.009))
    assert throat < 0.8 * tongue


@pytest.mark.parametrize("teeth", [None, (200, 195, 180)])
def test_an_opening_mouth_changes_steadily(teeth):
    who = person(teeth=teeth)
    # Seen from so far that moving edges are soft, as for an eye that looks for flashes.
    openings = np.arange(0, 0.02, 0.00025)
    seen = np.stack([cv2.GaussianBlur(draw(who, opened), (0, 0), 4) for opened in openings])
    # Largest steps measured: 7 and 5 of 255 in a quarter of a millimetre, as the lip uncovers what is behind.
    assert np.abs(np.diff(seen, axis=0)).max() < 10


def test_without_further_opening_the_photos_own_inside_returns():
    who = person(teeth=(200, 195, 180))
    assert np.abs(draw(who) - who.image).mean(-1).max() < 40  # along the edge of the lips
    assert np.abs(draw(who) - who.image).mean() < 0.05


def test_teeth_that_the_photo_shows_stay_and_what_lies_below_them_gives_way():
    who = person(teeth=(200, 195, 180))
    opened = draw(who, 0.015)
    gap = np.ptp(who.lips[[len(INNER_LIP_UPPER) // 2, -(len(INNER_LIP_LOWER) // 2)], 1]) / PER_METER
    np.testing.assert_allclose(on_midline(who, opened, 0.4 * gap), (200, 195, 180), atol=6)
    assert np.abs(on_midline(who, opened, 0.95 * gap) - DARK).max() > 5


def test_what_the_photo_shows_below_the_upper_teeth_goes_with_the_jaw():
    who = person(teeth=(200, 200, 190), jaw=0.5)
    seen, upper, lower = who.mouth.seen, who.lips[5], who.lips[15]
    row = int(upper[1] + 0.8 * (lower[1] - upper[1])) - seen.top
    seen.texture[row - 1 : row + 2, :, :3] = torch.tensor([0, 255, 0], dtype=torch.uint8)

    def green(picture: np.ndarray) -> float:
        """In which row it is, on the midline."""
        line = picture[:, int(upper[0])]
        return float(np.flatnonzero(line[:, 1] > line[:, 0] + 60).mean())

    drop = -0.002
    moved = green(draw(who, drop)) - green(draw(who))
    assert moved == pytest.approx(drop * PER_METER, abs=1)
    before, after = (on_midline(who, draw(who, opened), 0.004) for opened in (0.0, drop))
    np.testing.assert_allclose(after, before, atol=12)


def test_light_from_one_side_makes_that_side_of_each_tooth_brighter():
    half, rows = int(0.0075 * PER_METER), []
    for side in (-0.8, 0.8):
        who = person((150, 150, 150), light=Light(np.array([side, 0.0, -0.6]), 0.3))
        x, y = who.lips[len(INNER_LIP_UPPER) // 2].astype(int)
        picture = draw(who, 0.015)[y + int(0.002 * PER_METER)].mean(-1)
        rows.append((picture[x - half : x], picture[x : x + half]))
    for from_right, from_left in zip(*rows, strict=True):
        slope = from_left - from_right
        assert slope[: half // 2].mean() < 0 < slope[half // 2 :].mean()


def test_a_tongue_that_is_put_out_rises_over_the_lower_teeth():
    who = person()
    low, high = (draw(who, 0.012, out) for out in (0.0, 1.0))
    x, y = who.lips[-(len(INNER_LIP_LOWER) // 2)]
    column = np.s_[int(y) : int(y + 0.011 * PER_METER), int(x)]
    colorful = [np.ptp(picture[column], axis=-1).mean() for picture in (low, high)]
    assert colorful[1] > 1.2 * colorful[0]


def test_teeth_are_a_persons_own():
    first, again, other = (draw(person(likeness=who), 0.015) for who in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 20


def test_rounded_lips_cover_the_upper_teeth_and_darken_what_is_behind_them():
    who = person()
    plain, rounded = (draw(who, 0.012, rounded=share) for share in (0.0, 1.0))
    assert on_midline(who, rounded, 0.0015).mean() < 0.6 * on_midline(who, plain, 0.0015).mean()
    assert rounded.mean() < plain.mean()


def test_rounded_lips_hide_the_lower_teeth_that_the_photo_shows():
    who = person(teeth=(200, 200, 190), jaw=0.5)
    seen, lower = who.mouth.seen, who.lips[15]
    row = int(lower[1]) - seen.top
    seen.texture[row - 6 : row, :, :3] = torch.tensor([0, 255, 0], dtype=torch.uint8)
    plain, rounded = (draw(who, rounded=share) for share in (0.0, 0.5))
    green = [(picture[..., 1] - picture[..., 0] > 60).sum() for picture in (plain, rounded)]
    assert green[0] > 100
    assert green[1] == 0


def test_the_photos_teeth_get_darker_as_the_mouth_closes_and_are_as_there_at_rest():
    who = person(teeth=(200, 200, 190), jaw=0.5)
    rest = light_on_teeth(who.mouth, who.lips, PER_METER, (SIDE, SIDE))
    np.testing.assert_array_equal(draw(who, rest=rest), draw(who))
    closing = [
        on_midline(who, draw(who, opened, rest=rest), 0.002).mean() for opened in (0.0, -0.006, -0.012)
    ]
    assert closing[0] > closing[1] + 5
    assert closing[1] > closing[2] + 10
    assert on_midline(who, draw(who, 0.005, rest=rest), 0.002).mean() == pytest.approx(closing[0], abs=1)


def test_lips_that_meet_in_the_photo_look_as_there():
    who = person(jaw=0.02)
    assert np.abs(draw(who) - who.image).mean(-1).max() < 40  # a slit of less than a pixel


def test_lower_teeth_are_bared_by_a_dropping_jaw():
    head = np.eye(3)
    _, little = teeth_shifts(np.array((0, 0.002, 0)), head, 0.0)
    _, much = teeth_shifts(np.array((0, 0.030, 0)), head, 0.0)
    assert 0 < 0.002 - little[1] < 0.030 - much[1] < 0.0025


def test_teeth_differ_from_person_to_person_within_what_is_natural():
    rng = np.random.default_rng(0)
    looks = np.array([individual_looks(rng.normal(size=40) * 0.6) for _ in range(200)])
    assert np.abs(looks).max() <= 1
    assert looks.std(0).min() > 0.5  # of most that any person has
    widths = [individual_looks(rng.normal(size=40)).of(UPPER).widths[0] for _ in range(200)]
    assert 0.0075 < min(widths) < 0.0083 < 0.0089 < max(widths) < 0.0100


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.002, 1.0), (-0.0015, 1.075), (0.001, 0.9)])
def test_a_row_is_laid_over_the_gaps_between_the_teeth_of_the_photo(shift, scale):
    places = np.arange(-0.018, 0.018, 0.0004)
    gaps = shift + scale * borders(UPPER)
    light = 200 - 25 * np.exp(-(((places[:, None] - gaps) / 0.0006) ** 2)).sum(1)
    light += np.random.default_rng(0).normal(0, 3, len(places))
    teeth = ShownTeeth(np.full(3, 200.0), places, np.full(len(places), 0.006), 0.0, light)
    found = teeth.alignment(borders(UPPER))
    assert found == pytest.approx((shift, scale), abs=0.0006 + 0.03 * (scale != 1))


def test_evenly_bright_teeth_leave_the_row_where_it_is():
    places = np.arange(-0.018, 0.018, 0.0004)
    even = ShownTeeth(np.full(3, 200.0), places, places * 0, 0.0, np.full(len(places), 200.0))
    assert even.alignment(borders(UPPER)) == (0.0, 1.0)
