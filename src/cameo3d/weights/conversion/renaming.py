"""Official names to ours, strictly: every tensor must be expected, present, and of the right shape."""

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from cameo3d.errors import WeightsError

Renames = Sequence[tuple[str, str]]
"""Patterns and replacements, applied to every name in order; an empty result drops the tensor."""


def renamed(tensors: Mapping[str, Tensor], renames: Renames) -> dict[str, Tensor]:
    """The tensors under our names.

    Raises:
        WeightsError: If two tensors would get the same name.
    """
    result: dict[str, Tensor] = {}
    origins: dict[str, str] = {}
    for official, tensor in tensors.items():
        name = new_name(official, renames)
        if not name:
            continue
        if name in result:
            raise WeightsError(f"The checkpoint's {origins[name]} and {official} are both {name} here.")
        result[name], origins[name] = tensor, official
    return result


def new_name(official: str, renames: Renames) -> str:
    """One name after all renames."""
    name = official
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name


def check_layout(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    what: str,
    names: Mapping[str, str] | None = None,
) -> None:
    """Check that tensors fill a network exactly.

    Args:
        tensors: What was found, under our names.
        expected: The network's own state.
        what: The file, for the message.
        names: Official names of our names, where they are known, for the message.

    Raises:
        WeightsError: Listing all tensors that are unknown, missing or misshapen.
    """
    names = names or {}

    def shown(name: str) -> str:
        return names.get(name, name)

    unknown = [shown(name) for name in tensors if name not in expected]
    missing = [shown(name) for name in expected if name not in tensors]
    misshapen = [
        f"{shown(name)} {list(tensors[name].shape)} instead of {list(x.shape)}"
        for name, x in expected.items()
        if name in tensors and tensors[name].shape != x.shape
    ]
    parts = [
        f"{kind}: {', '.join(found)}"
        for kind, found in (("unknown", unknown), ("missing", missing), ("misshapen", misshapen))
        if found
    ]
    if parts:
        raise WeightsError(
            f"{what} has another layout than expected ({'; '.join(parts)}); "
            "is it the checkpoint of another model?"
        )


def join_spectral_norms(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Divide weights by their stored spectral norm: `weight_orig`, `weight_u`, `weight_v` become `weight`.

    Tensors of which one of the three is missing stay as they are, to be listed by `check_layout`.
    """
    result = dict(tensors)
    for name in tensors:
        stem = name.removesuffix("weight_orig")
        if stem == name or not {f"{stem}weight_u", f"{stem}weight_v"} <= tensors.keys():
            continue
        weight, u, v = (tensors[f"{stem}weight_{part}"] for part in ("orig", "u", "v"))
        matrix = weight.flatten(1)
        if u.shape != matrix.shape[:1] or v.shape != matrix.shape[1:]:
            continue
        result[f"{stem}weight"] = weight / (u @ (matrix @ v))
        for part in ("orig", "u", "v"):
            del result[f"{stem}weight_{part}"]
    return result


def join_weight_norms(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Join magnitudes and directions of each output channel: `weight_g`, `weight_v` become `weight`."""
    result = dict(tensors)
    for name, magnitude in tensors.items():
        stem = name.removesuffix("weight_g")
        direction = tensors.get(f"{stem}weight_v")
        if stem == name or direction is None or magnitude.shape[:1] != direction.shape[:1]:
            continue
        norms = direction.flatten(1).norm(dim=1).reshape(-1, *[1] * (direction.ndim - 1))
        result[f"{stem}weight"] = direction * (magnitude.reshape(norms.shape) / norms)
        del result[name], result[f"{stem}weight_v"]
    return result
