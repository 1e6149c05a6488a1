"""The wheel alone, in an environment that does not know this folder: it animates a photo."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Folder with the programs of an environment that holds the wheel, and sees the packages of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "src" / "cameo3d", source / "src" / "cameo3d")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
    subprocess.run(build, check=True)
    shutil.rmtree(source)

    venv.create(folder / "venv", with_pip=False)
    paths = sysconfig.get_paths("venv", {"base": str(folder / "venv"), "platbase": str(folder / "venv")})
    (wheel,) = folder.glob("cameo3d-*.whl")
    python = str(Path(paths["scripts"]) / "python")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    # A plain line is added to sys.path, but no .pth file in that folder is read: the checkout stays unknown.
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return Path(paths["scripts"])


def test_wheel_alone_animates_a_photo(installed, tmp_path):
    program = """if True:
        import cameo3d, skimage.data
        from pathlib import Path
        from PIL import Image
        Image.fromarray(skimage.data.astronaut()).save("photo.png")
        motion = Path(cameo3d.__file__).with_name("assets") / "demo_motion.csv"
        Path("motion.csv").write_text("".join(motion.open().readlines()[:8]))
        print(cameo3d.__file__)"""
    asked = {"cwd": tmp_path, "capture_output": True, "text": True}
    home = subprocess.run([installed / "python", "-c", program], check=True, **asked).stdout
    assert Path(home.strip()).is_relative_to(installed.parent)
    command = [installed / "cameo3d", "animate", "photo.png", "--motion", "motion.csv", "--out", "out.mp4"]
    done = subprocess.run(command, **asked)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").stat().st_size > 5_000
