"""Taking over published weights: official files in, checked and converted files in the user's folder out."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cameo3d.errors import OutputError, WeightsError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.media.files import replacing, shown
from cameo3d.models.goha.config import OFFICIAL as GOHA
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.parsing import FaceParser
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.released_sizes import released_sizes
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.modnet import load_modnet
from cameo3d.perception.selfie_classes import load_selfie_classes
from cameo3d.perception.speech import HubertSizes, hubert_network
from cameo3d.weights.conversion import goha, real3d
from cameo3d.weights.conversion.basel import find_face, read_mat, read_real3d_face
from cameo3d.weights.conversion.hubert import convert_hubert, find_hubert, read_hubert
from cameo3d.weights.conversion.options import read_options
from cameo3d.weights.imported import Label, checksum_of, config_json, save_weights
from cameo3d.weights.released import RELEASED
from cameo3d.weights.user_files import MODNET, SELFIE_CLASSES, own_networks

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class _Part:
    """One network of a release, and how its official file becomes ours."""

    stored: str
    """Its entry in `RELEASED`."""
    find: Callable[[Path], Path | None]
    """The official file in a folder, or None."""
    read: Callable[[Path], Any]
    convert: Callable[[Any, Tensors], dict[str, Tensor]]
    """From official tensors and the network's own state to tensors that fill it, strictly."""
    network: Callable[[Any], nn.Module] | None
    """What the tensors fill, of its sizes; None if they are no network's and `convert` checks all."""
    sizes: Callable[[Path, Any], object] = lambda path, official: None
    """Sizes of the network, if they vary, from the official file's place and its content."""
    needed: bool = True
    """Whether the release is worth nothing without it."""


def import_weights(model: str, folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Convert the official files of a model into the user's folder, replacing earlier ones.

    Args:
        model: A key of `RELEASES`.
        folder: Where the official files lie, as they were published, or one of these files.
        say: Told what is read, and what is not there but not needed.

    Returns:
        The files that were written.

    Raises:
        WeightsError: If a file is missing, damaged, hostile or of another layout. Nothing is written then.
        OutputError: If the user's folder cannot be written.
    """
    if not folder.exists():
        raise WeightsError(f"{shown(folder)} is not there; give the folder that holds the official files.")
    found = [(part, part.find(folder)) for part in RELEASES[model]]
    missing = [RELEASED[part.stored] for part, path in found if part.needed and path is None]
    # Single files may follow later, such as a voice of another training.
    some = any(path for _, path in found) or any(_last(name)(folder) for name, _ in OWN_FILES[model])
    missing = [entry for entry in missing if not (some and entry.path.is_file())]
    if missing:
        lines = "; ".join(f"{entry.official} from {entry.source}" for entry in missing)
        raise WeightsError(f"{shown(folder)} does not hold {lines}.")
    converted = []
    for part, path in found:
        if path is None:
            if not RELEASED[part.stored].path.is_file():
                say(f"{RELEASED[part.stored].official} is not there; what needs it will not work.")
            continue
        say(f"reading {path}")
        converted.append((part, path, *_converted(part, path)))
    kept = [(name, path) for name, check in OWN_FILES[model] if (path := _checked(name, check, folder))]
    return [*(_store(*each) for each in converted), *(_kept(name, path) for name, path in kept)]


def _checked(name: str, check: Callable[[Path], object], folder: Path) -> Path | None:
    """A helper's file in the folder, which is used as it is, once it is known to work."""
    path = _last(name)(folder)
    if path is not None:
        check(path)
    return path


def _kept(name: str, path: Path) -> Path:
    """Copy a helper's file to the user's own networks."""
    own = own_networks().folder / name
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(own.parent)} cannot be made ({error.strerror}).") from error
    with replacing(own) as temporary:
        shutil.copyfile(path, temporary)
    return own


def _converted(part: _Part, path: Path) -> tuple[object, dict[str, Tensor]]:
    """The network's sizes, and the tensors that fill it."""
    official = part.read(path)
    sizes = part.sizes(path, official)
    expected: dict[str, Tensor] = {}
    if part.network is not None:
        with torch.device("meta"):
            expected = part.network(sizes).state_dict()
    tensors = part.convert(official, expected)
    broken = [name for name, x in tensors.items() if x.is_floating_point() and not x.isfinite().all()]
    if broken:
        raise WeightsError(f"{shown(path)} holds numbers that are not finite, in {', '.join(broken[:8])}.")
    return sizes, {name: x.to(expected[name].dtype) if name in expected else x for name, x in tensors.items()}


