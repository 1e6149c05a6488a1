"""A surface: triangles with a colour at each corner."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float32, Int32, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Mesh:
    """A head as a surface, as other programs take it."""

    vertices: Float32[Tensor, "vertices 3"]
    """Metres; x to the image's right, y up, z to the viewer."""
    triangles: Int32[Tensor, "triangles 3"]
    """Vertices of each triangle, counter-clockwise seen from outside."""
    colors: UInt8[Tensor, "vertices 3"]
    """RGB of each vertex."""

    def save(self, path: str | Path) -> None:
        """Write it to a .ply, .obj or .glb file.

        Raises:
            OutputError: If the name ends otherwise, or it cannot be written there.
        """
        from cameo3d.values.mesh_files import save_mesh  # which builds on this module

        save_mesh(self, Path(path))
