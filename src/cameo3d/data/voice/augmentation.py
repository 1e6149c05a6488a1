"""One voice as many: other vocal tracts, microphones, rooms, noises and loudness, in the power spectra."""

import functools
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from cameo3d.models.voice.lite.sound import (
    BANDS,
    Hearing,
    band_corners,
    faded,
    fresh_hearing,
    hear,
    log_bands,
    triangles,
)

_TRACT_HERTZ = np.array((0.0, 800.0, 1800.0, 3000.0, 8000.0))
_TRACT_SPREAD, _FORMANT_SPREAD = 0.17, 0.07
_CURVE_KNOTS = 6
_SILENT = -2.4


@dataclass(frozen=True)
class Voices:
    """Vocal tracts and throats of made-up people, which change what is heard but not what is said."""

    stretches: Float[Tensor, "batch knots"]
    """Logarithm of where frequencies around `_TRACT_HERTZ` lie relative to the usual."""
    colours: Float[Tensor, "batch bins"]
    """Logarithm of the power in every bin of the spectrum relative to the usual."""

    def corners(self, usual: Float32[np.ndarray, " corners"]) -> Float[Tensor, "batch corners"]:
        """Bands of these corners in hertz, as they lie for these people."""
        hertz = torch.from_numpy(usual).to(self.stretches)
        return hertz * (self.stretches @ _between(_TRACT_HERTZ, usual).to(self.stretches)).exp()


def other_voices(count: int, bins: int, changed: np.ndarray, generator: np.random.Generator) -> Voices:
    """Drawn voices, where they are to be changed.

    Args:
        count: How many.
        bins: Of the power spectra that they colour.
        changed: Which of them are.
        generator: Chooses them; it is asked for the same numbers whatever is changed.
    """
    length = generator.uniform(-_TRACT_SPREAD, _TRACT_SPREAD, (count, 1))
    formants = generator.normal(0, _FORMANT_SPREAD, (count, len(_TRACT_HERTZ)))
    formants[:, 0] = formants[:, -1] = 0
    knots = generator.normal(0, 1, (count, _CURVE_KNOTS)) * generator.choice((0.0, 0.7, 1.4), (count, 1))
    mask = changed[:, None]
    return Voices(
        torch.from_numpy(((length + formants) * mask).astype(np.float32)),
        torch.from_numpy((knots * mask).astype(np.float32)) @ _ramps(bins),
    )


def heard_features(
    power: Float[Tensor, "batch frames bins"],
    voices: Voices,
    changed: Bool[np.ndarray, " batch"],
    generator: np.random.Generator,
) -> Float[Tensor, "batch frames bands"]:
    """Features of sounds, some as if they were heard elsewhere.

    Args:
        power: From `sound.power_spectra`, coloured as the voices are, on any device.
        voices: Whose vocal tracts they have.
        changed: Which of them are not left as they are.
        generator: Chooses everything else; it is asked for the same numbers whatever is changed.
    """
    count, bins = len(power), power.shape[-1]

    def uniform(low: float, high: float) -> Tensor:
        return torch.from_numpy(generator.uniform(low, high, (count, 1, 1))).to(power)

    def chance(share: float) -> Tensor:
        return torch.from_numpy((generator.random(count) < share) & changed)[:, None, None].to(power.device)

    def curve(spread: np.ndarray, points: int) -> Tensor:
        knots = generator.normal(0, 1, (count, _CURVE_KNOTS)) * spread * changed[:, None]
        return (torch.from_numpy(knots).float() @ _ramps(points))[:, None].to(power)

    # A room: some of the sound dies away within 0.03 to 0.25 s.
    fading = (-1 / uniform(3.0, 25.0)).exp()
    share = uniform(0.02, 0.3) * chance(0.4)
    echoes = (1 - fading) * faded(power, fading, torch.zeros_like(power[:, 0]))
    power = power * (1 - share) + share * echoes

    loudness = power.mean((1, 2), keepdim=True)
    hiss = curve(np.full((count, 1), 1.5), bins).exp() * loudness * (-uniform(2.5, 9.0)).exp()
    babble = power.roll(1, 0)  # other people's speech, behind it now and then
    babble = babble * (loudness / loudness.roll(1, 0).clamp(min=1e-9)) * (-uniform(2.5, 6.0)).exp()
    gain = torch.where(chance(1.0), uniform(-4.0, 2.0).exp(), 1.0)
    power = (power + hiss * chance(0.6) + babble * chance(0.15)) * gain

    bands = log_bands(power, triangles(voices.corners(band_corners()).to(power)))
    bands = bands + curve(generator.choice((0.0, 1.0, 2.0), (count, 1)), BANDS)
    _, after = hear(bands, fresh_hearing())
    features = hear(bands, _either(chance(0.5), after))[0]  # some voices have been known for a while

    place, frame = torch.arange(BANDS).to(power), torch.arange(power.shape[1]).to(power)[:, None]
    muffled = chance(0.2) & (place >= uniform(30.0, float(BANDS)).floor())
    broken = torch.zeros_like(features, dtype=torch.bool)
    for _ in range(2):
        first, length = uniform(0.0, 40.0).floor(), uniform(1.0, 8.0).floor()
        broken |= chance(0.5) & (place >= first) & (place < first + length)
        broken |= chance(0.5) & ((frame - uniform(0.0, 1.0) * len(frame)).abs() < 3)
    return features.masked_fill(muffled, _SILENT).masked_fill(broken, 0)


def _either(known: Bool[Tensor, "batch 1 1"], memory: Hearing) -> Hearing:
    """A memory where it is known, a fresh one elsewhere."""
    fresh = fresh_hearing()
    return Hearing(
        *(
            torch.where(known[:, 0], getattr(memory, field.name), getattr(fresh, field.name).to(known.device))
            for field in fields(Hearing)
        )
    )


@functools.cache
def _ramps(points: int) -> Float[Tensor, "knots points"]:
    """From values at evenly spaced knots to values in between."""
    return _between(np.arange(_CURVE_KNOTS), np.linspace(0, _CURVE_KNOTS - 1, points))


def _between(knots: np.ndarray, places: np.ndarray) -> Float[Tensor, "knots places"]:
    """From values at knots to values at places between them."""
    rows = [np.interp(places, knots, row) for row in np.eye(len(knots))]
    return torch.from_numpy(np.stack(rows).astype(np.float32))
