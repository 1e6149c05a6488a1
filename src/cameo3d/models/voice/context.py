"""Rows that come in pieces, given out with their neighbours in time."""

import numpy as np
from jaxtyping import Float32


class Context:
    """Holds back rows until those after them are known; zeros lie before the first and after the last."""

    def __init__(self, before: int, after: int, columns: int) -> None:
        """Choose the window.

        Args:
            before: Rows that a row sees before itself.
            after: Rows that it sees, and so waits for, after itself.
            columns: Numbers in a row.
        """
        self._before, self._after = before, after
        self._rows = np.zeros((before, columns), np.float32)

    def push(
        self, rows: Float32[np.ndarray, "rows columns"]
    ) -> Float32[np.ndarray, "complete columns window"]:
        """Take rows; give the windows of those that are complete, in time from the left."""
        rows = np.concatenate((self._rows, rows))
        size = self._before + 1 + self._after
        count = max(0, len(rows) - size + 1)
        self._rows = rows[count:].copy()
        if count == 0:
            return np.zeros((0, rows.shape[1], size), np.float32)
        return np.lib.stride_tricks.sliding_window_view(rows, size, axis=0)

    def finish(self) -> Float32[np.ndarray, "complete columns window"]:
        """No row follows: give the windows of those that waited."""
        return self.push(np.zeros((self._after, self._rows.shape[1]), np.float32))
