"""Write safetensors whose bytes depend on nothing but their content, so that checksums can be compared."""

import hashlib
import json
from pathlib import Path

import numpy as np

TYPES = {"float16": "F16", "float32": "F32", "int16": "I16"}


def write_tensors(out: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> str:
    """Write a file (to a temporary name, then renamed) and return its SHA-256.

    The public safetensors writer keeps metadata in a hash map, so the order of its header changes from run to
    run.
    """
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    body, offset = [], 0
    for name, tensor in sorted(tensors.items()):
        data = np.ascontiguousarray(tensor).tobytes()
        header[name] = {
            "dtype": TYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        body.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    content = len(text).to_bytes(8, "little") + text + b"".join(body)
    partial = out.with_name(out.name + ".part")
    partial.write_bytes(content)
    partial.replace(out)
    return hashlib.sha256(content).hexdigest()
