"""From photos and clips to expression pages.

One picture of a person is lifted and warped to the expressions of others of the same person. Each of those
is brought into the first one's pose and framing by the tracked face mesh, so that both agree to the pixel
in where things are and differ in how they look: teeth, lids, folds, light. Small squares around the face
are kept.
"""

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from safetensors.torch import save_file

from cameo3d.blocks.face_correction import SIZE, FacePncc
from cameo3d.data.portraits.expression_pages import ExpressionPages
from cameo3d.data.portraits.split import is_held_out
from cameo3d.errors import CameoError, InputError
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.fitting import FaceFit, FrameFitter
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.media.files import replacing, shown
from cameo3d.media.images import read_image
from cameo3d.media.video import read_frames
from cameo3d.models.relief.lid_edges import find_lid_edges
from cameo3d.models.relief.lifting import lift_portrait
from cameo3d.models.relief.prior import FaceSquare, ReliefPrior
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.landmarks import find_faces
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import Motion, Portrait

logger = logging.getLogger(__name__)

_DETAIL = 384
"""Pixels of pages across the crop; squares are smaller still."""
_TARGETS = 10
"""Frames of a clip."""
_CLIPS = 12
"""Clips of one speaker."""


@dataclass(frozen=True)
class PageSource:
    """Pictures of one person."""

    name: str
    identity: str
    files: tuple[Path, ...]
    """One clip, or several photos, the first of which is lifted."""


def page_sources(data: Path) -> list[PageSource]:
    """What a data folder offers: clips, and photos of one person with several expressions; class A only.

    Args:
        data: Folder with `talking` and `portraits`, each with an index.csv.

    Raises:
        InputError: If an index is missing.
    """
    counts: dict[str, int] = {}
    clips, photos = [], {}
    for row in _rows(data / "talking"):
        speaker = row["speaker"]
        counts[speaker] = counts.get(speaker, 0) + 1
        if counts[speaker] <= _CLIPS:
            path = data / "talking" / row["file"]
            name = row["file"].replace("/", "_").removesuffix(".mp4")
            clips.append(PageSource(name, speaker, (path,)))
    for row in _rows(data / "portraits"):
        photos.setdefault(row["identity"], []).append(data / "portraits" / row["file"])
    pairs = [
        PageSource(f"{files[k].stem}_first", identity, (files[k], files[1 - k]))
        for identity, files in photos.items()
        if len(files) == 2
        for k in (0, 1)
    ]
    # Both kinds from the beginning on, so that a part of it is a fair sample.
    mixed = [source for group in zip(clips, pairs[::2], strict=False) for source in group]
    return mixed + [source for source in clips + pairs if source not in mixed]


def make_pages(source: PageSource) -> ExpressionPages:
    """Lift the first picture and bring the others to it.

    Raises:
        FaceError: If one of them shows no usable face.
    """
    pictures = list(pictures_of(source, _TARGETS))
    portrait = make_portrait(pictures[0])
    model = load_face_model()
    relief = lift_portrait(portrait, model)
    prior, maps = ReliefPrior(relief, model, _DETAIL), FacePncc(model)
    squares = [prior.face_square(front) for front in (prior.moved(torch.zeros(52)), prior.painter.front)]
    # Clips keep their framing, so that one camera sees all; photos have one each.
    rows = []
    for picture in pictures:
        try:
            if len(source.files) == 1:
                landmarks, fit = measured(picture, portrait)
                expression, gaze = fit.expression.float(), fit.gaze.float()
            else:
                seen = make_portrait(picture)
                landmarks = seen.landmarks.numpy()
                expression, gaze = seen.person.expression, seen.person.gaze
        except CameoError as error:
            logger.info("%s: %s", source.name, error)
            continue
        motion = Motion(
            expression[None],
            relief.person.rotation[None],
            relief.person.translation[None],
            gaze[None],
            25.0,
            source.name,
        )
        square = prior.face_square(prior.moved(expression))
        warped = square.cut(prior.page(motion), SIZE)[..., :3]
        truth = _brought(picture, find_lid_edges(picture, landmarks), square, maps)
        rows.append(
            (
                warped,
                _bytes(maps.draw(square.vertices(SIZE))),
                _bytes(maps.cover(square.vertices(SIZE))),
                truth,
            )
        )
    if not rows:
        raise InputError(f"No picture of {source.name} can be used; leave it out.")
    parts = [torch.from_numpy(np.stack([row[k] for row in rows])) for k in range(4)]
    photo = squares[1].cut(prior.photo_page, SIZE)[..., :3]
    first = [
        torch.from_numpy(np.ascontiguousarray(x))
        for x in (photo, *(_bytes(maps.draw(s.vertices(SIZE))) for s in squares))
    ]
    return ExpressionPages(*first, *parts)


