"""Meters by what they keep: a number a frame and its mean, two series of numbers, or nothing."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from cameo3d.evaluation.measures import Figures, Measure, Moment


class FrameMeter:
    """A measure that is a mean over frames.

    Args:
        measure: What it is.
        of_moment: The figure of one frame; None where it has none.
        why: Why there is no value, if no frame has one.
    """

    def __init__(self, measure: Measure, of_moment: Callable[[Moment], float | None], why: str) -> None:
        self.measure = measure
        self._of_moment, self._why = of_moment, why
        self._values: list[float | None] = []

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        self._values.append(self._of_moment(moment))

    def figures(self) -> Figures:
        """Mean over the frames that have a figure."""
        known = [value for value in self._values if value is not None]
        if not known:
            return Figures(None, self._why)
        return Figures(float(np.mean(known)), "", list(self._values))


Series = Float[np.ndarray, " frames"]


class SeriesMeter:
    """A measure of how one number of the output, and the same of the driver, run over a clip.

    Args:
        measure: What it is.
        of_moment: That number of the output and of the driver; None where no face is seen.
        of_series: Its figures. Gaps of less than all frames are filled by interpolation before.
    """

    def __init__(
        self,
        measure: Measure,
        of_moment: Callable[[Moment], tuple[float | None, float | None]],
        of_series: Callable[[Series | None, Series | None], Figures],
    ) -> None:
        self.measure = measure
        self._of_moment, self._of_series = of_moment, of_series
        self._pairs: list[tuple[float | None, float | None]] = []

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        self._pairs.append(self._of_moment(moment))

    def figures(self) -> Figures:
        """What the whole clip tells."""
        output, driver = ([pair[side] for pair in self._pairs] for side in (0, 1))
        return self._of_series(filled(output), filled(driver))


class NoMeter:
    """Stands in the table for a measure that cannot be taken here.

    Args:
        measure: What it is.
        why: Why not, in one sentence.
    """

    def __init__(self, measure: Measure, why: str) -> None:
        self.measure = measure
        self._why = why

    def add(self, moment: Moment) -> None:
        """Nothing to look at."""

    def figures(self) -> Figures:
        """No value."""
        return Figures(None, self._why)


def filled(values: list[float | None]) -> Series | None:
    """Interpolate over gaps; None if fewer than half of the values are known."""
    known = [index for index, value in enumerate(values) if value is not None]
    if not known or 2 * len(known) < len(values):
        return None
    return np.interp(np.arange(len(values)), known, [float(values[index] or 0.0) for index in known])
