"""Meters that run networks from the user's own files on pictures: LPIPS, and Deep3D's AED and APD."""

import math

from cameo3d.evaluation.measures import Measure, Meter, Moment, Picture
from cameo3d.evaluation.metrics.meters import FrameMeter, NoMeter
from cameo3d.evaluation.metrics.picture_meters import NO_TRUTH, against_truth
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.deep3d_reading import face_coefficients, load_imported_regressor, load_regressor
from cameo3d.perception.lpips import Backbone, load_distance, missing_distance, picture_distance
from cameo3d.weights.released import RELEASED
from cameo3d.weights.user_files import DEEP3D, Networks

_NO_PAIR = "No frame shows both the output's and the driver's face, or the driver's pictures are missing."

_ALEX = Measure(
    *("lpips[alex]", "1", "lower", "AlexNet, linear heads 0.1", "none", "as it comes", "none"),
    "pictures in [-1, 1]; mean of frames",
)
_ALEX_UNIT = Measure(
    *("lpips[alex, 0 to 1]", "1", "lower", "AlexNet, linear heads 0.1", "none", "as it comes", "none"),
    "pictures in [0, 1], as in the script that GOHA cites (lower); mean of frames",
)
_VGG = Measure(
    *("lpips[vgg]", "1", "lower", "VGG-16, linear heads 0.1", "none", "as it comes", "none"),
    "pictures in [-1, 1]; mean of frames",
)
_CROP = ("Deep3DFaceRecon (ResNet-50)", "its training square, from our landmarks", "224x224", "none")
_AED = Measure(
    *("aed[deep3d]", "1", "lower", *_CROP),
    "64 coefficients; mean absolute difference over coefficients, then frames",
)
_APD = Measure(
    *("apd[deep3d]", "rad", "lower", *_CROP),
    "three angles without translation; mean absolute difference over angles, then frames",
)


def lpips_meters(networks: Networks) -> list[Meter]:
    """LPIPS on AlexNet, the same with GOHA's range, and on VGG-16."""
    return [
        _lpips_meter(networks, _ALEX, "alex", unit_range=False),
        _lpips_meter(networks, _ALEX_UNIT, "alex", unit_range=True),
        _lpips_meter(networks, _VGG, "vgg", unit_range=False),
    ]


def _lpips_meter(
    networks: Networks, measure: Measure, kind: Backbone, unit_range: bool
) -> FrameMeter | NoMeter:
    why = missing_distance(kind, networks)
    if why:
        return NoMeter(measure, why)
    network = load_distance(kind, networks)

    def distance(output: Picture, truth: Picture) -> float:
        return picture_distance(network, output, truth, unit_range)

    return FrameMeter(measure, against_truth(distance), NO_TRUTH)


def deep3d_meters(networks: Networks) -> list[Meter]:
    """Expression and pose as the papers measure them, against the true frame."""
    why = networks.missing(DEEP3D)
    if RELEASED["goha-regressor"].path.is_file():
        pair = _Coefficients(load_imported_regressor())
    elif not why:
        pair = _Coefficients(load_regressor(networks.folder / DEEP3D))
    else:
        return [NoMeter(_AED, why), NoMeter(_APD, why)]
    return [
        FrameMeter(_AED, lambda moment: pair.difference(moment, 0), _NO_PAIR),
        FrameMeter(_APD, lambda moment: pair.difference(moment, 1), _NO_PAIR),
    ]


class _Coefficients:
    """Differences of expression and angles of one moment, computed once for both meters."""

    def __init__(self, network: FaceRegressor) -> None:
        self._network = network
        self._moment: Moment | None = None
        self._differences: tuple[float | None, float | None] = (None, None)

    def difference(self, moment: Moment, which: int) -> float | None:
        if moment is not self._moment:
            self._moment, self._differences = moment, self._compare(moment)
        return self._differences[which]

    def _compare(self, moment: Moment) -> tuple[float | None, float | None]:
        driver = moment.truth if moment.driver is None else moment.driver
        if driver is None or moment.output_face is None or moment.driver_face is None:
            return None, None
        one = face_coefficients(self._network, moment.output, moment.output_face.landmarks)
        other = face_coefficients(self._network, driver, moment.driver_face.landmarks)
        turn = (one.angles - other.angles + math.pi) % (2 * math.pi) - math.pi
        return float((one.expression - other.expression).abs().mean()), float(turn.abs().mean())
