"""Draw the pictures of README and documentation, from public-domain and generated portraits only.

    python tools/docs_pictures.py docs/pictures                           # the astronaut
    python tools/docs_pictures.py docs/pictures --people FOLDER           # and the gallery
    python tools/docs_pictures.py docs/pictures --people FOLDER --hard hand.jpg profile.jpg

FOLDER holds portraits that a network generated, of nobody, under a licence that allows it. None of them is
copied: what is written are frames that cameo3d drew, tagged as generated.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import cameo3d
from cameo3d.imaging.framing import cut
from cameo3d.media.images import read_image
from cameo3d.media.tags import image_tags

ASTRONAUT = Path(str(files("skimage") / "data" / "astronaut.png"))
VOICE = Path(str(files("cameo3d") / "assets" / "demo_voice.flac"))
MOTION = Path(str(files("cameo3d") / "assets" / "demo_motion.csv"))
EVERY = 2
"""One frame of so many is kept: 12.5 a second."""
SECONDS, GALLERY_SECONDS = 4.8, 2.8
Frame = np.ndarray


def frames_of(animation: cameo3d.Animation, side: int, seconds: float = SECONDS) -> list[Frame]:
    whole = animation.motion
    kept = slice(0, round(seconds * 25), EVERY)
    motion = cameo3d.Motion(
        whole.expression[kept],
        whole.rotation[kept],
        whole.translation[kept],
        whole.gaze[kept],
        whole.frame_rate / EVERY,
        whole.source,
    )
    return [_small(frame, side) for frame in replace(animation, motion=motion)]


def named(frame: Frame, text: str) -> Frame:
    """The frame with a line of text below it."""
    line = np.full((26, frame.shape[1], 3), 255, np.uint8)
    cv2.putText(line, text, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate((frame, line))


def grid(cells: Sequence[Frame], columns: int) -> Frame:
    rows = [np.concatenate(cells[start : start + columns], 1) for start in range(0, len(cells), columns)]
    return np.concatenate(rows)


def write(path: Path, frames: Sequence[Frame], quality: int = 72) -> None:
    """One frame as a picture, several as an animation that begins again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = (Image.fromarray(frame) for frame in frames)
    moving = {"save_all": True, "append_images": rest, "duration": 40 * EVERY, "loop": 0} if rest else {}
    first.save(path, quality=quality, method=4, **moving, **image_tags(".webp"))
    print(f"{path.stat().st_size / 1e3:8.0f} kB  {path}")


def draw_first_screen(out: Path, model: cameo3d.Model, avatar: cameo3d.Avatar) -> None:
    photo = cut(avatar.person.photo.numpy(), avatar.person.crop, 300, border="edge")
    spoken = frames_of(model.animate(avatar, voice=VOICE), 300)
    moved = frames_of(model.animate(avatar, motion=MOTION), 300)
    pictures = zip(spoken, moved, strict=True)
    texts = ("one photo", "a voice moves it", "a motion file moves it")
    write(
        out / "astronaut.webp",
        [grid([named(*each) for each in zip((photo, *pair), texts, strict=True)], 3) for pair in pictures],
    )


def first_frame(
    model: cameo3d.Model, avatar: cameo3d.Avatar, at: int = 0, adjust: cameo3d.Adjustments | None = None
) -> Frame:
    motion = cameo3d.Motion.load(MOTION).part(at, at + 1)
    return next(iter(model.animate(avatar, motion=motion, adjust=adjust or cameo3d.Adjustments())))


def draw_controls(out: Path, model: cameo3d.Model, avatar: cameo3d.Avatar) -> None:
    """What single options do to the first frame of the demo's motion."""
    still = cameo3d.Adjustments()
    changes = (
        ("no option", still),
        ("--set jawOpen=0.5", cameo3d.Adjustments(set={"jawOpen": 0.5})),
        ("--set lips=-1", cameo3d.Adjustments(set={"lips": -1.0})),
        ("--gaze 20,0", cameo3d.Adjustments(gaze=(20.0, 0.0))),
        ("--head 20,0,0", cameo3d.Adjustments(head=(20.0, 0.0, 0.0))),
        ("--head 0,12,0", cameo3d.Adjustments(head=(0.0, 12.0, 0.0))),
    )
    cells = [named(_small(first_frame(model, avatar, 0, change), 240), text) for text, change in changes]
    write(out / "controls.webp", [grid(cells, 3)], 84)
    turned = islice(model.orbit(avatar), 0, 100, 6)
    write(out / "orbit.webp", [_small(frame, 320) for frame in turned])


def draw_gallery(out: Path, model: cameo3d.Model, people: Sequence[Path]) -> None:
    drivers = {"voice": {"voice": VOICE}, "motion": {"motion": MOTION}, "turn": None}
    moving: dict[str, list[list[Frame]]] = {name: [] for name in drivers}
    for path in people:
        avatar = model.encode(path)
        for name, driver in drivers.items():
            drawn = (
                model.orbit(avatar, seconds=GALLERY_SECONDS)
                if driver is None
                else model.animate(avatar, **driver)
            )
            moving[name].append(frames_of(drawn, 176, GALLERY_SECONDS))
    for name, each in moving.items():
        pages = [grid(cells, 5) for cells in zip(*each, strict=True)]
        write(out / f"gallery_{name}.webp", pages, 60)


def draw_hard(out: Path, model: cameo3d.Model, photos: Sequence[Path]) -> None:
    """Where it fails: one row for each photo, told to turn, to open its mouth and to close its eyes."""
    changes = (
        cameo3d.Adjustments(),
        cameo3d.Adjustments(head=(30.0, 0.0, 0.0)),
        cameo3d.Adjustments(set={"jawOpen": 0.7}),
        cameo3d.Adjustments(set={"eyeBlink": 1.0}),
    )
    cells = []
    for photo in photos:
        try:
            avatar = model.encode(photo)
        except cameo3d.FaceError as error:
            print(error)
            continue
        cells += [_small(first_frame(model, avatar, 0, change), 200) for change in changes]
    write(out / "hard.webp", [grid(cells, len(changes))], 84)


def _small(frame: Frame, side: int) -> Frame:
    return cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=Path, help="folder of generated portraits")
    parser.add_argument("--hard", type=Path, nargs="*", default=[], help="generated portraits that fail")
    given = parser.parse_args()
    model = cameo3d.load_model("relief")
    avatar = model.encode(ASTRONAUT)
    if given.people is None:
        write(given.out / "photo.webp", [_small(read_image(ASTRONAUT), 320)], 84)
        draw_first_screen(given.out, model, avatar)
        draw_controls(given.out, model, avatar)
    else:
        draw_gallery(given.out, model, sorted(given.people.iterdir()))
        if given.hard:
            draw_hard(given.out, model, given.hard)


if __name__ == "__main__":
    main()
