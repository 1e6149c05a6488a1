"""The tensors that the package ships: name, file, checksum, licence, and where they are described."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One file of tensors in `cameo3d.assets`."""

    file: str
    """File name."""
    sha256: str
    """SHA-256 of the file, in hexadecimal digits."""
    licence: str
    """SPDX name of the licence of the tensors."""
    card: str
    """Where the repository says how they were made and how good they are."""


CATALOGUE: dict[str, Entry] = {
    "life": Entry(
        "life.safetensors",
        "93a1fe935d547d63dcbbaa100fad3be49a281aeb0c9c433d114b9970b6b39329",
        "MIT",
        "docs/cards/life.md",
    ),
    "face_model": Entry(
        "face_model.safetensors",
        "9e145e4928733fe879f156f9a3655b0aaca248524eaab9a8380da4d242501c9b",
        "MIT",
        "docs/cards/face_model.md",
    ),
    "expression": Entry(
        "expression.safetensors",
        "debc20773b81ea8c2eed7e5e60e2d890a424d1b8f56f0bdf807cf45672ef668a",
        "MIT",
        "docs/cards/expression.md",
    ),
    "voice": Entry(
        "voice.safetensors",
        "1c068ad3729188e831cf7f599d643d68951baf3f3aecaf7699700b5813bf0486",
        "MIT",
        "docs/cards/voice.md",
    ),
    "sight": Entry(
        "sight.safetensors",
        "e77b6e0097ba4305524de1493d00384126c3a593769cb8ad6e3df7c676b714b8",
        "MIT",
        "docs/cards/sight.md",
    ),
    "face_correction": Entry(
        "face_correction.safetensors",
        "3bc55325fb6964f6efb051ed6d92c620b6fdd533fd96bf4939fb2d42b20da308",
        "MIT",
        "docs/cards/face_correction.md",
    ),
}
