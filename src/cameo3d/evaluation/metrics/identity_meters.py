"""Meters of whether the output shows the same person."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cameo3d.evaluation.measures import Case, Measure, Meter, Moment, Picture
from cameo3d.evaluation.metrics.features import csim, identity_distance
from cameo3d.evaluation.metrics.meters import FrameMeter, NoMeter
from cameo3d.perception.arcface import load_arcface
from cameo3d.perception.identity import Embedder, load_recogniser, load_sface_recogniser
from cameo3d.weights.packages import DLIB, SFACE
from cameo3d.weights.user_files import ARCFACE, AURAFACE, Networks

Comparison = Callable[[Float[np.ndarray, " features"], Float[np.ndarray, " features"]], float]


def dlib_meters(case: Case, with_truth: bool) -> list[Meter]:
    """Similarity and distance to dlib's recogniser, which was trained for distances."""
    network, size = "dlib_face_recognition_resnet_model_v1", "150x150, our landmarks"
    similarity = _measure("csim[dlib]", network, size, with_truth)
    distance = replace(
        similarity,
        name="identity_distance[dlib]",
        better="lower",
        normalisation=similarity.normalisation.replace("cosine", "distance") + "; 0.6: another person",
    )
    why = DLIB.missing()
    if why:
        return [NoMeter(similarity, why), NoMeter(distance, why)]
    embed = _remembering(load_recogniser())
    return [
        _meter(similarity, embed, csim, case, with_truth),
        _meter(distance, embed, identity_distance, case, with_truth),
    ]


def sface_meters(case: Case, with_truth: bool) -> list[Meter]:
    """Similarity to SFace, which is another recogniser than those that judge."""
    measure = _measure("csim[sface]", "SFace 2021dec (OpenCV Zoo)", "112x112, our landmarks", with_truth)
    why = SFACE.missing()
    if why:
        return [NoMeter(measure, why)]
    return [_meter(measure, _remembering(load_sface_recogniser()), csim, case, with_truth)]


def arcface_meters(case: Case, networks: Networks, with_truth: bool) -> list[Meter]:
    """Similarity to ArcFace and to AuraFace."""
    files = (
        ("csim[arcface]", "ArcFace w600k_r50 (InsightFace)", ARCFACE),
        ("csim[auraface]", "AuraFace glintr100 (fal)", AURAFACE),
    )
    meters: list[Meter] = []
    for name, network, file in files:
        measure = _measure(name, network, "112x112, our landmarks", with_truth)
        why = networks.missing(file)
        if why:
            meters.append(NoMeter(measure, why))
        else:
            meters.append(_meter(measure, load_arcface(networks.folder / file), csim, case, with_truth))
    return meters


def _measure(name: str, network: str, size: str, with_truth: bool) -> Measure:
    other = "the true frame" if with_truth else "the photo"
    return Measure(
        *(name, "1", "higher", network, "upright around eyes and nose", size, "none"),
        f"cosine of embeddings, against {other}; mean of frames",
    )


def _meter(
    measure: Measure, embed: Embedder, compare: Comparison, case: Case, with_truth: bool
) -> FrameMeter | NoMeter:
    if with_truth:
        return FrameMeter(
            measure, _against_truth(embed, compare), "No frame shows both the output's and the true face."
        )
    if case.photo_face is None:
        return NoMeter(measure, "No face is seen in the photo.")
    photo = embed(case.photo, case.photo_face.landmarks)

    def of_moment(moment: Moment) -> float | None:
        face = moment.output_face
        return None if face is None else compare(embed(moment.output, face.landmarks), photo)

    return FrameMeter(measure, of_moment, "No face is seen in the output.")


def _against_truth(embed: Embedder, compare: Comparison) -> Callable[[Moment], float | None]:
    def of_moment(moment: Moment) -> float | None:
        face, true_face = moment.output_face, moment.driver_face
        if moment.truth is None or face is None or true_face is None:
            return None
        return compare(embed(moment.output, face.landmarks), embed(moment.truth, true_face.landmarks))

    return of_moment


def _remembering(embed: Embedder) -> Embedder:
    """The same, but the last two faces are not looked at again."""
    known: list[tuple[np.ndarray, np.ndarray]] = []

    def embedding(picture: Picture, landmarks: np.ndarray) -> Float[np.ndarray, " features"]:
        for face, value in known:
            if face is landmarks:
                return value
        known.append((landmarks, embed(picture, landmarks)))
        del known[:-2]
        return known[-1][1]

    return embedding