def synthesise_pages(data: Path, out: Path) -> Iterator[tuple[PageSource, str]]:
    """Make the pages of every source that is not there yet, and say how each went.

    Raises:
        InputError: If the data folder has no index.
    """
    out.mkdir(parents=True, exist_ok=True)
    for source in page_sources(data):
        path = out / f"{source.name}.safetensors"
        if path.exists():
            continue
        try:
            pages = make_pages(source)
        except CameoError as error:
            yield source, str(error)
            continue
        metadata = {"identity": source.identity, "held_out": str(is_held_out(source.identity))}
        with replacing(path) as temporary:
            save_file(vars(pages), temporary, metadata)
        yield source, f"{len(pages.truth)} expressions"


def _rows(folder: Path) -> list[dict[str, str]]:
    try:
        with (folder / "index.csv").open(encoding="utf8", newline="") as file:
            return [row for row in csv.DictReader(file) if row["licence_class"] == "A"]
    except OSError as error:
        raise InputError(f"The folder {shown(folder)} has no index.csv; give another one.") from error


def pictures_of(source: PageSource, targets: int) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """A source's photos, or a frame of its clip and as many others as are asked for."""
    first, *others = source.files
    if others:
        yield from (read_image(path, 1920) for path in source.files)
        return
    frames: list[np.ndarray] = list(islice(read_frames(first, 25.0), 250))
    # Half a second in, people have begun to speak or not; the rest is spread evenly.
    start = min(len(frames) - 1, sum(source.name.encode()) % max(1, len(frames)))
    yield frames[start]
    yield from (frames[k] for k in np.linspace(0, len(frames) - 1, targets).round().astype(int) if k != start)


def measured(
    picture: UInt8[np.ndarray, "height width 3"], portrait: Portrait
) -> tuple[Float32[np.ndarray, "478 3"], FaceFit]:
    """Landmarks of a picture of the same person in the same framing, and the face that fits them.

    Raises:
        InputError: If it shows no face.
    """
    faces = find_faces(picture)
    if not faces:
        raise InputError("A frame shows no face; leave it out.")
    fitter = FrameFitter(load_face_model(), portrait.person.identity, portrait.person.crop)
    return faces[0], fitter(faces[0], expression_scores(faces[0][None])[0])


def _brought(
    picture: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "478 3"],
    square: FaceSquare,
    maps: FacePncc,
) -> UInt8[np.ndarray, "size size 3"]:
    """A picture warped so that its face mesh lies where the page has it."""
    points = square.vertices(SIZE)
    scale = float(np.ptp(landmarks[:468, :2], axis=0).max() / np.ptp(points, axis=0).max())
    soft = cv2.GaussianBlur(picture, (0, 0), 0.4 * scale) if scale > 1.1 else picture
    seen = rasterize(
        points, maps.depths, maps.closed, np.ascontiguousarray(landmarks[:468, :2], np.float32), SIZE, SIZE
    )
    where = np.where(np.isfinite(seen.depths)[..., None], seen.attributes - 0.5, -9).astype(np.float32)
    return cv2.remap(soft, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _bytes(picture: Float32[np.ndarray, "size size *channels"]) -> UInt8[np.ndarray, "size size *channels"]:
    return np.rint(picture * 255).astype(np.uint8)
