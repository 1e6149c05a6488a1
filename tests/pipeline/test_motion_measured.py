"""Tracking measured on real clips and portraits, if the shared data is at hand; `-s` prints the figures."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from cameo3d.geometry.cameras import crop_intrinsics
from cameo3d.geometry.crops import crop_from_pixels, portrait_crop
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.geometry.fitting import fit_portrait
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.media.images import read_image
from cameo3d.media.video import read_frames
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.landmarks import FaceTracker, find_faces
from cameo3d.pipeline.motion import track_video

SHARED = Path(os.environ.get("CAMEO3D_SHARED", Path(__file__).parents[3] / "shared"))
TEACHER = SHARED / "models" / "face_landmarker.task"
LIPS = ((82, 13, 312), (87, 14, 317))
EYES = ((LEFT_LID_UPPER[2:-2], LEFT_LID_LOWER[2:-2]), (RIGHT_LID_UPPER[2:-2], RIGHT_LID_LOWER[2:-2]))

pytestmark = pytest.mark.skipif(not TEACHER.exists(), reason="needs the shared data")


def seen_mesh(identity, expression, rotation, translation):
    vertices = load_face_model().vertices(identity.expand(*expression.shape[:-1], -1), expression)
    posed = vertices @ matrices_from_angles(rotation).mT + translation[..., None, :]
    image = posed @ crop_intrinsics().mT
    return (image[..., :2] / image[..., 2:]).numpy()


def opening(points, edges):
    upper, lower = (points[:, list(edge)] for edge in edges)
    return np.linalg.norm(lower - upper, axis=-1).mean(-1)


def likeness(one, other):
    return float(np.corrcoef(one, other)[0, 1])


def teacher_angles(frames):
    """Yaw, pitch and roll of the teacher's pose in degrees and our convention; its own axes are OpenGL's."""
    mp = pytest.importorskip("mediapipe", reason="needs mediapipe, as tools/eyes does")
    BaseOptions, vision = mp.tasks.BaseOptions, mp.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(TEACHER)), output_facial_transformation_matrixes=True
    )
    with vision.FaceLandmarker.create_from_options(options) as teacher:
        seen = [teacher.detect(mp.Image(mp.ImageFormat.SRGB, frame)) for frame in frames]
    flip = np.diag((1.0, -1.0, -1.0))
    turns = [flip @ one.facial_transformation_matrixes[0][:3, :3] @ flip for one in seen]
    return np.degrees(angles_from_matrices(torch.from_numpy(np.stack(turns))).numpy())


@pytest.mark.parametrize("name", ["obama_wa1.mp4", "obama_wa5.mp4", "mead_w040_level_3_happy_029.mp4"])
def test_mesh_and_pose_follow_a_real_clip(name):
    frames = list(read_frames(SHARED / "data" / "talking" / name))
    tracker = FaceTracker(video=True)
    landmarks = np.stack([tracker(frame)[0].landmarks for frame in frames])
    tracked = track_video(SHARED / "data" / "talking" / name, smooth=0.0)
    motion = tracked.motion
    mesh = seen_mesh(tracked.identity, motion.expression, motion.rotation, motion.translation)
    points = crop_from_pixels(landmarks[:, :468, :2], tracked.crop)
    error = 512 * np.linalg.norm(mesh - points, axis=-1).mean()
    lips = likeness(opening(mesh, LIPS), opening(points, LIPS))
    lids = [likeness(opening(mesh, eye), opening(points, eye)) for eye in EYES]

    expected, angles = teacher_angles(frames), np.degrees(motion.rotation.numpy())
    apart = (angles - angles.mean(0)) - (expected - expected.mean(0))
    agreement = [likeness(*pair) for pair in zip(angles.T, expected.T, strict=True)]
    print(
        f"\n{name}: {error:.2f} px of 512, lips {lips:.3f}, lids {np.round(lids, 3)}, yaw, pitch and roll "
        f"off the teacher's by {np.abs(apart).mean(0).round(2)} degrees, correlated {np.round(agreement, 3)}"
    )
    assert error < 2.5
    assert lips > 0.97
    assert min(lids) > 0.93
    assert np.abs(apart).mean(0).max() < 1.2


def test_portraits_are_met_within_pixels():
    pictures = sorted((SHARED / "data" / "portraits").glob("*.jpg"))[::117]
    errors = []
    for picture in pictures:
        faces = find_faces(read_image(picture))
        if not faces:
            print("no face found in", picture.name)
            continue
        landmarks = faces[0]
        crop = portrait_crop(landmarks)
        fit = fit_portrait(load_face_model(), landmarks, crop, expression_scores(landmarks[None])[0])
        mesh = seen_mesh(fit.identity, fit.expression, fit.rotation, fit.translation)
        errors.append(512 * np.linalg.norm(mesh - crop_from_pixels(landmarks[:468, :2], crop), axis=1).mean())
        # Of a face from the side, half of which is not seen, the distance is known less well.
        turned = abs(float(fit.rotation[0])) > np.radians(45)
        assert (0.8 if turned else 0.85) < float(fit.translation[2]) < 1.2
    print(
        f"\n{len(errors)} portraits: {np.mean(errors):.2f} px of 512 on average, {np.max(errors):.2f} at most"
    )
    assert len(errors) >= 0.9 * len(pictures)
    assert np.mean(errors) < 1.5
