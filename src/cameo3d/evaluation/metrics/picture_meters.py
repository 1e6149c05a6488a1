"""Meters of how far pictures are from the truth, pixel by pixel."""

from collections.abc import Callable
from dataclasses import replace

from cameo3d.errors import InputError
from cameo3d.evaluation.measures import Measure, Moment, Picture
from cameo3d.evaluation.metrics.faces import head_box
from cameo3d.evaluation.metrics.meters import FrameMeter
from cameo3d.evaluation.metrics.pixels import l1, psnr, ssim

NO_TRUTH = "There is no true picture of this to compare with."
_BEST_PSNR = 100.0
"""What equal pictures count as, so that means stay finite."""

_L1 = Measure("l1", "1", "lower", "none", "none", "as it comes", "none", "pictures in [0, 1]; mean of frames")
_HEAD_L1 = Measure(
    *("l1[head]", "1", "lower", "none", "head: the true face's box, enlarged to the hair", "as it comes"),
    *("none", "pictures in [0, 1]; mean of frames"),
)
_PSNR = Measure(
    *("psnr", "dB", "higher", "none", "none", "as it comes", "none"),
    "peak 1; mean of the frames' dB, equal frames count 100 dB",
)
_SSIM = Measure(
    *("ssim", "1", "higher", "none", "none", "as it comes", "none"),
    "range 1; 7x7 uniform window, sample covariance; mean of channels, then frames",
)
_SSIM_2 = Measure(
    *("ssim[range 2]", "1", "higher", "none", "none", "as it comes", "none"),
    "range 2 for pictures in [0, 1], as in the script that GOHA cites (higher); else as ssim",
)


def l1_meter() -> FrameMeter:
    """Mean absolute difference."""
    return FrameMeter(_L1, against_truth(l1), NO_TRUTH)


def head_l1_meter() -> FrameMeter:
    """Mean absolute difference around the head."""
    whole = against_truth(l1)

    def of_moment(moment: Moment) -> float | None:
        if moment.truth is None or moment.driver_face is None:
            return None
        height, width = moment.truth.shape[:2]
        rows, columns = head_box(moment.driver_face.landmarks, width, height)
        if moment.truth[rows, columns].size == 0:
            return None
        return whole(replace(moment, output=moment.output[rows, columns], truth=moment.truth[rows, columns]))

    return FrameMeter(_HEAD_L1, of_moment, "No true picture shows a face.")


def psnr_meter() -> FrameMeter:
    """Peak signal-to-noise ratio."""
    return FrameMeter(_PSNR, against_truth(lambda one, other: min(psnr(one, other), _BEST_PSNR)), NO_TRUTH)


def ssim_meter() -> FrameMeter:
    """Structural similarity."""
    return FrameMeter(_SSIM, against_truth(ssim), NO_TRUTH)


def doubled_ssim_meter() -> FrameMeter:
    """Structural similarity with GOHA's range."""
    return FrameMeter(_SSIM_2, against_truth(lambda one, other: ssim(one, other, 2.0)), NO_TRUTH)


def against_truth(distance: Callable[[Picture, Picture], float]) -> Callable[[Moment], float | None]:
    """A distance of pictures as the figure of a frame."""

    def of_moment(moment: Moment) -> float | None:
        if moment.truth is None:
            return None
        if moment.truth.shape != moment.output.shape:
            (height, width), (true_height, true_width) = moment.output.shape[:2], moment.truth.shape[:2]
            raise InputError(
                f"The output has {width}x{height} pixels and the truth {true_width}x{true_height}; "
                "give outputs of the truth's size."
            )
        return distance(moment.output, moment.truth)

    return of_moment
