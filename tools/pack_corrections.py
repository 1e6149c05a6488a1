"""Make what the corrections of the lite models learn from, and pack it into one small file for a GPU.

    python tools/pack_corrections.py DATA PACK.tar.xz [--made FOLDER]

DATA has `portraits` and `talking`, each with an index.csv, as for `cameo3d train face_correction`. Pages and
pairs are made in FOLDER, by default next to the pack; what is there already is left. Pages keep every second
expression of a clip, so that the pack stays below 64 MiB.
"""

import argparse
import io
import sys
import tarfile
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save

from cameo3d.data.portraits.page_making import synthesise_pages
from cameo3d.data.portraits.plane_pair_making import write_plane_pairs

MOST_MIB = 64


def main() -> None:
    """Make, pack, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--made", type=Path)
    chosen = parser.parse_args()
    made = chosen.made or chosen.pack.parent / "made"
    for kind, make in (("pages", synthesise_pages), ("pairs", write_plane_pairs)):
        for source, said in make(chosen.data, made / kind):
            print(f"{kind} of {source.name}: {said}", flush=True)
    with tarfile.open(chosen.pack, "w:xz", preset=6) as tar:
        for path in sorted((*made.glob("pages/*.safetensors"), *made.glob("pairs/*.safetensors"))):
            content = packed(path)
            entry = tarfile.TarInfo(f"{path.parent.name}/{path.name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    size = chosen.pack.stat().st_size / 2**20
    print(f"{chosen.pack}: {size:.1f} MiB")
    if size > MOST_MIB:
        sys.exit(f"The pack is larger than {MOST_MIB} MiB; leave sources out.")


def packed(path: Path) -> bytes:
    """A file with every second expression, if it shows a clip's."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    if path.parent.name == "pages" and len(tensors["truth"]) > 2:
        for name in ("warped", "maps", "covers", "truth"):
            tensors[name] = tensors[name][::2].contiguous()
    return save(tensors, metadata)


if __name__ == "__main__":
    main()
