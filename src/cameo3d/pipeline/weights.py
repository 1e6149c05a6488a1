"""Taking over published weights: official files in, checked and converted files in the user's folder out."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cameo3d.errors import OutputError, WeightsError
from cameo3d.geometry.real3d_face import Real3DFace
from cameo3d.media.files import shown
from cameo3d.models.real3d.config import OFFICIAL as REAL3D
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.voice.official import VoiceToExpression
from cameo3d.weights.conversion import real3d
from cameo3d.weights.conversion.basel import BASEL_MODEL, find_file, read_real3d_face
from cameo3d.weights.converted import Label, checksum_of, config_json, save_weights
from cameo3d.weights.released import RELEASED

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class _Part:
    """One file of a release, and how it becomes ours."""

    stored: str
    """Its entry in `RELEASED`."""
    find: Callable[[Path], Path | None]
    """The official file in a folder, or None."""
    convert: Callable[[Path], Tensors]
    """Read it, and check and rename its tensors."""
    config: object = None
    """Sizes of the network, if they vary."""
    needed: bool = True
    """Whether the release is worth nothing without it."""


def import_weights(model: str, folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Convert the official files of a model into the user's folder, replacing earlier ones.

    Args:
        model: A key of `RELEASES`.
        folder: Where the official files lie, as they were published.
        say: Told what is read, and what is not there but not needed.

    Returns:
        The files that were written.

    Raises:
        WeightsError: If a file is missing, damaged, hostile or of another layout. Nothing is written then.
        OutputError: If the user's folder cannot be written.
    """
    if not folder.is_dir():
        raise WeightsError(f"{shown(folder)} is no folder; give the one that holds the official files.")
    found = [(part, part.find(folder)) for part in RELEASES[model]]
    missing = [RELEASED[part.stored] for part, path in found if part.needed and path is None]
    if missing:
        lines = "; ".join(f"{entry.official} from {entry.source}" for entry in missing)
        raise WeightsError(f"{shown(folder)} does not hold {lines}.")
    converted = []
    for part, path in found:
        if path is None:
            say(f"{RELEASED[part.stored].official} is not there; what needs it will not work.")
            continue
        say(f"reading {path}")
        converted.append((part, path, _converted(part, path)))
    return [_store(part, path, tensors) for part, path, tensors in converted]


def _converted(part: _Part, path: Path) -> dict[str, Tensor]:
    tensors = part.convert(path)
    broken = [name for name, x in tensors.items() if x.is_floating_point() and not x.isfinite().all()]
    if broken:
        raise WeightsError(f"{shown(path)} holds numbers that are not finite, in {', '.join(broken[:8])}.")
    return dict(tensors)


def _store(part: _Part, path: Path, tensors: Tensors) -> Path:
    entry = RELEASED[part.stored]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    label = Label(
        model=entry.stored,
        config=config_json(part.config),
        source=entry.source,
        licence=entry.licence,
        revision=f"{path.parent.name}/{path.name}, SHA-256 {digest}",
        checksum=checksum_of(tensors),
    )
    try:
        entry.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {shown(entry.path.parent)} cannot be made ({error.strerror})."
        ) from error
    save_weights(tensors, label, entry.path)
    return entry.path


def _newest(name: str) -> Callable[[Path], Path | None]:
    """Finds the newest checkpoint of a published folder in, below, or instead of the given one."""

    def find(folder: Path) -> Path | None:
        places = [folder] if folder.name == name else sorted(folder.glob(f"**/{name}"))
        return real3d.newest_checkpoint(places[0]) if places else None

    return find


def filling(
    network: Callable[[], nn.Module],
    read: Callable[[Path], Tensors],
    convert: Callable[[Tensors, Tensors], dict[str, Tensor]],
) -> Callable[[Path], Tensors]:
    """Reads a checkpoint and converts it, strictly, to what fills a network.

    Args:
        network: Makes the network.
        read: From a file to official tensors.
        convert: From official tensors and the network's own state to tensors under our names.
    """

    def converted(path: Path) -> Tensors:
        with torch.device("meta"):
            expected = network().state_dict()
        tensors = convert(read(path), expected)
        return {name: x.to(expected[name].dtype) for name, x in tensors.items()}

    return converted


def _find_face(folder: Path) -> Path | None:
    """The Basel model; the other files lie where it does, or beside its folder."""
    return find_file(folder, BASEL_MODEL)


def _convert_face(path: Path) -> Tensors:
    folder = path.parents[2] if path.parts[-3:-1] == ("deep_3drecon", "BFM") else path.parent
    folder = folder.parent if folder.name == "BFM" else folder
    return Real3DFace.from_arrays(read_real3d_face(folder)).tensors()


RELEASES: dict[str, tuple[_Part, ...]] = {
    "real3d": (
        _Part(
            stored="real3d-official",
            find=_newest("secc2plane_torso_orig"),
            convert=filling(
                lambda: Real3DGenerator(REAL3D), real3d.read_checkpoint, real3d.convert_generator
            ),
            config=REAL3D,
        ),
        _Part(
            stored="real3d-voice",
            find=_newest("audio2secc_vae"),
            convert=filling(VoiceToExpression, real3d.read_checkpoint, real3d.convert_voice),
            needed=False,
        ),
        _Part(stored="real3d-face", find=_find_face, convert=_convert_face, needed=False),
    ),
}
"""The networks of each release that can be imported."""
