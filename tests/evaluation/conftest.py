from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cameo3d.evaluation import protocols, runner
from cameo3d.evaluation.measures import Figures, Measure, Moment
from cameo3d.evaluation.settings import Settings
from cameo3d.media.images import write_image

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


class BlindWatcher:
    """Sees no face, at once."""

    def __call__(self, frame: np.ndarray) -> None:
        return None

    def __enter__(self) -> "BlindWatcher":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def quick(monkeypatch) -> None:
    """Meters that need no network, and nobody who looks for faces."""
    monkeypatch.setattr(runner, "meters_for", lambda *_: [BrightnessMeter(), AbsentMeter()])
    monkeypatch.setattr(protocols, "FaceWatcher", BlindWatcher)
    monkeypatch.setattr(protocols, "see_face", lambda photo: None)


@pytest.fixture
def photos(tmp_path) -> Path:
    """Eight photos, and the outputs of another system for all but the last."""
    (tmp_path / "data").mkdir()
    for index in range(8):
        write_image(tmp_path / f"data/p{index}.png", np.full((20, 30, 3), 20 * index, np.uint8))
    (tmp_path / "outputs").mkdir()
    for index in range(7):
        write_image(tmp_path / f"outputs/p{index}.png", np.full((20, 30, 3), 30 * index, np.uint8))
    return tmp_path


@pytest.fixture
def settings_for() -> Callable[..., Settings]:
    def make(root: Path, **changes) -> Settings:
        values = {
            "protocol": "reconstruction",
            "data": str(root / "data"),
            "photos": None,
            "pairs": None,
            "model": None,
            "outputs": str(root / "outputs"),
            "frame": "crop",
            "relative": False,
            "seed": 0,
            "limit": None,
            "frames": None,
            "version": "1",
            "networks": (),
        }
        return Settings(**{**values, **changes})

    return make
