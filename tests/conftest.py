import os
from importlib.resources import files
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers already fill the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def astronaut_path() -> Path:
    """NASA's portrait of Eileen Collins, 512x512, public domain."""
    return Path(str(files("skimage") / "data" / "astronaut.png"))


@pytest.fixture(scope="session")
def demo_motion_path() -> Path:
    return Path(str(files("cameo3d") / "assets" / "demo_motion.csv"))


@pytest.fixture(scope="session")
def demo_voice_path() -> Path:
    return Path(str(files("cameo3d") / "assets" / "demo_voice.flac"))


@pytest.fixture(scope="session", autouse=True)
def own_credentials(tmp_path_factory) -> Path:
    """Outputs of tests are signed by a key of theirs, never by the user's."""
    folder = tmp_path_factory.mktemp("credentials") / "key"
    os.environ["CAMEO3D_CREDENTIALS"] = str(folder)
    return folder
