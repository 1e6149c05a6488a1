"""What several tests of media start from."""

from collections.abc import Callable
from pathlib import Path

import pytest
from making import bursts, gray_frames, make_video


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 frames a second: flashes and tones together at 0.4 and 1.8 s."""
    levels = [255 if index in (10, 45) else 20 for index in range(50)]
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_video(path, gray_frames(levels), sound=bursts([0.4, 1.8], 2.0))


@pytest.fixture(
    params=["sp ace", 'it\'s "quoted"', "new\nline", "-dash", "größe-写真", "a:b", "concat:x", "%03d"]
)
def strange_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files that the system refuses to write to."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    create: Callable[[Path], None] = lambda path: path.symlink_to("/dev/full")  # noqa: E731
    monkeypatch.setattr("cameo3d.media.files._create", create)
