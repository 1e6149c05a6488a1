"""Measure the invisible mark: what it survives, how often it is seen where it is not, what it costs.

    python tools/provenance_table.py survival --out survival.json --work FRAMES --voice SPEECH.flac PHOTO ...
    python tools/provenance_table.py alarms --out alarms.json FOLDER_OF_CLIPS_OR_PHOTOS ...
    python tools/provenance_table.py show survival.json alarms.json

The tables of docs/provenance.md are what `show` prints. Frames are rendered once and kept in FRAMES.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image

from cameo3d.media.images import IMAGE_SUFFIXES, read_image
from cameo3d.media.video import read_frames
from cameo3d.provenance.detection import FALSE_ALARM, average_texture, read_mark
from cameo3d.provenance.embedding import Mark
from cameo3d.provenance.pattern import PRESENCE_CHIPS, mark_pattern

SECONDS, RATE = 3, 25
IDENTITY = 0xC0FFEE42
Frames = list[np.ndarray]


def encode(
    frames: Frames, crf: int, codec: str = "libx264", rate: int = RATE, preset: str = "faster"
) -> bytes:
    buffer, (height, width) = BytesIO(), frames[0].shape[:2]
    with av.open(buffer, "w", format="matroska") as container:
        options = {"crf": str(crf)}
        options |= (
            {"preset": preset} if codec == "libx264" else {"b": "0", "cpu-used": "5", "deadline": "good"}
        )
        stream = container.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        for frame in frames:
            frame = np.ascontiguousarray(frame[: stream.height, : stream.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def coded(frames: Frames, crf: int, **options) -> Frames:
    with av.open(BytesIO(encode(frames, crf, **options)), "r") as container:
        assert isinstance(container, InputContainer)
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def scaled(frames: Frames, share: float) -> Frames:
    size = tuple(2 * round(side * share / 2) for side in reversed(frames[0].shape[:2]))
    return [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]


def cropped(frames: Frames, left: float, top: float, width: float, height: float) -> Frames:
    rows, columns = frames[0].shape[:2]
    box = np.s_[
        round(top * rows) : round((top + height) * rows),
        round(left * columns) : round((left + width) * columns),
    ]
    return [np.ascontiguousarray(frame[box]) for frame in frames]


def toned(frames: Frames, tone: Callable[[np.ndarray], np.ndarray]) -> Frames:
    table = np.clip(np.rint(255 * tone(np.linspace(0, 1, 256))), 0, 255).astype(np.uint8)
    return [table[frame] for frame in frames]


def at_30(frames: Frames) -> Frames:
    return [frames[int(index * RATE / 30)] for index in range(len(frames) * 30 // RATE)]


def turned(frames: Frames, degrees: float) -> Frames:
    height, width = frames[0].shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return [cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT) for frame in frames]


def jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


# What happens to a file as it is written (H.264, CRF 17).
CHAINS: dict[str, Callable[[Frames], Frames]] = {
    "as written": lambda f: f,
    "CRF 23": lambda f: coded(f, 23),
    "CRF 28": lambda f: coded(f, 28),
    "CRF 23, then CRF 28": lambda f: coded(coded(f, 23), 28),
    "half size, CRF 23": lambda f: coded(scaled(f, 0.5), 23),
    "25 to 30 frames/s, CRF 23": lambda f: coded(at_30(f), 23, rate=30),
    "brighter by a fifth, CRF 23": lambda f: coded(toned(f, lambda x: 1.2 * x), 23),
    "gamma 0.8, CRF 23": lambda f: coded(toned(f, lambda x: x**0.8), 23),
    "mirrored, CRF 23": lambda f: coded([np.ascontiguousarray(frame[:, ::-1]) for frame in f], 23),
    "cut to 80 x 80 %, CRF 23 (search)": lambda f: coded(cropped(f, 0.12, 0.05, 0.8, 0.8), 23),
    "one frame, PNG": lambda f: f[40:41],
    "one frame, JPEG 75": lambda f: [jpeg(f[40], 75)],
    "not claimed: half size, CRF 28": lambda f: coded(scaled(f, 0.5), 28),
    "not claimed: turned by 1 degree": lambda f: coded(turned(f, 1), 23),
}


def rendered(photo: Path, voice: Path, kept: Path) -> np.ndarray:
    """The first frames of the photo saying the voice, without a mark."""
    if not kept.exists():
        from cameo3d.pipeline.animate import animate

        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.stack(list(islice(animate(photo, voice=voice), SECONDS * RATE))))
    return np.load(kept, mmap_mode="r")


def survival(photos: list[Path], voice: Path, work: Path, out: Path) -> None:
    rows = json.loads(out.read_text()) if out.exists() else []
    for index, photo in enumerate(photos[len(rows) :], len(rows)):
        frames = rendered(photo, voice, work / f"{index:02d}.npy")[: SECONDS * RATE]
        mark = Mark(IDENTITY)
        start = time.process_time()
        marked = [mark.apply(frame) for frame in frames]
        row: dict = {"mark_ms": 1e3 * (time.process_time() - start) / len(frames)}
        errors = [np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(marked, frames, strict=True)]
        row["db"] = [float(10 * np.log10(255**2 / error)) for error in (np.mean(errors), np.max(errors))]
        row["bytes"] = [len(encode(list(each), 17, preset="veryfast")) for each in (frames, marked)]
        written = coded(marked, 17, preset="veryfast")
        row["clean"] = read_mark(average_texture(frames, RATE)).p_value
        for name, chain in CHAINS.items():
            reading = read_mark(average_texture(chain(written), RATE))
            row[name] = [reading.deviations, reading.p_value, reading.identity == IDENTITY]
        rows.append(row)
        out.write_text(json.dumps(rows))
        print(photo.name, row["db"], row["CRF 28"], flush=True)


def pictures(folder: Path) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            yield path.name, iter([read_image(path)])
        elif path.suffix.lower() in (".mp4", ".mov", ".webm"):
            yield path.name, islice(read_frames(path), 60 * RATE)


def alarms(folders: list[Path], out: Path, searched: int) -> None:
    """What a reader of the mark sees in files that carry none, and what it would see with other signs."""
    rng, rows = np.random.default_rng(0), []
    pattern = mark_pattern()
    ours = pattern.chips < PRESENCE_CHIPS
    for folder in folders:
        for index, (name, frames) in enumerate(pictures(folder)):
            views = average_texture(frames, RATE)
            reading = read_mark(views, search=index < searched)
            steps = pattern.weights[ours] * cv2.dct(np.mean(views, axis=0)).ravel()[pattern.places[ours]]
            draws = (
                rng.choice(np.array([-1, 1], np.float32), (2000, len(steps))) @ steps / np.linalg.norm(steps)
            )
            own = float(steps.sum() / np.linalg.norm(steps))
            plain = read_mark(views, search=False).p_value
            rows.append([folder.name, name, own, plain, reading.p_value, *tail(draws)])
            if index % 50 == 0:
                print(folder.name, index, flush=True)
    out.write_text(json.dumps(rows))


def tail(draws: np.ndarray) -> list[float]:
    return [float(np.std(draws)), float(np.max(draws)), float(np.mean(draws > 2)), float(np.mean(draws > 3))]


def show(survived: Path, alarmed: Path) -> None:
    rows = json.loads(survived.read_text())
    print(f"| {len(rows)} outputs | found | id read | deviations, worst and median | largest p |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in CHAINS:
        deviations, bounds, ids = zip(*(row[name] for row in rows), strict=True)
        found = sum(bound <= FALSE_ALARM for bound in bounds)
        print(
            f"| {name} | {found} | {sum(ids)} | {min(deviations):.1f}, {np.median(deviations):.1f} "
            f"| {max(bounds):.0e} |"
        )
    before, after = np.array([row["bytes"] for row in rows]).T
    print(
        f"\nPSNR {min(row['db'][0] for row in rows):.1f} dB in the worst output, "
        f"{min(row['db'][1] for row in rows):.1f} dB in the worst frame, "
        f"{np.median([row['db'][0] for row in rows]):.1f} dB in the median; "
        f"file {np.median(after / before) - 1:+.1%} (largest {np.max(after / before) - 1:+.1%}); "
        f"{np.median([row['mark_ms'] for row in rows]):.1f} CPU ms a frame; without mark smallest p "
        f"{min(row['clean'] for row in rows):.2g}"
    )
    alarm_rows = json.loads(alarmed.read_text())
    print(
        "\n| without mark | files | false alarms | mean, spread, largest | smallest p | with search "
        "| other signs: spread, > 2, > 3 |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for folder in sorted({row[0] for row in alarm_rows}):
        table = [row[2:] for row in alarm_rows if row[0] == folder]
        deviations, bounds, searched, spread, _, two, three = np.array(table).T
        print(
            f"| {folder} | {len(table)} | {np.sum(searched <= FALSE_ALARM)} | {deviations.mean():.2f}, "
            f"{deviations.std():.2f}, {deviations.max():.1f} | {bounds.min():.2g} | {searched.min():.2g} "
            f"| {spread.mean():.3f}, {two.mean():.3%}, {three.mean():.3%} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("survival", "alarms", "show"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--voice", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument(
        "--searched", type=int, default=60, help="files of each folder that are searched for crops"
    )
    words = parser.parse_args()
    if words.what == "survival":
        survival(words.paths, words.voice, words.work, words.out)
    elif words.what == "alarms":
        alarms(words.paths, words.out, words.searched)
    else:
        show(*words.paths)


if __name__ == "__main__":
    main()
