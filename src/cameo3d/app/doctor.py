"""What is installed and what is missing."""

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, resources
from importlib.metadata import PackageNotFoundError, version

from cameo3d.errors import WeightsError

_LIBRARIES = {
    "torch": "torch",
    "mediapipe": "mediapipe",
    "opencv-contrib-python-headless": "cv2",
    "av": "av",
    "numba": "numba",
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-image": "skimage",
    "safetensors": "safetensors",
    "pillow": "PIL",
    "tyro": "tyro",
    "rich": "rich",
    "c2pa-python": "c2pa",
    "cryptography": "cryptography",
    "jaxtyping": "jaxtyping",
}
_ENCODERS = ("libx264", "aac", "libvpx-vp9", "libopus", "prores_ks")


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    state: str
    good: bool = True
    optional: bool = False
    """Whether all is well without it."""

    @property
    def line(self) -> str:
        """The finding as it is shown."""
        mark = "ok" if self.good else "absent" if self.optional else "MISSING"
        return f"{mark:7} {self.name}: {self.state}"


def findings() -> list[Finding]:
    """Look at Python, the machine, libraries, video encoders, shipped files, and networks of measures."""
    return [
        Finding("cameo3d", version("cameo3d")),
        Finding("python", platform.python_version(), (3, 11) <= sys.version_info < (3, 13)),
        Finding("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"),
        *map(_library, _LIBRARIES),
        *_transformers(),
        *_encoders(),
        *_assets(),
        *_released(),
        *_networks(),
    ]


def _library(name: str) -> Finding:
    try:
        import_module(_LIBRARIES[name])
        return Finding(name, version(name))
    except (ImportError, OSError, PackageNotFoundError) as error:
        return Finding(
            name, f"{error}; install with `pip install --no-deps -r requirements.lock`", good=False
        )


def _transformers() -> Iterator[Finding]:
    try:
        yield Finding("transformers for the official voice", version("transformers"))
    except PackageNotFoundError:
        advice = "optional; install with `pip install 'cameo3d[official]'`"
        yield Finding("transformers for the official voice", advice, False, optional=True)


def _encoders() -> Iterator[Finding]:
    try:
        from av.codec import codecs_available
    except ImportError:
        return
    for name in _ENCODERS:
        there = name in codecs_available
        yield Finding(f"encoder {name}", "there" if there else "not in this build of PyAV", there)


def _assets() -> Iterator[Finding]:
    from cameo3d.weights.catalogue import CATALOGUE
    from cameo3d.weights.store import load_tensors

    for name, entry in CATALOGUE.items():
        try:
            load_tensors(name)
            yield Finding(f"weights {name}", f"{entry.file}, {entry.licence}")
        except WeightsError as error:
            yield Finding(f"weights {name}", str(error), good=False)
    for package, path in (("cameo3d", "assets/demo_voice.flac"), ("skimage", "data/astronaut.png")):
        there = resources.files(package).joinpath(path).is_file()
        yield Finding(f"demo {path}", "there" if there else f"not in the installed {package}", there)


def _released() -> Iterator[Finding]:
    from cameo3d.weights.imported import read_label
    from cameo3d.weights.released import RELEASED

    for name, entry in RELEASED.items():
        there = entry.path.is_file()
        try:
            state = (
                f"{entry.path}, {read_label(entry.path).revision}" if there else f"optional; {entry.advice}"
            )
            yield Finding(f"weights {name}", state, there, optional=True)
        except WeightsError as error:
            yield Finding(f"weights {name}", str(error), good=False)


def _networks() -> Iterator[Finding]:
    from cameo3d.weights.judges import FILES, own_networks
    from cameo3d.weights.packages import PACKAGE_FILES

    for use, package in PACKAGE_FILES.items():
        why = package.missing()
        state = why or f"{package.package}, {package.licence}"
        yield Finding(f"package for {use}", state, not why, optional=True)
    folder = own_networks().folder
    for file in FILES:
        if (folder / file.name).is_file():
            yield Finding(f"network {file.name} for {file.measures}", file.licence)
        else:
            state = f"not in {folder}; from {file.source}; licence: {file.licence}"
            yield Finding(f"network {file.name} for {file.measures}", state, False, optional=True)
