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
    "face_model": Entry(
        "face_model.safetensors",
        "859cc61e3bf29b154ee7f59d299b595b1f50984b84e84ca3ac029f0ca0c46fe9",
        "MIT",
        "docs/cards/face_model.md",
    ),
    "expression": Entry(
        "expression.safetensors",
        "a843d1dc860e565975168851072dcb32288f059c1d646c9545dd335d9a5b491f",
        "MIT",
        "docs/cards/expression.md",
    ),
}
