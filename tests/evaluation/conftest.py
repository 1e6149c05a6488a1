from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evaluation_meters import AbsentMeter, BlindWatcher, BrightnessMeter, SpreadMeter

from cameo3d.evaluation import protocols, runner
from cameo3d.evaluation.settings import Settings
from cameo3d.media.images import write_image


@pytest.fixture
def quick(monkeypatch) -> None:
    """Meters that need no network, and nobody who looks for faces."""
    monkeypatch.setattr(runner, "meters_for", lambda *_: [BrightnessMeter(), AbsentMeter()])
    monkeypatch.setattr(runner, "set_meters_for", lambda *_: [SpreadMeter()])
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
