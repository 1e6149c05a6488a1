"""Track faces for learning: our landmarks, and the teacher's scores, of pictures and clips.

Writes one .npz for every hundred pictures and every clip; what is there already is kept, so the program can
stop and start again. Only rows of licence class A are read, unless --classes says otherwise (for tests of
what was learned, never for learning).
"""

# pyright: reportMissingImports=false

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from cameo3d.perception.landmarks import FaceTracker, find_faces
from cameo3d.values import BLENDSHAPES

PICTURES_IN_A_FILE = 100
EVERY_NTH = {"grid_s1": 2}
"""One speaker fills most of the data; of him every second frame is enough."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="folder that holds data/ and models/")
    parser.add_argument("out", type=Path, help="folder for the tracks, outside the repository")
    parser.add_argument("--classes", default="A", help="licence classes to read, for example BC")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    data = options.shared / "data"
    teacher = Teacher(options.shared / "models" / "face_landmarker.task")

    pictures = rows(data / "portraits" / "index.csv", options.classes)
    for start in range(0, len(pictures), PICTURES_IN_A_FILE):
        part = pictures[start : start + PICTURES_IN_A_FILE]
        out = options.out / f"portraits_{start:05d}.npz"
        if not out.exists():
            save(
                out, [record for row in part for record in picture_records(data / "portraits", row, teacher)]
            )
    clips = rows(data / "talking" / "index.csv", options.classes)
    for row in sorted(clips, key=lambda row: row["speaker"] == "grid_s1"):
        out = options.out / f"clip_{Path(row['file']).with_suffix('').as_posix().replace('/', '_')}.npz"
        if not out.exists():
            save(out, list(clip_records(data / "talking", row, teacher)))


def rows(index: Path, classes: str) -> list[dict[str, str]]:
    with index.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["licence_class"] in classes]


class Teacher:
    """Google's Face Landmarker: 52 scores, in ARKit's order, and a metric head pose."""

    def __init__(self, path: Path) -> None:
        self.landmarker = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(path)),
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
        )

    def __call__(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        seen = self.landmarker.detect(mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(rgb)))
        if not seen.face_landmarks:
            return None
        height, width = rgb.shape[:2]
        points = np.array([(p.x * width, p.y * height, p.z * width) for p in seen.face_landmarks[0]])
        scores = {shape.category_name: shape.score for shape in seen.face_blendshapes[0]}
        # The teacher has no tongue.
        ordered = np.array([scores.get(name, 0.0) for name in BLENDSHAPES])
        return ordered, seen.facial_transformation_matrixes[0], points


def picture_records(folder: Path, row: dict[str, str], teacher: Teacher) -> Iterator[dict]:
    bgr = cv2.imread(str(folder / row["file"]))
    assert bgr is not None, f"{row['file']} cannot be read"
    for mirrored in (False, True):
        rgb = np.ascontiguousarray((bgr[:, ::-1] if mirrored else bgr)[..., ::-1])
        faces, labels = find_faces(rgb), teacher(rgb)
        if faces and labels:
            yield record(faces[0], labels, rgb, row["identity"], row["file"], mirrored)


def clip_records(folder: Path, row: dict[str, str], teacher: Teacher) -> Iterator[dict]:
    step = EVERY_NTH.get(row["speaker"], 1)
    with av.open(str(folder / row["file"])) as container:
        tracker = FaceTracker(video=True)
        for index, frame in enumerate(container.decode(video=0)):
            if index % step:
                continue
            rgb = frame.to_ndarray(format="rgb24")
            faces, labels = tracker(rgb), teacher(rgb)
            if faces and labels:
                yield record(faces[0].landmarks, labels, rgb, row["speaker"], row["file"], mirrored=False)


def record(
    face: np.ndarray, labels: tuple, rgb: np.ndarray, identity: str, file: str, mirrored: bool
) -> dict:
    scores, matrix, points = labels
    return {
        "landmarks": face,
        "scores": scores.astype(np.float32),
        "matrix": matrix.astype(np.float32),
        "teacher_landmarks": points.astype(np.float32),
        "size": np.array(rgb.shape[1::-1], np.float32),
        "identity": identity,
        "source": file,
        "mirrored": mirrored,
    }


def save(out: Path, records: list[dict]) -> None:
    columns = {name: np.array([one[name] for one in records]) for name in (records[0] if records else ())}
    partial = out.with_suffix(".part.npz")
    np.savez(partial, allow_pickle=False, **columns)
    partial.rename(out)
    print(out.name, len(records), flush=True)


if __name__ == "__main__":
    main()
