"""Compare TFLite networks run in PyTorch with LiteRT itself, on the astronaut's portrait: a Markdown table.

Run where `pip install ai-edge-litert` was done, which the lock does not hold:

    python tools/tflite_compare.py selfie_multiclass_256x256.tflite ...
"""

# pyright: reportMissingImports=false

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from cameo3d.bench.relief import portrait_path
from cameo3d.errors import WeightsError
from cameo3d.media.images import read_image
from cameo3d.perception.tflite import TfliteNetwork
from cameo3d.weights.conversion.tflite import read_tflite


def main() -> None:
    """Print the greatest difference of each file's first output, and that output's range."""
    print("| file | input | largest difference | range of the output |\n| --- | --- | ---: | ---: |")
    for path in map(Path, sys.argv[1:]):
        try:
            print(f"| {path.name} | {compared(path)} |", flush=True)
        except WeightsError as error:
            print(f"| {path.name} | refused: {error} | | |", flush=True)


def compared(path: Path) -> str:
    """One file's row."""
    graph = read_tflite(path)
    shape = graph.shapes[graph.inputs[0]]
    picture = cv2.resize(read_image(portrait_path()), (shape[2], shape[1]), interpolation=cv2.INTER_AREA)
    seen = (picture[None] / 255).astype(np.float32)
    ours = TfliteNetwork(graph)(torch.from_numpy(seen)).numpy()
    theirs = Interpreter(str(path))
    theirs.allocate_tensors()
    theirs.set_tensor(theirs.get_input_details()[0]["index"], seen)
    theirs.invoke()
    truth = theirs.get_tensor(theirs.get_output_details()[0]["index"])
    difference = np.abs(ours.reshape(truth.shape) - truth).max()
    return f"{'x'.join(map(str, shape[1:]))} | {difference:.2g} | {truth.min():.3g} to {truth.max():.3g}"


if __name__ == "__main__":
    main()
