"""Compare TFLite networks run in PyTorch with LiteRT itself, on noise.

Run where `pip install ai-edge-litert` was done, which the lock does not hold:

    python tools/tflite_compare.py selfie_multiclass_256x256.tflite ...
"""

# pyright: reportMissingImports=false

import sys
from pathlib import Path

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from cameo3d.perception.tflite import TfliteNetwork
from cameo3d.weights.conversion.tflite import read_tflite


def main() -> None:
    """Print the greatest difference of each file's first output, and that output's range."""
    for path in map(Path, sys.argv[1:]):
        graph = read_tflite(path)
        picture = np.random.default_rng(0).random(graph.shapes[graph.inputs[0]], dtype=np.float32)
        ours = TfliteNetwork(graph)(torch.from_numpy(picture)).numpy()
        theirs = Interpreter(str(path))
        theirs.allocate_tensors()
        theirs.set_tensor(theirs.get_input_details()[0]["index"], picture)
        theirs.invoke()
        truth = theirs.get_tensor(theirs.get_output_details()[0]["index"])
        difference = np.abs(ours.reshape(truth.shape) - truth).max()
        print(f"{path.name}: {difference:.2g} of {truth.min():.3g} to {truth.max():.3g}")


if __name__ == "__main__":
    main()
