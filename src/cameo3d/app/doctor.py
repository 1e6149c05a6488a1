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
        Finding("python", platform.python_version(), (3, 11) <= sys.version_info < (3, 14)),
        Finding("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"),
        *map(_library, _LIBRARIES),
        *_transformers(),
        *_encoders(),
        *_assets(),
        *_optional_weights(),
    ]


def _library(name: str) -> Finding:
    try:
        import_module(_LIBRARIES[name])
        return Finding(name, version(name))
    except (ImportError, OSError, PackageNotFoundError) as error:
        return Finding(name, f"{error}; install with `pip install cameo3d`", good=False)


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
    from cameo3d.weights.shipped import SHIPPED, load_tensors

    for name, entry in SHIPPED.items():
        try:
            load_tensors(name)
            yield Finding(f"weights {name}", f"{entry.file}, {entry.licence}")
        except WeightsError as error:
            yield Finding(f"weights {name}", str(error), good=False)
    for package, path in (("cameo3d", "assets/demo_voice.flac"), ("skimage", "data/astronaut.png")):
        there = resources.files(package).joinpath(path).is_file()
        yield Finding(f"demo {path}", "there" if there else f"not in the installed {package}", there)


def _optional_weights() -> Iterator[Finding]:
    from cameo3d.weights.catalogue import catalogue
    from cameo3d.weights.imported import read_label

    for entry in catalogue():
        if entry.kind == "shipped":
            continue
        name = f"weights {entry.name} for {entry.use}"
        try:
            state = str(entry.path) if entry.path else f"optional; {entry.origin}; licence: {entry.licence}"
            if entry.path and entry.kind == "imported":
                state += f", {read_label(entry.path).revision}"
            yield Finding(name, state, entry.path is not None, optional=True)
        except WeightsError as error:
            yield Finding(name, str(error), good=False)
