import cv2
import numpy as np
import pytest

from cameo3d.errors import FaceError, InputError
from cameo3d.media.images import read_image, write_image
from cameo3d.pipeline.adjustments import Retouch
from cameo3d.pipeline.edit import edit
from cameo3d.provenance.verifying import verify

CLOSED = Retouch(set={"lips": -1.0})


def changed_box(before, after):
    """Top, bottom, left and right of what differs."""
    rows, columns = np.nonzero(np.abs(after.astype(int) - before).max(-1))
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_a_mouth_is_changed_and_all_else_is_the_photo_byte_for_byte(astronaut_path, tmp_path):
    photo = read_image(astronaut_path)
    edited = edit(astronaut_path, CLOSED)
    assert edited.pixels.shape == photo.shape
    top, bottom, left, right = changed_box(photo, edited.pixels)
    # The astronaut's mouth is at about (222, 158); cheeks and chin move along.
    assert 80 < top < 150 < bottom < 215
    assert 150 < left < 210 < 235 < right < 300
    assert np.abs(edited.pixels[145:165, 205:240].astype(int) - photo[145:165, 205:240]).mean() > 10
    edited.save(tmp_path / "me.png")
    assert verify(tmp_path / "me.png").found


@pytest.fixture(scope="module")
def large(astronaut_path, tmp_path_factory):
    """The astronaut upside down in a large picture, and the same one upright."""
    photo = cv2.resize(read_image(astronaut_path), (1200, 1200), interpolation=cv2.INTER_CUBIC)
    whole = np.full((1300, 2100, 3), 120, np.uint8)
    whole[:1200, 500:1700] = photo
    path = tmp_path_factory.mktemp("large") / "large.png"
    write_image(path, np.ascontiguousarray(np.rot90(whole, 2)))
    return path, whole


def test_a_large_photo_keeps_its_size_and_every_pixel_that_does_not_move(large):
    path, upright = large
    edited = edit(path, Retouch(set={"browInnerUp": 0.8})).pixels
    assert edited.shape == upright.shape
    top, bottom, left, right = changed_box(upright, edited)
    face_left, face_top, scale = 500, 0, 1200 / 512
    assert face_top + 30 * scale < top < face_top + 120 * scale
    assert bottom < face_top + 190 * scale
    assert face_left + 160 * scale < left
    assert right < face_left + 290 * scale


def test_what_cannot_be_edited_is_told(astronaut_path, tmp_path):
    with pytest.raises(InputError, match="Nothing is to be changed"):
        edit(astronaut_path, Retouch())
    with pytest.raises(InputError, match="did you mean jawOpen"):
        edit("no.png", Retouch(set={"jawOpn": 1.0}))
    write_image(tmp_path / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(FaceError, match=r"grey\.png.*No face"):
        edit(tmp_path / "grey.png", CLOSED)
