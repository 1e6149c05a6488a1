"""Mean and covariance of features of any number of pictures, kept in few rows, stored, and joined."""

import numpy as np
from jaxtyping import Float, Float32

from cameo3d.evaluation.metrics.features import frechet_distance

Rows = Float32[np.ndarray, "rows columns"]


class FeatureCloud:
    """Features of pictures, seen one after another.

    It holds a matrix of rows (1, features) whose product with itself, transposed, has the count, the sums and
    the sums of products. Where that has more rows than needed, its triangular factor takes its place, which
    has the same product: memory stays below three times the square of the number of features.

    Args:
        rows: What another cloud has stored.
    """

    def __init__(self, rows: Rows | None = None) -> None:
        self._rows = [] if rows is None else [rows]
        self._row_count = 0 if rows is None else len(rows)

    def add(self, features: Float[np.ndarray, "pictures features"]) -> None:
        """See more pictures."""
        self._take(np.column_stack((np.ones(len(features)), features)).astype(np.float32))

    def join(self, other: "FeatureCloud") -> None:
        """See all that another cloud has seen."""
        self._take(other.rows())

    def rows(self) -> Rows:
        """What is worth storing: one row a picture, or as many as there are features and one."""
        if not self._rows:
            return np.zeros((0, 0), np.float32)
        self._rows = [np.concatenate(self._rows)]
        self._row_count = len(self._rows[0])
        return self._rows[0]

    @property
    def count(self) -> int:
        """How many pictures were seen."""
        rows = self.rows()
        return round(float(np.sum(rows[:, 0].astype(np.float64) ** 2))) if rows.size else 0

    def normal(self) -> tuple[Float[np.ndarray, " features"], Float[np.ndarray, "features features"]]:
        """Mean of the features, and covariance, divided by one less than the number of pictures.

        Raises:
            ValueError: If fewer than two pictures were seen.
        """
        if self.count < 2:
            raise ValueError(f"A covariance needs at least 2 pictures, got {self.count}.")
        rows = self.rows().astype(np.float64)
        mean = rows[:, 0] @ rows[:, 1:] / self.count
        # The rows of a factor have another first column than 1, and so another multiple of the mean.
        centred = rows[:, 1:] - rows[:, :1] * mean
        return mean, centred.T @ centred / (self.count - 1)

    def _take(self, rows: Rows) -> None:
        if not rows.size:
            return
        self._rows.append(rows)
        self._row_count += len(rows)
        columns = rows.shape[1]
        if self._row_count > 2 * columns:
            factor = np.asarray(np.linalg.qr(np.concatenate(self._rows).astype(np.float64), mode="r"))
            self._rows, self._row_count = [factor.astype(np.float32)], len(factor)


def cloud_distance(one: FeatureCloud, other: FeatureCloud) -> float:
    """Frechet distance of two clouds, each taken for normal: FID, if the features are Inception's."""
    return frechet_distance(*one.normal(), *other.normal())
