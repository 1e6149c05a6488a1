"""What our tracker sees in frames, for the measures that compare faces."""

import numpy as np
import torch

from cameo3d.evaluation.measures import Picture, SeenFace
from cameo3d.geometry.rotations import angles_from_matrices
from cameo3d.perception.expression import expression_scores, in_head_axes, load_expression_net
from cameo3d.perception.landmarks import find_faces
from cameo3d.pipeline.motion import FaceFollower


class FaceWatcher:
    """Watches the largest face of one clip; show it every frame once, in order."""

    def __init__(self) -> None:
        self._follower = FaceFollower(0)

    def __call__(self, frame: Picture) -> SeenFace | None:
        """What the next frame shows; None if no face is seen."""
        landmarks = self._follower(frame)
        return None if landmarks is None else seen_face(landmarks.astype(np.float32))


def see_face(photo: Picture) -> SeenFace | None:
    """The largest face of a single picture; None if none is seen."""
    faces = find_faces(photo)
    return seen_face(faces[0]) if faces else None


def seen_face(landmarks: np.ndarray) -> SeenFace:
    """Expression and rotation that landmarks show."""
    with torch.inference_mode():
        _, rotation = in_head_axes(torch.from_numpy(landmarks), load_expression_net().target)
        angles = angles_from_matrices(rotation).numpy()
    return SeenFace(landmarks, expression_scores(landmarks), angles)
