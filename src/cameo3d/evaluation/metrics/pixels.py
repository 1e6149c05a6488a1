"""How far two pictures are apart, pixel by pixel: L1, PSNR and SSIM over the whole frame, without a mask."""

import cv2
import numpy as np
from jaxtyping import UInt8

_WINDOW = 7
"""Side of SSIM's window in pixels."""


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
    if min(truth.shape[:2]) < _WINDOW:
        raise ValueError(f"SSIM needs at least {_WINDOW}x{_WINDOW} pixels, got {truth.shape[:2]}.")
    one, other = output / 255.0, truth / 255.0
    mean, other_mean = _windowed(one), _windowed(other)
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    spread = sample * (_windowed(one * one) - mean * mean)
    other_spread = sample * (_windowed(other * other) - other_mean * other_mean)
    shared = sample * (_windowed(one * other) - mean * other_mean)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean * other_mean + c1) / (mean**2 + other_mean**2 + c1)
    structure = (2 * shared + c2) / (spread + other_spread + c2)
    return float((luminance * structure).mean())


def _windowed(values: np.ndarray) -> np.ndarray:
    """Means of all windows that lie within the picture."""
    edge = _WINDOW // 2
    return cv2.boxFilter(values, -1, (_WINDOW, _WINDOW))[edge:-edge, edge:-edge]
