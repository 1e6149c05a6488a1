"""Sample sheets of a training: a row for each person, a column for each kind of picture."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from cameo3d.blocks.images import resize


def rows_of_pictures(
    columns: Sequence[Tensor], size: int = 192, most: int = 4
) -> UInt8[np.ndarray, "height width 3"]:
    """Pictures in [-1, 1], `batch 3 height width` each, at one size.

    Args:
        columns: For each column the pictures of a batch.
        size: Side of each picture in pixels.
        most: Rows.
    """
    shown = [resize(column[:most].float().cpu().clamp(-1, 1), size, size) for column in columns]
    grid = torch.stack(shown, dim=1)  # people columns 3 height width
    rows = grid.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return ((rows + 1) * 127.5).round().to(torch.uint8).numpy()
