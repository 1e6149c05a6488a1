import numpy as np

from cameo3d.imaging.contact_sheets import contact_sheet, pick, side_by_side


def test_picked_frames_are_spread_from_the_first_to_the_last():
    assert pick(9, 5) == [0, 2, 4, 6, 8]
    assert pick(3, 5) == [0, 1, 2]
    assert len(set(pick(250, 24))) == 24


def test_a_contact_sheet_shows_each_picture_in_its_place():
    colors = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    pictures = [np.broadcast_to(color, (40, 20, 3)).copy() for color in colors]
    sheet = contact_sheet(pictures, ["a", "b", "c"], columns=2, cell_width=20)
    flat = sheet.reshape(-1, 3)
    for color in colors:
        assert (flat == color).all(1).sum() == 40 * 20
    red, green = (np.argwhere((sheet == color).all(-1)) for color in colors[:2])
    assert red[:, 0].min() == green[:, 0].min()
    assert red[:, 1].max() < green[:, 1].min()


def test_streams_stand_side_by_side_at_one_height_until_one_ends():
    tall = [np.full((80, 40, 3), value, np.uint8) for value in (1, 2, 3)]
    wide = [np.full((20, 60, 3), value, np.uint8) for value in (7, 8)]
    frames = list(side_by_side(tall, wide, height=40))
    assert [frame.shape for frame in frames] == [(40, 20 + 120, 3)] * 2
    assert (frames[1][:, :20] == 2).all()
    assert (frames[1][:, 20:] == 8).all()
