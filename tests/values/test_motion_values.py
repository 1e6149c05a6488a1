from dataclasses import replace

import torch

from cameo3d.values.motion import joined, still_motion


def test_basel_coefficients_are_cut_and_joined_with_their_frames():
    coefficients = torch.arange(5 * 64.0).reshape(5, 64)
    motion = replace(still_motion(5), basel=coefficients)
    first, second = motion.part(0, 2), motion.part(2, None)
    again = joined([first, second]).basel
    assert second.basel is not None
    assert again is not None
    assert torch.equal(second.basel, coefficients[2:])
    assert torch.equal(again, coefficients)


def test_motions_of_which_one_has_no_basel_coefficients_have_none_together():
    known = replace(still_motion(2), basel=torch.zeros(2, 64))
    assert joined([known, still_motion(1)]).basel is None
    assert still_motion(3).part(1, 2).basel is None
