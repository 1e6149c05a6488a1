"""Compares our eyes with MediaPipe's on pictures and videos, from the same crop and from the same picture.

    python tools/eyes/compare.py PHOTO_OR_VIDEO_OR_FOLDER ... [--every 10] [--out report.json]

Landmarks are compared in pixels of a square of 512 around the face: from the square where MediaPipe began,
and as each finds the face by itself. Faces are detected in whole pictures. Mattes are in grey levels of 255.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from reference import Detectors, Mesh, Segmenter

from cameo3d.errors import CameoError
from cameo3d.media.images import read_image
from cameo3d.media.video import read_frames
from cameo3d.perception.face_detection import load_detector
from cameo3d.perception.face_search import shown
from cameo3d.perception.landmarks import FaceTracker
from cameo3d.perception.seen_face import mesh_in
from cameo3d.perception.selfie_segmentation import load_selfie_segmentation

PHOTOS, VIDEOS = {".jpg", ".jpeg", ".png", ".webp"}, {".mp4", ".webm", ".mov"}


class Comparison:
    """What was found so far."""

    def __init__(self) -> None:
        self.mesh, self.following, self.detectors, self.segment = (
            Mesh(False),
            Mesh(True),
            Detectors(),
            Segmenter(),
        )
        self.errors: dict[str, list[np.ndarray]] = defaultdict(list)
        self.differences: list[str] = []
        self.counts: dict[str, int] = defaultdict(int)

    def picture(self, name: str, rgb: np.ndarray) -> None:
        theirs, square = self.mesh(rgb)
        ours = FaceTracker(video=False)(rgb)
        self._count(name, "mesh", theirs is not None, bool(ours))
        if theirs is not None and square is not None:
            (same,) = mesh_in(rgb, [square])
            self._points("photo, same crop", same.landmarks, theirs, square.side)
            if ours:
                self._points("photo, own crop", ours[0].landmarks, theirs, square.side)
        for reach in ("near", "far"):
            hits = self.detectors(rgb, reach)
            with torch.inference_mode():
                detector = load_detector(reach)
                (found,) = detector.detect(shown(rgb, detector.side)[None], detector.least_score)
            self._count(name, f"{reach} detector", bool(hits), bool(found))
            self.counts[f"{reach}: other number of faces"] += len(hits) != len(found)
            if hits and found:
                side = max(rgb.shape[:2])
                corner = np.tile((np.array(rgb.shape[1::-1]) - side) / 2, 2)
                box = found[0].box.numpy() * side + corner
                size = (hits[0][1][2:] - hits[0][1][:2]).max()
                self.errors[f"{reach} box, % of its side"].append(np.abs(box - hits[0][1]) * 100 / size)
                self.errors[f"{reach} score"].append(np.array([abs(found[0].score - hits[0][0])]))
        small = cv2.resize(rgb, (256, 256), interpolation=cv2.INTER_AREA)
        with torch.inference_mode():
            matte = load_selfie_segmentation()(torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255)
        self.errors["matte, mean of 255"].append(
            np.abs(matte[0, 0].numpy() - self.segment(rgb)).mean(keepdims=True).ravel() * 255
        )

    def video(self, name: str, frames: Iterator[np.ndarray]) -> None:
        self.following.reset()
        tracker = FaceTracker(video=True)
        for index, rgb in enumerate(frames):
            theirs, square = self.following(rgb)
            ours = tracker(rgb)
            self._count(f"{name}, frame {index}", "tracker", theirs is not None, bool(ours))
            if theirs is not None and square is not None:
                (same,) = mesh_in(rgb, [square])
                self._points("video, same crop", same.landmarks, theirs, square.side)
                if ours:
                    self._points("video, own tracking", ours[0].landmarks, theirs, square.side)

    def report(self) -> dict[str, dict[str, float] | int | list[str]]:
        rows: dict[str, dict[str, float] | int | list[str]] = dict(self.counts)
        for name, errors in self.errors.items():
            values = np.concatenate(errors)
            rows[name] = {
                "median": float(np.median(values)),
                "p99": float(np.quantile(values, 0.99)),
                "max": float(values.max()),
                "count": len(errors),
            }
        return {**rows, "differences": self.differences}

    def _points(self, name: str, ours: np.ndarray, theirs: np.ndarray, side: float) -> None:
        apart = (ours - theirs) * (512 / side)
        self.errors[name].append(np.linalg.norm(apart[:, :2], axis=1))
        self.errors[f"{name}, z"].append(np.abs(apart[:, 2]))

    def _count(self, name: str, what: str, theirs: bool, ours: bool) -> None:
        self.counts[
            f"{what}: {'both' if theirs and ours else 'neither' if not theirs | ours else 'one'}"
        ] += 1
        if theirs != ours:
            self.differences.append(f"{what}, {name}: {'MediaPipe' if theirs else 'ours'} alone")


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="take one of so many files")
    parser.add_argument("--first", type=int, default=0, help="from this one on")
    parser.add_argument("--frames", type=int, default=100, help="so many of each video")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    comparison = Comparison()
    for path in list(_files(chosen.paths))[chosen.first :: chosen.every]:
        try:
            if path.suffix.lower() in PHOTOS:
                comparison.picture(path.name, read_image(path))
            elif path.suffix.lower() in VIDEOS:
                frames = read_frames(path, 25.0, 1280)
                comparison.video(
                    path.name, (frame for frame, _ in zip(frames, range(chosen.frames), strict=False))
                )
        except CameoError as error:
            print(f"{path.name}: {error}")
    report = json.dumps(comparison.report(), indent=1)
    print(report)
    if chosen.out:
        chosen.out.write_text(report, "utf8")


if __name__ == "__main__":
    main()