def _store(part: _Part, path: Path, sizes: object, tensors: dict[str, Tensor]) -> Path:
    entry = RELEASED[part.stored]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    label = Label(
        model=entry.stored,
        config=config_json(sizes),
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


def _trained(kinds: tuple[str, ...], published: str) -> Callable[[Path], Path | None]:
    """Finds the newest checkpoint of a training in, below, or instead of the given folder.

    Args:
        kinds: Of the trainings, see `real3d.training_kind`; earlier ones are preferred.
        published: The released folder's name, which is preferred to others.
    """

    def find(folder: Path) -> Path | None:
        if folder.is_file():
            return folder if real3d.training_kind(folder.parent) in kinds else None
        places = {path.parent for path in folder.glob("**/model_ckpt_steps_*.ckpt")}
        if named := sorted(place for place in places if place.name == published):
            return real3d.newest_checkpoint(named[0])
        for kind in kinds:
            of_kind = sorted(place for place in places if real3d.training_kind(place) == kind)
            if len(of_kind) > 1:
                names = ", ".join(place.name for place in of_kind)
                raise WeightsError(f"{shown(folder)} holds several trainings ({names}); give one of them.")
            if of_kind:
                return real3d.newest_checkpoint(of_kind[0])
        return None

    return find


def _last(pattern: str) -> Callable[[Path], Path | None]:
    """Finds a file in a folder, below, or instead of it; of several that with the greatest number."""

    def find(folder: Path) -> Path | None:
        def number(path: Path) -> int:
            return int("0" + "".join(filter(str.isdigit, path.stem)))

        if folder.is_file():
            return folder if folder.match(pattern) else None
        return max(sorted(folder.glob(f"**/{pattern}")), key=number, default=None)

    return find


OWN_FILES: dict[str, tuple[tuple[str, Callable[[Path], object]], ...]] = {
    "real3d": ((SELFIE_CLASSES, load_selfie_classes),),
    "goha": ((MODNET, load_modnet),),
}
"""Files of helpers, which stay as they are, and what tells whether one works."""

RELEASES: dict[str, tuple[_Part, ...]] = {
    "real3d": (
        _Part(
            stored="real3d-official",
            find=_trained(("torso", "head"), "secc2plane_torso_orig"),
            read=real3d.read_checkpoint,
            convert=real3d.convert_generator,
            sizes=lambda path, official: released_sizes(official, read_options(path.parent)),
            network=Real3DGenerator,
        ),
        _Part(
            stored="real3d-face",
            find=find_face,
            read=read_real3d_face,
            convert=lambda official, _: Real3DFace.from_arrays(official).tensors(),
            network=None,
            needed=False,
        ),
        _Part(
            stored="real3d-hubert",
            find=find_hubert,
            read=read_hubert,
            convert=convert_hubert,
            sizes=lambda path, official: HubertSizes(),
            network=hubert_network,
            needed=False,
        ),
        _Part(
            stored="real3d-voice",
            find=_trained(("voice",), "audio2secc_vae"),
            read=real3d.read_checkpoint,
            convert=real3d.convert_voice,
            network=lambda sizes: VoiceToExpression(),
            needed=False,
        ),
    ),
    "goha": (
        _Part(
            stored="goha-official",
            find=_last("checkpoint*.ckpt"),
            read=goha.read_checkpoint,
            convert=goha.convert_generator,
            sizes=lambda path, official: replace(
                GOHA, enlarges=goha.has_super_resolution(official), appearance=goha.has_appearance(official)
            ),
            network=GohaGenerator,
        ),
        _Part(
            stored="goha-regressor",
            find=_last("epoch_20.pth"),
            read=goha.read_regressor,
            convert=goha.convert_regressor,
            network=lambda sizes: FaceRegressor(),
        ),
        _Part(
            stored="goha-face",
            find=_last("BFM_model_front.mat"),
            read=read_mat,
            convert=lambda official, _: vars(BaselFace.from_arrays(official)),
            network=None,
        ),
        # The checkpoint has a copy of it; the file of its own is for training.
        _Part(
            stored="goha-parser",
            find=_last("79999_iter.pth"),
            read=goha.read_parser,
            convert=goha.convert_parser,
            network=lambda sizes: FaceParser(),
            needed=False,
        ),
    ),
}
"""The networks of each release that can be imported."""
