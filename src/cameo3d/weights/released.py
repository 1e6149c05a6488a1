"""What others have published and users may add: which files, where they come from, under which terms."""

from dataclasses import dataclass
from pathlib import Path

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.basel import BASEL_MODEL, MAP_COLORS, MESH_VERTICES, REAL3D_FACE_FILES
from cameo3d.weights.places import weights_path


@dataclass(frozen=True)
class Released:
    """One published network that is not ours to ship."""

    model: str
    """Model whose import brings it."""
    stored: str
    """Our name for it and its size, which is also the converted file's."""
    official: str
    """The official file, below the folder that is imported."""
    source: str
    """Where it is published."""
    licence: str
    """Its terms."""

    @property
    def path(self) -> Path:
        """Where the converted file is kept."""
        return weights_path(self.stored)

    def demand(self) -> Path:
        """The converted file.

        Raises:
            WeightsError: If it has not been imported; the message says what to get, where, on what terms.
        """
        if not self.path.is_file():
            raise WeightsError(f"The weights {self.stored} are missing: {self.advice}.")
        return self.path

    @property
    def advice(self) -> str:
        """How to get it."""
        return (
            f"get {self.official} from {self.source} ({self.licence}), "
            f"then run `cameo3d weights import {self.model} FOLDER`"
        )


_REAL3D = "https://github.com/yerfor/Real3DPortrait, archive 240210_real3dportrait_orig"
_REAL3D_LICENCE = "MIT, as its repository; trained on videos that were collected for research"

_GOHA = "https://github.com/NVlabs/GOHA"
_DEEP3D = "https://github.com/sicxu/Deep3DFaceRecon_pytorch"

RELEASED: dict[str, Released] = {
    entry.stored: entry
    for entry in (
        Released(
            "real3d",
            "real3d-official",
            "secc2plane_torso_orig/model_ckpt_steps_100000.ckpt",
            _REAL3D,
            _REAL3D_LICENCE,
        ),
        Released(
            "real3d",
            "real3d-face",
            BASEL_MODEL.path + " and, around it, " + ", ".join(file.path for file in REAL3D_FACE_FILES[1:]),
            f"{BASEL_MODEL.origin}, {MESH_VERTICES.origin}, and {MAP_COLORS.origin}",
            BASEL_MODEL.licence,
        ),
        Released(
            "real3d",
            "real3d-hubert",
            "hubert-large-ls960-ft/pytorch_model.bin",
            "https://huggingface.co/facebook/hubert-large-ls960-ft",
            "Apache-2.0",
        ),
        Released(
            "real3d",
            "real3d-voice",
            "audio2secc_vae/model_ckpt_steps_400000.ckpt",
            _REAL3D,
            _REAL3D_LICENCE,
        ),
        Released("goha", "goha-official", "logs/s3/checkpoint825000.ckpt", _GOHA, "NVIDIA, research only"),
        Released(
            "goha",
            "goha-regressor",
            "epoch_20.pth",
            f"{_DEEP3D}, model of 25 April 2023",
            "MIT, as its repository; made with the Basel face model",
        ),
        Released(
            "goha",
            "goha-face",
            "BFM_model_front.mat",
            f"{_DEEP3D}, made from the Basel face model 2009 of https://faces.dmi.unibas.ch",
            "Basel face model, non-commercial, by agreement",
        ),
        Released(
            "goha",
            "goha-parser",
            "79999_iter.pth",
            "https://github.com/zllrunning/face-parsing.PyTorch",
            "MIT, as its repository; trained on CelebAMask-HQ, non-commercial",
        ),
    )
}
"""Published networks, by our names for them."""
