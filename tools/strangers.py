"""Let photos of strangers be moved by others, and let an independent program judge.

    python tools/strangers.py draw OUT --data DATA --drivers CLIP ... --voices CLIP ...
    python tools/strangers.py judge OUT --program FOLDER
    python tools/strangers.py table OUT
    python tools/strangers.py sheets OUT

DATA has `examples` and `portraits`, each with an index.csv. All examples are drawn, and fifty of the
portraits of people who are held out from training. Each model gets another driver for each photo, and every
sixth photo a voice. Several processes may draw or judge at once, and go on where others have been.

FOLDER has the judge: `judge.py` with `cross` and `voice`, and `judge_env.sh`, which prints a Python for it.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

MODELS = ("real3d", "goha")
MOVES = 0.03
"""How much a driver's lips or lids vary at least for a correlation to mean something."""


class Film(NamedTuple):
    """One video to draw."""

    photo: Path
    model: str
    kind: str
    driver: Path

    @property
    def name(self) -> str:
        return f"{self.photo.stem}_{self.model}_{self.driver.stem}"


def indexed(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The files of a folder with what its index says of each."""
    with (folder / "index.csv").open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file):
            yield folder / row["file"], row


def photos_of(data: Path, portraits: int) -> list[Path]:
    """All examples, and so many portraits of people who are held out."""
    from cameo3d.data.portraits.split import is_held_out

    examples, held_out = [], []
    with (data / "examples" / "index.csv").open(encoding="utf8", newline="") as file:
        names = [Path(row["file"]) for row in csv.DictReader(file)]
    examples = [
        data / "examples" / name for name in names if name.suffix in (".jpg", ".png") and name.stem != "bg"
    ]
    with (data / "portraits" / "index.csv").open(encoding="utf8", newline="") as file:
        held_out = [
            data / "portraits" / row["file"] for row in csv.DictReader(file) if is_held_out(row["identity"])
        ]
    return examples + held_out[2 :: max(1, len(held_out) // portraits)][:portraits]


def films_of(photos: list[Path], drivers: list[Path], voices: list[Path]) -> Iterator[Film]:
    """What to draw: everybody with one model, then with the other, so that a part of it shows everybody."""
    for turn in range(len(MODELS)):
        for number, photo in enumerate(photos):
            k = (number + turn) % len(MODELS)
            yield Film(photo, MODELS[k], "video", drivers[(number + k * len(drivers) // 2) % len(drivers)])
            if voices and number % 6 == 1 and k == number // 6 % 2:
                yield Film(photo, MODELS[k], "voice", voices[number // 6 % len(voices)])


def claimed(path: Path) -> bool:
    """Whether no other process has taken this one."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def draw(options: argparse.Namespace) -> None:
    """Draw what nobody has drawn."""
    import cameo3d

    options.out.mkdir(parents=True, exist_ok=True)
    photos = options.photos or photos_of(options.data, options.portraits)
    films = list(films_of(photos, options.drivers, options.voices))
    networks = {model: cameo3d.load_model(model, size="lite") for model in MODELS}
    voice = cameo3d.load_voice("lite")
    for (photo, model), group in groupby(films, lambda film: (film.photo, film.model)):
        avatar = None
        for film in group:
            if not claimed(options.out / f"{film.name}.claim"):
                continue
            row: dict[str, Any] = {
                "photo": str(photo),
                "model": model,
                "kind": film.kind,
                "driver": str(film.driver),
            }
            start, video = time.process_time(), options.out / f"{film.name}.mp4"
            try:
                avatar = avatar or networks[model].encode(photo)
                if film.kind == "voice":
                    moving = networks[model].animate(avatar, voice=film.driver, voice_model=voice)
                else:
                    moving = networks[model].animate(avatar, video=film.driver)
                moving.save(video, overwrite=True)
            except cameo3d.CameoError as error:
                row["refused"] = str(error)
            except Exception:
                row["crash"] = traceback.format_exc()
            row["processor_seconds"] = time.process_time() - start
            (options.out / f"{film.name}.json").write_text(json.dumps(row), encoding="utf8")
            print(
                film.name,
                row.get("crash") or row.get("refused") or f"{row['processor_seconds']:.1f} s",
                flush=True,
            )


def judge(options: argparse.Namespace) -> None:
    """Start the judge's own Python."""
    if not (options.program / "judge.py").is_file():
        sys.exit(f"{options.program} holds no judge.py; without that program nothing is judged.")
    python = subprocess.run(
        [options.program / "judge_env.sh"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python.strip(), __file__, "judging", options.out, "--program", options.program]
    sys.exit(subprocess.run(command, env=environment).returncode)


def judging(options: argparse.Namespace) -> None:
    """What the judge's Python does: no line of this project is imported."""
    sys.path.insert(0, str(options.program))
    import judge as program  # pyright: ignore[reportMissingImports]

    # Networks load, and drivers are tracked, once.
    identity, track, tracked = program.Identity(), program.track, {}
    program.Identity = lambda: identity

    def track_once(frames: list[np.ndarray]) -> list[Any]:
        key = (len(frames), *(int(frames[k].sum()) for k in (0, len(frames) // 2, -1)))
        if key not in tracked:
            tracked[key] = track(frames)
        return tracked[key]

    program.track = track_once
    for path in sorted(options.out.glob("*.json")):
        row, video = json.loads(path.read_text()), path.with_suffix(".mp4")
        if not video.is_file() or not claimed(path.with_suffix(".judged")):
            continue
        found = program.cross(str(video), row["photo"], row["driver"])
        faces = program.track(program.read_video(row["driver"])[0])
        found |= {f"driver_{name}": float(np.std(program.series(faces, name))) for name in ("lip", "eye")}
        if row["kind"] == "voice":
            found |= program.voice(str(video), row["driver"])
        path.with_suffix(".judged").write_text(json.dumps(found), encoding="utf8")
        print(path.stem, {name: round(value, 3) for name, value in found.items()}, flush=True)


def rows_of(out: Path) -> list[dict[str, Any]]:
    """What was drawn, with what the judge says of it."""
    rows = []
    for path in sorted(out.glob("*.json")):
        row = json.loads(path.read_text()) | {"name": path.stem}
        verdict = path.with_suffix(".judged")
        rows.append(row | (json.loads(verdict.read_text() or "{}") if verdict.is_file() else {}))
    return rows


def table(options: argparse.Namespace) -> None:
    """Show means, and name what misses a bar."""
    rows = rows_of(options.out)
    for row in rows:
        if "refused" in row or "crash" in row:
            print(f"{row['name']}: {row.get('refused') or row['crash']}")
    for model in MODELS:
        films = [row for row in rows if row["model"] == model and row["kind"] == "video" and "found" in row]
        seen = [row for row in films if row["found"] >= 0.95]
        print(f"\n{model}: {len(films)} videos, face seen in {len(seen)}")
        known = [row for row in films if np.isfinite(row["identity_distance"])]
        lips, eyes = ([row for row in seen if row[f"driver_{part}"] > MOVES] for part in ("lip", "eye"))
        bars = (
            ("identity_distance", known, 0.40, 1),
            ("pose_error_deg", seen, 3.0, 1),
            ("lip_corr", lips, 0.80, -1),
            ("eye_corr", eyes, 0.60, -1),
            ("found", films, 0.95, -1),
        )
        for name, group, bar, sign in bars:
            values = np.array([row[name] for row in group])
            missed = sorted(
                (row for row in group if sign * row[name] > sign * bar), key=lambda row: sign * row[name]
            )
            print(
                f"  {name}: n {len(values)}, mean {values.mean():.3f}, median {np.median(values):.3f}",
                end=", ",
            )
            print(f"worst {(sign * values).max() * sign:.3f}, bar {bar} missed by {len(missed)}")
            for row in missed:
                print(f"    {row[name]:.3f} {row['name']}")
    for row in rows:
        if row["kind"] == "voice" and "lip_corr_best" in row:
            delay = f"at the best delay, {row['best_lag_frames']} frames, {row['lip_corr_best']:.2f}"
            print(f"\nvoice {row['name']}: in step {row['lip_corr_lag0']:.2f}, {delay}", end="")
    print()


def sheets(options: argparse.Namespace) -> None:
    """Write pictures with a row for each video: the photo, then frames."""
    from cameo3d.media.images import read_image
    from cameo3d.media.video import read_frames

    def small(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        scale = options.pixels / height
        shown = cv2.resize(
            picture, (max(1, round(width * scale)), options.pixels), interpolation=cv2.INTER_AREA
        )
        square = np.zeros((options.pixels, options.pixels, 3), np.uint8)
        square[:, : shown.shape[1]] = shown[:, : options.pixels]
        return square

    rows = []
    for drawn in rows_of(options.out):
        path, photo = options.out / f"{drawn['name']}.mp4", drawn["photo"]
        if not path.is_file():
            continue
        frames = list(read_frames(path, 25.0))
        chosen = [frames[k] for k in np.linspace(0, len(frames) - 1, options.columns).astype(int)]
        row = np.hstack([small(each) for each in (read_image(Path(photo), 1024), *chosen)])
        rows.append(cv2.putText(row, path.stem, (2, options.pixels - 4), 0, 0.35, (255, 255, 0), 1))
    for start in range(0, len(rows), options.rows):
        sheet = np.vstack(rows[start : start + options.rows])
        cv2.imwrite(str(options.out / f"sheet_{start // options.rows:02}.png"), sheet[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    doing = parser.add_subparsers(required=True)
    for action in (draw, judge, judging, table, sheets):
        one = doing.add_parser(action.__name__)
        one.set_defaults(action=action)
        one.add_argument("out", type=Path)
        if action is draw:
            one.add_argument("--data", type=Path)
            one.add_argument("--photos", type=Path, nargs="*", default=[], help="instead of those of --data")
            one.add_argument("--portraits", type=int, default=50)
            one.add_argument("--drivers", type=Path, nargs="+", required=True)
            one.add_argument("--voices", type=Path, nargs="*", default=[])
        elif action in (judge, judging):
            one.add_argument("--program", type=Path, required=True)
        elif action is sheets:
            one.add_argument("--columns", type=int, default=7)
            one.add_argument("--rows", type=int, default=8)
            one.add_argument("--pixels", type=int, default=224)
    options = parser.parse_args()
    options.action(options)


if __name__ == "__main__":
    main()
