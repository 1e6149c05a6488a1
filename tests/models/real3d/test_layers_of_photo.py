import cv2
import numpy as np
import pytest

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import OVAL
from cameo3d.media.images import read_image
from cameo3d.models.real3d.avatar import _corner, _cut
from cameo3d.models.real3d.layers import continued_torso, nearest_background, take_apart
from cameo3d.models.real3d.segmentation import BODY_SKIN, CLOTHES, FACE_SKIN, HAIR, OTHERS, classify
from cameo3d.pipeline.portrait import make_portrait


@pytest.fixture(scope="module")
def layers(astronaut_path):
    portrait = make_portrait(read_image(astronaut_path))
    landmarks = portrait.landmarks.numpy().copy()
    landmarks[:, :2] = (landmarks[:, :2] - _corner(portrait.person.crop)) * (512 / portrait.person.crop.side)
    image = _cut(portrait.person.photo.numpy(), portrait.person.crop, 512, "mirror")
    matte = _cut(portrait.matte.numpy().astype(np.float32), portrait.person.crop, 512, "edge")
    return take_apart(image, matte, landmarks), image, landmarks


def test_each_pixel_has_one_class_and_the_face_is_face(layers):
    apart, _, landmarks = layers
    assert (apart.classes.sum(axis=0) == 1).all()
    x, y = landmarks[1, :2].astype(int)
    assert apart.classes[FACE_SKIN, y, x]
    assert apart.classes[HAIR].sum() > 5000
    assert (apart.classes[CLOTHES] | apart.classes[BODY_SKIN]).sum() > 20000
    chin = int(landmarks[152, 1])
    assert not apart.classes[[BODY_SKIN, CLOTHES], : int(landmarks[1, 1])].any()
    assert apart.classes[BODY_SKIN, chin + 5 : chin + 60].sum() > 1000  # the neck


def test_head_and_torso_stand_on_black(layers):
    apart, image, _ = layers
    head = apart.classes[HAIR] | apart.classes[FACE_SKIN]
    np.testing.assert_array_equal(apart.head[head], image[head])
    assert not apart.head[~head].any()
    lost = apart.classes[CLOTHES] & image.any(axis=-1) & ~apart.torso.any(axis=-1)
    assert lost.sum() == 0


def test_a_torso_goes_on_behind_the_head_and_darkens():
    image = np.full((100, 10, 3), 200, np.uint8)
    rows = np.arange(100)[:, None].repeat(10, axis=1)
    head, neck, none = rows < 60, (rows >= 60) & (rows < 80), np.zeros((100, 10), bool)
    torso = continued_torso(image, head, neck, none)
    shown = np.array(torso[:, 5].any(axis=-1))
    # From four rows below the upper border of the dilated neck, 53 rows upwards.
    first = 57 + 4 - 52
    assert not shown[:first].any()
    assert shown[first:80].all()
    column = torso[first + 3 : 58, 5, 0].astype(int)
    assert (np.diff(column) >= 0).all()
    assert column[0] < 0.5 * column[-1]


def test_behind_a_person_stands_the_nearest_background():
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, :40], image[:, 40:] = 50, 150
    person = np.zeros((60, 80), bool)
    person[20:40, 30:50] = True
    image[person] = 255
    filled = nearest_background(image, person)
    assert set(np.unique(filled)) == {50, 150}
    assert (filled[:, :18] == 50).all()
    assert (filled[:, 62:] == 150).all()
    assert not nearest_background(image, np.ones((60, 80), bool)).any()


@pytest.fixture(scope="module")
def drawn():
    """A face of one colour under hair that falls to the picture's border, over a light shirt."""
    side = 384
    image = np.full((side, side, 3), (40, 120, 60), np.uint8)
    mean = load_face_model().mean.numpy()
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468] = mean / np.ptp(mean[:, 1]) * 130 + (192, 160, 0)
    noise = np.random.default_rng(1).normal(0, 4, image.shape)
    cv2.rectangle(image, (60, 270), (324, 383), (225, 225, 235), -1)
    cv2.rectangle(image, (165, 200), (219, 290), (205, 150, 125), -1)
    cv2.ellipse(image, (192, 150), (92, 105), 0, 0, 360, (60, 38, 26), -1)
    cv2.rectangle(image, (100, 150), (140, 383), (60, 38, 26), -1)
    cv2.rectangle(image, (244, 150), (284, 383), (60, 38, 26), -1)
    oval = landmarks[list(OVAL), :2].round().astype(np.int32)
    cv2.fillPoly(image, [oval], (205, 150, 125))
    person = (image != (40, 120, 60)).any(axis=2)
    return (image + noise).clip(0, 255).astype(np.uint8), person.astype(np.float32), landmarks


def test_hair_that_falls_over_the_shoulders_is_hair_down_to_the_border(drawn):
    classes = classify(*drawn)
    assert (classes.sum(axis=0) == 1).all()
    locks = np.zeros((384, 384), bool)
    locks[260:320, 106:134] = locks[260:320, 250:278] = True
    assert classes[HAIR][locks].mean() > 0.9
    assert not classes[HAIR, 300:380, 160:230].any()
    assert classes[HAIR, 300:380, 70:95].mean() < 0.02
    assert not classes[HAIR, 262:280, 180:204].any()  # the neck


def test_a_shirt_of_the_hairs_colour_is_not_taken_for_hair(drawn):
    image, person, landmarks = drawn
    dark = image.copy()
    dark[290:][person[290:] > 0] = (60, 38, 26)
    assert classify(dark, person, landmarks)[HAIR, 300:].mean() < 0.02


def test_fair_hair_over_a_coat_is_hair_and_the_coats_shoulders_are_not(drawn):
    image, person, landmarks = drawn
    fair = image.copy()
    hair = np.abs(image.astype(int) - (60, 38, 26)).max(axis=2) < 20
    fair[hair] = (image[hair].astype(int) + (145, 118, 74)).clip(0, 255)  # little lighter than the skin
    classes = classify(fair, person, landmarks)
    assert classes[HAIR, 260:320, 106:134].mean() > 0.9
    assert classes[HAIR, 300:380, 62:90].mean() < 0.02
    assert classes[BODY_SKIN, 262:280, 184:200].mean() > 0.9


def test_dark_lenses_are_others(drawn):
    none, both = (classify(*drawn, covered_eyes=eyes) for eyes in ((False, False), (True, True)))
    assert not none[OTHERS].any()
    assert both[OTHERS].sum() > 800
    assert (both.sum(axis=0) == 1).all()
    one = classify(*drawn, covered_eyes=(True, False))[OTHERS]
    assert one[:, 192:].sum() > 0.9 * one.sum() > 0  # the person's left eye is on the picture's right
