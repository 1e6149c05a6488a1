"""Meters that need no network, and a watcher who sees nothing."""

import numpy as np

from cameo3d.evaluation.measures import FeatureSets, Figures, Measure, Moment

BRIGHTNESS = Measure(
    "brightness", "1", "lower", "none", "none", "as it comes", "none", "bytes; mean of frames"
)
ABSENT = Measure("absent", "1", "near", "a network", "none", "none", "none", "none")


class BrightnessMeter:
    measure = BRIGHTNESS

    def __init__(self) -> None:
        self.values: list[float | None] = []

    def add(self, moment: Moment) -> None:
        self.values.append(float(moment.output.mean()))

    def figures(self) -> Figures:
        return Figures(float(np.mean([value or 0.0 for value in self.values])), "", self.values)


class AbsentMeter:
    measure = ABSENT

    def add(self, moment: Moment) -> None:
        pass

    def figures(self) -> Figures:
        return Figures(None, "Its <network> is not here.")


class SpreadMeter:
    measure = Measure("spread", "1", "lower", "none", "none", "none", "none", "all levels together")
    why = ""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def add(self, moment: Moment) -> None:
        self.rows.append([1.0, float(moment.output.mean()), float(moment.output[0, 0, 0]) % 7])

    def sets(self) -> FeatureSets:
        rows = np.array(self.rows, np.float32)
        return FeatureSets(rows, rows + np.array((0, 3, 0), np.float32))


class BlindWatcher:
    """Sees no face, at once."""

    def __call__(self, frame: np.ndarray) -> None:
        return None

    def __enter__(self) -> "BlindWatcher":
        return self

    def __exit__(self, *_: object) -> None:
        pass
