"""HuBERT's published weights under the names of today's `transformers`."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.renaming import Renames, check_layout, new_name, renamed

RENAMES: Renames = (
    (r"^lm_head\..*$", ""),  # the letters that it was tuned to spell
    (r"^hubert\.", ""),
    (r"^(encoder\.pos_conv_embed\.conv)\.weight_g$", r"\1.parametrizations.weight.original0"),
    (r"^(encoder\.pos_conv_embed\.conv)\.weight_v$", r"\1.parametrizations.weight.original1"),
)


def find_hubert(folder: Path) -> Path | None:
    """The weights of `hubert-large-ls960-ft` in, below, or instead of a folder."""
    name = "hubert-large-ls960-ft"
    places = [folder] if folder.name == name else sorted(folder.glob(f"**/{name}"))
    files = [place / file for place in places for file in ("model.safetensors", "pytorch_model.bin")]
    return next((file for file in files if file.is_file()), None)


def read_hubert(path: Path) -> dict[str, Tensor]:
    """The tensors under their published names, of either kind of file.

    Raises:
        WeightsError: If it cannot be opened; see `read_pickle`.
    """
    if path.suffix != ".safetensors":
        return named_tensors({"hubert": read_pickle(path)}, path, "hubert")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is cut short or damaged; download it again.") from error


def convert_hubert(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under today's names.

    Args:
        official: As they were published.
        expected: State of the network that they fill.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    tensors = renamed(official, RENAMES)
    check_layout(tensors, expected, "HuBERT's file", {new_name(name, RENAMES): name for name in official})
    return tensors
