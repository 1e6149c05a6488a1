"""Which measures a protocol has, in the order of its table."""

from cameo3d.evaluation.measures import Case, Meter, TestProtocol
from cameo3d.evaluation.metrics.picture_meters import doubled_ssim_meter, l1_meter, psnr_meter, ssim_meter
from cameo3d.evaluation.networks.folder import Networks


def meters_for(protocol: TestProtocol, case: Case, networks: Networks) -> list[Meter]:
    """Fresh meters for one clip.

    Args:
        protocol: What is asked of the model.
        case: The clip.
        networks: The user's files; a measure whose files are missing has a meter that says so.
    """
    if protocol in ("reconstruction", "self"):
        return [l1_meter(), psnr_meter(), ssim_meter(), doubled_ssim_meter()]
    return []
