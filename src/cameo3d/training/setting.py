"""What a stage is built from, besides its recipe."""

from dataclasses import dataclass
from pathlib import Path

import torch

from cameo3d.errors import TrainingError


@dataclass(frozen=True)
class Setting:
    """Where a training runs, and what it begins with."""

    device: torch.device
    seed: int = 0
    data: Path | None = None
    """Folder of shards."""
    start: Path | None = None
    """Checkpoint of the stage before."""
    teacher: Path | None = None
    """Checkpoint of a teacher: EG3D's for planes, the sync expert's for the voice."""
    perceptual: bool = True
    """Whether perceptual networks are used; without them only their terms are left out."""

    def shards(self) -> Path:
        """The folder of shards.

        Raises:
            TrainingError: If none was given.
        """
        if self.data is None:
            raise TrainingError("This stage learns from shards; give --data SHARDS.")
        return self.data
