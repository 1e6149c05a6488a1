"""The published files of networks that measures use, under our names."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.renaming import Renames, check_layout, renamed

_COUNTERS: Renames = ((r"^.*\.num_batches_tracked$", ""),)


def read_perceptual_distance(
    backbone: Path, heads: Path, expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """LPIPS from torchvision's classifier and the release's linear heads.

    Args:
        backbone: `alexnet-owt-7be5be79.pth` or `vgg16-397923af.pth`; its classifier is dropped.
        heads: `alex.pth` or `vgg.pth` of version 0.1.
        expected: State of the network that they fill.

    Raises:
        WeightsError: If a file cannot be opened, or listing all tensors that do not fit.
    """
    renames: Renames = ((r"^classifier\..*$", ""),)
    tensors = _read(backbone, renames)
    weights = _read(heads, ((r"^lin(\d)\.model\.1\.weight$", r"weights.\1"),))
    tensors |= {name: x.flatten() if name.startswith("weights.") else x for name, x in weights.items()}
    check_layout(tensors, expected, f"{backbone} with {heads}")
    return tensors


def read_inception(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """pytorch-fid's Inception without its classifier.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    return _filled(path, ((r"^fc\.(weight|bias)$", ""), *_COUNTERS), expected)


def read_syncnet(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`syncnet_v2.model`.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    renames: Renames = (
        (r"^netcnnaud\.", "hear."),
        (r"^netcnnlip\.", "look."),
        (r"^netfcaud\.", "place_sound."),
        (r"^netfclip\.", "place_lips."),
        *_COUNTERS,
    )
    return _filled(path, renames, expected)


def _filled(path: Path, renames: Renames, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of one file; counters of batches, which nothing uses, keep the network's own values."""
    counters = {name: x for name, x in expected.items() if name.endswith(".num_batches_tracked")}
    tensors = _read(path, renames) | counters
    check_layout(tensors, expected, str(path))
    return tensors


def _read(path: Path, renames: Renames) -> dict[str, Tensor]:
    return renamed(named_tensors({"network": read_pickle(path)}, path, "network"), renames)
