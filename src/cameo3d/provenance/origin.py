"""From what an output was made: the facts that credentials state, and the id that follows from them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cameo3d.media.files import check_input

Role = Literal["photo", "avatar", "video", "motion", "voice", "pose", "background"]


@dataclass(frozen=True)
class Ingredient:
    """A file that went into an output, by its content; neither name nor place is kept."""

    role: Role
    sha256: str


@dataclass(frozen=True)
class Origin:
    """From what an output was made."""

    model: str
    """The avatar model's name."""
    ingredients: tuple[Ingredient, ...]
    seed: int = 0
    own_pixels: bool = True
    """Whether the photo's own pixels are moved, instead of a network painting new ones."""

    @property
    def identity(self) -> int:
        """The id that the mark carries: 32 bits that the same seed, model and files always give."""
        facts = [self.model, self.seed, sorted((one.role, one.sha256) for one in self.ingredients)]
        return int.from_bytes(hashlib.sha256(json.dumps(facts).encode()).digest()[:4])

    @property
    def source_type(self) -> str:
        """IPTC's name for the kind of medium."""
        kind = "compositeWithTrainedAlgorithmicMedia" if self.own_pixels else "trainedAlgorithmicMedia"
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"


def origin_of(model: str, seed: int = 0, **files: Path | None) -> Origin:
    """The origin of an output of a model.

    Args:
        model: The avatar model's name; relief moves the photo's own pixels.
        seed: The seed of the take.
        files: What went into it, under the names of `Role`; None is left out.

    Raises:
        InputError: If a file cannot be read.
    """
    ingredients = tuple(
        Ingredient(role, _sha256(check_input(path, role)))  # pyright: ignore[reportArgumentType]
        for role, path in files.items()
        if path is not None
    )
    return Origin(model, ingredients, seed, model == "relief")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
