"""FID: how far all outputs are, as a set, from all real pictures (Heusel et al., NeurIPS 2017)."""

from collections.abc import Iterable

from cameo3d.evaluation.measures import Case, FeatureSets, Figures, Measure, Moment
from cameo3d.evaluation.metrics.clouds import FeatureCloud, cloud_distance
from cameo3d.perception.inception import load_inception, picture_features
from cameo3d.weights.user_files import INCEPTION, Networks


class FidMeter:
    """Gathers Inception's features of a clip's frames and of what is real.

    Real are the true frames, or the photo where there are none, as in GOHA's tables.

    Args:
        case: The clip.
        networks: The user's files.
        with_truth: Whether there are true frames.
    """

    def __init__(self, case: Case, networks: Networks, with_truth: bool) -> None:
        real = "the true frames" if with_truth else "the photos"
        self.measure = Measure(
            *("fid[inception]", "1", "lower", "Inception-v3 of 2015 (pytorch-fid)", "none"),
            *("299x299, bilinear", "none", f"2048 features of all frames of all clips, against {real}"),
        )
        self.why = networks.missing(INCEPTION)
        self._network = None if self.why else load_inception(networks.folder / INCEPTION)
        self._with_truth = with_truth
        self._output, self._real = FeatureCloud(), FeatureCloud()
        if self._network is not None and not with_truth:
            self._real.add(picture_features(self._network, case.photo))

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        if self._network is None:
            return
        self._output.add(picture_features(self._network, moment.output))
        if self._with_truth and moment.truth is not None:
            self._real.add(picture_features(self._network, moment.truth))

    def sets(self) -> FeatureSets:
        """What was gathered from this clip; empty if the network is missing."""
        return FeatureSets(self._output.rows(), self._real.rows())


def figures_of_sets(clips: Iterable[FeatureSets]) -> Figures:
    """FID over the clips together."""
    output, real = FeatureCloud(), FeatureCloud()
    for clip in clips:
        output.join(FeatureCloud(clip.output))
        real.join(FeatureCloud(clip.real))
    least = min(output.count, real.count)
    if least < 2:
        return Figures(None, f"FID needs at least 2 pictures of each kind, got {least}.")
    return Figures(cloud_distance(output, real))
