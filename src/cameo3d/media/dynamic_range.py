"""High dynamic range to standard range: from BT.2100 to sRGB, roughly as players show it."""

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16

Curve = Literal["hlg", "pq"]

_WHITE_NITS = (100.0, 203.0)
"""Luminance that becomes white: between that of older masters and that of BT.2408, as the picture's brightest
parts ask for. What is brighter is compressed."""
_BRIGHTEST_QUANTILE, _ADAPTATION = 0.995, 0.1
"""Share of the pixels below the brightest, and share of a change that white follows with each picture."""
_HLG_PEAK_NITS = 1000.0
_KNEE = 0.75
"""Share of white above which brightness is compressed."""
_SRGB_FROM_BT2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""For linear light (BT.2087)."""
_LUMA = np.array([[0.2627, 0.6780, 0.0593]], np.float32)
_STEPS = 4095


class StandardRange:
    """Shows the pictures of a video, one after the other, in sRGB.

    Args:
        curve: "hlg" for hybrid log-gamma, "pq" for perceptual quantisation (BT.2100).
        wide: Whether its primaries are BT.2020's; otherwise sRGB's.
    """

    def __init__(self, curve: Curve, wide: bool = True) -> None:
        signal = np.linspace(0, 1, 65536)
        self._light = (_hlg_light(signal) if curve == "hlg" else _pq_nits(signal)).astype(np.float32)
        self._curve, self._wide = curve, wide
        self._white: float | None = None

    def __call__(self, pixels: UInt16[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
        """Show the next picture, whose full scale is 65535."""
        light = self._light[pixels]
        luminance = cv2.transform(light, _LUMA)[..., None]
        if self._curve == "hlg":
            # A bright display needs more contrast than the scene had (BT.2100, table 5).
            gain = _HLG_PEAK_NITS * np.maximum(luminance, 1e-6) ** np.float32(0.2)
            light, luminance = light * gain, luminance * gain
        brightest = np.quantile(luminance[::4, ::4], _BRIGHTEST_QUANTILE)
        white = float((brightest / _KNEE).clip(*_WHITE_NITS))
        self._white = white if self._white is None else self._white + _ADAPTATION * (white - self._white)
        light /= np.float32(self._white)
        if self._wide:
            light = cv2.transform(light, _SRGB_FROM_BT2020)
        strongest = np.maximum(light.max(2, keepdims=True), 1e-6)
        light *= _compressed(strongest) / strongest
        return _SRGB[np.rint(light.clip(0, 1) * _STEPS).astype(np.int32)]


def srgb_signal(light: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """The sRGB curve: linear light in [0, 1] to signal in [0, 1]."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _compressed(light: Float32[np.ndarray, "height width 1"]) -> Float32[np.ndarray, "height width 1"]:
    room = 1 - _KNEE
    return np.where(light <= _KNEE, light, _KNEE + room * np.tanh((light - _KNEE) / room))


def _hlg_light(signal: np.ndarray) -> np.ndarray:
    """Scene light, 1 at full signal."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def _pq_nits(signal: np.ndarray) -> np.ndarray:
    """Light on the display, candelas per square metre."""
    power = signal ** (32 / 2523)
    return 10000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610)


_SRGB = np.rint(255 * srgb_signal(np.linspace(0, 1, _STEPS + 1))).astype(np.uint8)
