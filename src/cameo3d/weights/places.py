"""Where a user's own weights lie."""

import os
from pathlib import Path


def weights_folder() -> Path:
    """Where a user's weights are kept: $CAMEO3D_WEIGHTS, or cameo3d in the user's data folder."""
    if chosen := os.environ.get("CAMEO3D_WEIGHTS"):
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).expanduser() / "cameo3d"


def weights_path(model: str) -> Path:
    """Where the weights of a model and size, such as "real3d-official", are kept."""
    return weights_folder() / f"{model}.safetensors"
