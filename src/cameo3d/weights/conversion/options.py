"""The options with which the official programs were run: `config.yaml` next to a checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from cameo3d.errors import WeightsError

_MOST_BYTES = 1_000_000


def read_options(folder: Path) -> Mapping[str, object]:
    """The options of the checkpoints in a folder; nothing if it has no `config.yaml`.

    Raises:
        WeightsError: If the file is no table of options, too large, or would run code.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        return {}
    try:
        import yaml
    except ImportError as error:
        raise WeightsError(
            f"Reading {path} needs the package pyyaml; install it with `pip install 'cameo3d[official]'`."
        ) from error
    if path.stat().st_size > _MOST_BYTES:
        raise WeightsError(f"{path} is no file of options: it has {path.stat().st_size} bytes.")
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise WeightsError(
            f"{path} is no table of plain options; take it as the official program wrote it."
        ) from error
    if not isinstance(options, dict):
        raise WeightsError(f"{path} is no table of options; take it as the official program wrote it.")
    return {str(name): value for name, value in options.items()}
