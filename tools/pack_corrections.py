"""Pack what the corrections of the lite models learn from into one small file for a machine with a GPU.

    python tools/pack_corrections.py MADE PACK.tar.xz

MADE holds `pages` and `pairs`, as `cameo3d train face_correction` and `plane_correction` make them in --out.
Pages keep every second expression of a clip, so that the pack stays below 64 MiB.
"""

import io
import sys
import tarfile
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save

MOST_MIB = 64


def main() -> None:
    made, pack = Path(sys.argv[1]), Path(sys.argv[2])
    with tarfile.open(pack, "w:xz", preset=6) as tar:
        for path in sorted((*made.glob("pages/*.safetensors"), *made.glob("pairs/*.safetensors"))):
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
            tensors = load_file(path)
            if path.parent.name == "pages" and len(tensors["truth"]) > 2:
                for name in ("warped", "maps", "covers", "truth"):
                    tensors[name] = tensors[name][::2].contiguous()
            content = save(tensors, metadata)
            entry = tarfile.TarInfo(f"{path.parent.name}/{path.name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    size = pack.stat().st_size / 2**20
    print(f"{pack}: {size:.1f} MiB")
    if size > MOST_MIB:
        sys.exit(f"The pack is larger than {MOST_MIB} MiB; leave sources out.")


if __name__ == "__main__":
    main()
