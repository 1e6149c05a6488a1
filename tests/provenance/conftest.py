from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cameo3d.provenance.origin import Origin, origin_of


@pytest.fixture(scope="session")
def portrait(astronaut_path) -> np.ndarray:
    """A head as an output shows it."""
    photo = Image.open(astronaut_path).convert("RGB")
    return np.array(photo.crop((100, 0, 360, 260)).resize((512, 512), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def clip(portrait) -> list[np.ndarray]:
    """A portrait that sways over 25 frames."""
    return [np.roll(portrait, round(6 * np.sin(index / 4)), axis=1) for index in range(25)]


@pytest.fixture(scope="session")
def made_of(astronaut_path: Path) -> Origin:
    return origin_of("relief", 3, photo=astronaut_path)
