"""Which measures a protocol has, in the order of its table."""

from typing import TypeVar

from cameo3d.evaluation.measures import Case, Meter, SetMeter, TestProtocol
from cameo3d.evaluation.metrics.fid import FidMeter
from cameo3d.evaluation.metrics.identity_meters import arcface_meters, dlib_meters, sface_meters
from cameo3d.evaluation.metrics.lip_meters import (
    eye_correlation_meter,
    lip_correlation_meter,
    lip_delay_meter,
    voice_meters,
)
from cameo3d.evaluation.metrics.motion_meters import (
    FlickerMeter,
    blink_meter,
    expression_meter,
    keypoint_meter,
    lip_shape_meter,
    pose_meter,
    rest_meter,
)
from cameo3d.evaluation.metrics.network_meters import deep3d_meters, lpips_meters
from cameo3d.evaluation.metrics.picture_meters import (
    doubled_ssim_meter,
    head_l1_meter,
    l1_meter,
    psnr_meter,
    ssim_meter,
)
from cameo3d.evaluation.metrics.syncnet_meters import syncnet_meters
from cameo3d.weights.user_files import Networks


def meters_for(protocol: TestProtocol, case: Case, networks: Networks) -> list[Meter]:
    """Fresh meters for one clip.

    Args:
        protocol: What is asked of the model.
        case: The clip.
        networks: The user's files; a measure whose files are missing has a meter that says so.
    """
    with_truth = protocol in ("reconstruction", "self")
    driven = protocol in ("reconstruction", "self", "cross")
    moving = protocol in ("self", "cross", "voice")
    meters: list[Meter] = []
    if with_truth:
        meters += [l1_meter(), head_l1_meter(), *lpips_meters(networks)]
        meters += [psnr_meter(), ssim_meter(), doubled_ssim_meter()]
    meters += [*dlib_meters(case, with_truth), *sface_meters(case, with_truth)]
    meters += arcface_meters(case, networks, with_truth)
    if driven:
        meters += [expression_meter(), pose_meter(), *deep3d_meters(networks)]
    if with_truth:
        meters += [keypoint_meter()]
    if with_truth or protocol == "voice":
        meters += [lip_shape_meter()]
    if moving:
        meters += [lip_correlation_meter(), lip_delay_meter(case)]
        meters += [] if protocol == "voice" else [eye_correlation_meter()]
        meters += [*voice_meters(case), *syncnet_meters(case, networks), FlickerMeter(of_truth=False)]
    if protocol == "self":
        meters += [FlickerMeter(of_truth=True)]
    if moving:
        meters += [blink_meter(case), rest_meter(case)]
    return meters


AnyMeter = TypeVar("AnyMeter", Meter, SetMeter)


def chosen(meters: list[AnyMeter], names: str) -> list[AnyMeter]:
    """Those of the names, with commas between them; all for an empty text."""
    wanted = {name.strip() for name in names.split(",")} if names else None
    return [meter for meter in meters if wanted is None or meter.measure.name in wanted]


def set_meters_for(protocol: TestProtocol, case: Case, networks: Networks) -> list[SetMeter]:
    """Fresh meters of one clip's part in measures of all clips together; see `fid.figures_of_sets`."""
    return [FidMeter(case, networks, protocol in ("reconstruction", "self"))]
