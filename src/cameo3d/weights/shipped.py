"""The tensors that the package ships, checked before they are used."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cameo3d.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Shipped:
    """One file of tensors in `cameo3d.assets`."""

    file: str
    """File name."""
    use: str
    """What it is for."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    licence: str
    """SPDX name of the licence of the tensors."""
    card: str
    """Where the repository says how they were made and how good they are."""


SHIPPED: dict[str, Shipped] = {
    "life": Shipped(
        "life.safetensors",
        "idle motion: head, brows, gaze and blinks of a voice",
        "93a1fe935d547d63dcbbaa100fad3be49a281aeb0c9c433d114b9970b6b39329",
        "MIT",
        "docs/cards/life.md",
    ),
    "face_model": Shipped(
        "face_model.safetensors",
        "geometry of the face with 52 blendshapes",
        "9e145e4928733fe879f156f9a3655b0aaca248524eaab9a8380da4d242501c9b",
        "MIT",
        "docs/cards/face_model.md",
    ),
    "expression": Shipped(
        "expression.safetensors",
        "blendshape weights of a face in a photo",
        "debc20773b81ea8c2eed7e5e60e2d890a424d1b8f56f0bdf807cf45672ef668a",
        "MIT",
        "docs/cards/expression.md",
    ),
    "voice": Shipped(
        "voice.safetensors",
        "lips from a voice",
        "1c068ad3729188e831cf7f599d643d68951baf3f3aecaf7699700b5813bf0486",
        "MIT",
        "docs/cards/voice.md",
    ),
    "sight": Shipped(
        "sight.safetensors",
        "what of a face a photo shows",
        "e77b6e0097ba4305524de1493d00384126c3a593769cb8ad6e3df7c676b714b8",
        "MIT",
        "docs/cards/sight.md",
    ),
    "lip_edges": Shipped(
        "lip_edges.safetensors",
        "where the lips of an open mouth end",
        "f525d0ede3b853cff33590ed0ecd91c63a80f5e2ce7c620ebb03460949ed4d0f",
        "MIT",
        "docs/cards/lip_edges.md",
    ),
    "glasses": Shipped(
        "glasses.safetensors",
        "where a face wears glasses",
        "53507fb9cfa3532fec726cb47715f4a5e7ba749b2aedc1d4ea97335d4014284a",
        "MIT",
        "docs/cards/glasses.md",
    ),
    "face_correction": Shipped(
        "face_correction.safetensors",
        "colours of an expression in the small models",
        "3bc55325fb6964f6efb051ed6d92c620b6fdd533fd96bf4939fb2d42b20da308",
        "MIT",
        "docs/cards/face_correction.md",
    ),
    "face_mesh": Shipped(
        "face_mesh.safetensors",
        "landmarks of a face",
        "ac2961905ae75a49ac0c34effb04caf3f7d6c0d7cf8a3ccfb3ab5ebe52d56922",
        "Apache-2.0",
        "docs/cards/eyes.md",
    ),
    "face_detection": Shipped(
        "face_detection.safetensors",
        "where in a picture faces are",
        "d3e5a7ead4c8c1c44836aa63e1b1c98782755be12ab6c015a3a0f82489c09bf7",
        "Apache-2.0",
        "docs/cards/eyes.md",
    ),
    "selfie_segmentation": Shipped(
        "selfie_segmentation.safetensors",
        "the matte of a person",
        "81d6270c432428dc195df6af623ded2f2cab9e454ce8ac292f8b2c2b54dff47a",
        "Apache-2.0",
        "docs/cards/eyes.md",
    ),
    "plane_correction": Shipped(
        "plane_correction.safetensors",
        "how far neck and hair follow the head in the lite models",
        "8aa93e6d8663b6d406befe25c0a8ee04113285b90645397f0b1d501deb0b951c",
        "MIT",
        "docs/cards/plane_correction.md",
    ),
    "span": Shipped(
        "span.safetensors",
        "photos at twice their size",
        "18bd3df19d8b132b6661d3ee942bb0b6e12ca828170007b9b292b7ebaf3fe0a9",
        "Apache-2.0",
        "docs/cards/span.md",
    ),
}
"""By name."""


def load_tensors(name: str) -> "dict[str, Tensor]":
    """Load the tensors of one shipped file as they are stored, which may be in half precision.

    Args:
        name: A key of `SHIPPED`.

    Raises:
        ValueError: If there is no such name.
        WeightsError: If the file is missing, or differs from the one in `SHIPPED`.
    """
    if name not in SHIPPED:
        raise ValueError(f"The package ships no {name!r}, only {', '.join(SHIPPED)}.")
    return read_tensors(SHIPPED[name], _content(SHIPPED[name]))


def read_tensors(entry: Shipped, content: bytes) -> "dict[str, Tensor]":
    """Turn the bytes of a file into tensors, if they are those that the table promises.

    Raises:
        WeightsError: If the bytes differ, or hold no tensors.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise WeightsError(
            f"{entry.file} is damaged: its SHA-256 begins with {found[:12]} instead of {entry.sha256[:12]}; "
            "install cameo3d again."
        )
    import safetensors.torch  # `cameo3d weights list` reads the table alone and need not wait for torch

    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise WeightsError(
            f"{entry.file} is not a safetensors file ({error}); install cameo3d again."
        ) from error


def shipped_path(name: str) -> Path:
    """Where the package keeps a file of `SHIPPED`."""
    return Path(str(resources.files("cameo3d").joinpath("assets", SHIPPED[name].file)))


def _content(entry: Shipped) -> bytes:
    try:
        return resources.files("cameo3d").joinpath("assets", entry.file).read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{entry.file} is missing from the installed package; install cameo3d again."
        ) from error
