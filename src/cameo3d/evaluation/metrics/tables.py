"""Which measures a protocol has, in the order of its table."""

from cameo3d.evaluation.measures import Case, Meter, TestProtocol
from cameo3d.evaluation.metrics.identity_meters import dlib_meter
from cameo3d.evaluation.metrics.lip_meters import lip_correlation_meter, lip_delay_meter, voice_meters
from cameo3d.evaluation.metrics.motion_meters import (
    FlickerMeter,
    blink_meter,
    expression_meter,
    keypoint_meter,
    lip_shape_meter,
    pose_meter,
    rest_meter,
)
from cameo3d.evaluation.metrics.picture_meters import doubled_ssim_meter, l1_meter, psnr_meter, ssim_meter
from cameo3d.evaluation.networks.folder import Networks


def meters_for(protocol: TestProtocol, case: Case, networks: Networks) -> list[Meter]:
    """Fresh meters for one clip.

    Args:
        protocol: What is asked of the model.
        case: The clip.
        networks: The user's files; a measure whose files are missing has a meter that says so.
    """
    with_truth = protocol in ("reconstruction", "self")
    meters: list[Meter] = []
    if with_truth:
        meters += [l1_meter(), psnr_meter(), ssim_meter(), doubled_ssim_meter()]
    meters += [dlib_meter(case, with_truth)]
    if protocol in ("reconstruction", "self", "cross"):
        meters += [expression_meter(), pose_meter()]
    if with_truth:
        meters += [keypoint_meter()]
    if with_truth or protocol == "voice":
        meters += [lip_shape_meter()]
    if protocol in ("self", "cross", "voice"):
        meters += [lip_correlation_meter(), lip_delay_meter(case), *voice_meters(case)]
        meters += [FlickerMeter(False)]
    if protocol == "self":
        meters += [FlickerMeter(True)]
    if protocol in ("self", "cross", "voice"):
        meters += [blink_meter(case), rest_meter(case)]
    return meters
