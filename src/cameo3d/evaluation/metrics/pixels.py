"""How far two pictures are apart, pixel by pixel: L1, PSNR and SSIM over the whole frame, without a mask."""

import numpy as np
from jaxtyping import UInt8
from skimage.metrics import structural_similarity


def l1(output: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]) -> float:
    """Mean absolute difference of pictures in [0, 1]."""
    return float(np.abs(output.astype(np.float64) - truth).mean() / 255)


def psnr(output: UInt8[np.ndarray, "height width 3"], truth: UInt8[np.ndarray, "height width 3"]) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for equal pictures."""
    error = float(np.mean(((output.astype(np.float64) - truth) / 255) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(
    output: UInt8[np.ndarray, "height width 3"],
    truth: UInt8[np.ndarray, "height width 3"],
    data_range: float = 1.0,
) -> float:
    """Structural similarity in a uniform 7x7 window, with sample covariance, mean over the channels.

    Args:
        output: The picture to judge.
        truth: What it should be, at least 7x7.
        data_range: Range that pictures in [0, 1] are taken to have; the script that GOHA cites takes 2,
            which raises the figure.
    """
    pair = (output / 255.0, truth / 255.0)
    similarity = structural_similarity(*pair, win_size=7, data_range=data_range, channel_axis=-1)
    return float(np.mean(similarity))  # one number already, but its type allows a map
