"""Avatar files that were damaged, or changed on purpose, by one byte, one number, one length or one field."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from cameo3d.values.storage import _checksum

FLOATS = (
    float("nan"),
    float("inf"),
    -float("inf"),
    0.0,
    -1.0,
    1.0,
    1e-30,
    1e30,
    -1e30,
    1e5,
    300.0,
    -4096.0,
    0.31,
)
INTEGERS = (2**30, -1, -(2**31), 2**31 - 1, 0, 1, 468, 10**4)
SCALARS = (*FLOATS, *INTEGERS, None, True, "x", [], {}, 10**400, 10**12, 4096, 16)


class Mutations:
    """Changed files of one avatar; those but for the bytes bring a right checksum."""

    def __init__(self, path: Path, seed: int = 0, share: float = 1.0) -> None:
        """Read an avatar; only a random share of the changes of numbers and shapes is made."""
        self.share = share
        self.data = path.read_bytes()
        self.random = np.random.default_rng(seed)
        with safe_open(path, "pt") as file:
            self.metadata = dict(file.metadata())
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.scalars = json.loads(self.metadata["values"])

    def bytes_changed(self, out: Path, count: int) -> Iterator[str]:
        """One byte after the other, every second one in the header."""
        header = 8 + int.from_bytes(self.data[:8], "little")
        for index in range(count):
            position = int(self.random.integers(header if index % 2 else len(self.data)))
            value = int(self.random.integers(256))
            if value != self.data[position]:
                out.write_bytes(self.data[:position] + bytes([value]) + self.data[position + 1 :])
                yield f"byte {position}"

    def numbers_changed(self, out: Path, each: int) -> Iterator[str]:
        """One number of every tensor, several times, and each number that stands alone."""
        for name, tensor in self.tensors.items():
            choices = FLOATS if tensor.is_floating_point() else INTEGERS
            for value in self.random.choice(
                np.array(choices, object), min(each, len(choices)), replace=False
            ):
                changed = tensor.clone().flatten()
                low = 0 if changed.dtype == torch.uint8 else None
                wanted = value if tensor.is_floating_point() else int(np.clip(value, low, None) % 2**31)
                if changed.dtype == torch.uint8:
                    wanted %= 256
                elif not tensor.is_floating_point():
                    wanted = int(value)
                changed[int(self.random.integers(len(changed)))] = wanted
                if self.random.random() > self.share:
                    continue
                self.save(out, {**self.tensors, name: changed.reshape(tensor.shape)}, self.scalars)
                yield f"{name}: {value}"
        for name in self.scalars:
            for value in self.random.choice(
                np.array(SCALARS, object), min(each, len(SCALARS)), replace=False
            ):
                self.save(out, self.tensors, {**self.scalars, name: value})
                yield f"{name}: {str(value)[:20]}"

    def all_numbers_changed(self, out: Path) -> Iterator[str]:
        """All numbers of a tensor, by a factor or to one value within its own range."""
        for name, tensor in self.tensors.items():
            low, high = tensor.min(), tensor.max()
            for what, changed in (
                ("lowest", torch.full_like(tensor, low)),
                ("highest", torch.full_like(tensor, high)),
                ("shuffled", tensor.flatten()[torch.from_numpy(self.random.permutation(tensor.numel()))]),
                ("reversed", tensor.flip(0)),
            ):
                self.save(out, {**self.tensors, name: changed.reshape(tensor.shape)}, self.scalars)
                yield f"{name}: all {what}"

    def shapes_changed(self, out: Path) -> Iterator[str]:
        """Tensors with an axis cut, doubled, emptied or dropped, or of another type, or left out."""
        for name, tensor in self.tensors.items():
            changes: dict[str, Tensor | None] = {
                "cut": tensor[:-1],
                "empty": tensor[:0],
                "doubled": torch.cat((tensor, tensor)),
                "flat": tensor.flatten(),
                "deeper": tensor[None],
                "another type": tensor.double() if tensor.is_floating_point() else tensor.float(),
                "missing": None,
            }
            for what, changed in changes.items():
                if self.random.random() > self.share:
                    continue
                tensors = {**self.tensors, name: changed} if changed is not None else dict(self.tensors)
                if changed is None:
                    del tensors[name]
                self.save(out, tensors, self.scalars)
                yield f"{name}: {what}"

    def save(self, out: Path, tensors: dict[str, Tensor], scalars: dict) -> None:
        metadata = {**self.metadata, "values": json.dumps(scalars)}
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        metadata["sha256"] = _checksum(metadata, tensors)
        save_file(tensors, out, metadata)
