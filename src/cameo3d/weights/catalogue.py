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
        "10b792f860963b4b47867c7c88e2401e23b22e4a8204e4598b71f9bc6a5b6aee",
        "MIT",
        "docs/cards/face_model.md",
    ),
    "expression": Entry(
        "expression.safetensors",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "MIT",
        "docs/cards/expression.md",
    ),
}
