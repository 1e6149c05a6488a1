"""`cameo3d mesh`: a person's head as a surface for other programs."""

from pathlib import Path

from cameo3d.app.cli.shared import File, Model, PhotoOrAvatar, check_files, usage
from cameo3d.pipeline.options import DEFAULT_MODEL


def mesh(
    source: PhotoOrAvatar,
    out: File = None,
    resolution: int = 256,
    level: float = 10.0,
    face: int = 0,
    overwrite: bool = False,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Write a head as a mesh with colours at its vertices, in the photo's expression.

    Args:
        source: Photo of one person, or avatar file.
        out: File to write, .ply, .obj or .glb; by default the photo's name with .ply, in the current folder.
        resolution: Points along each side of the cube in which a network's density is cut, 16 to 1024; of a
            relief about so many corners along the crop.
        level: Density before its activation at which it is cut; a relief has none.
        face: Which face of the photo, counted from the largest, 0.
        overwrite: Replace an existing output.
        model: The avatar model.
    """
    if not 16 <= resolution <= 1024:
        raise usage(f"--resolution should lie between 16 and 1024, got {resolution}.")
    out = out or Path(f"{source.stem}.ply")
    check_files(out, overwrite, photo=source)
    from cameo3d.app.outputs import checked_file
    from cameo3d.errors import OutputError
    from cameo3d.media.files import shown
    from cameo3d.pipeline.animate import model_for
    from cameo3d.values.mesh_files import MESH_SUFFIXES

    out = checked_file(out, overwrite, [source])
    if out.suffix.lower() not in MESH_SUFFIXES:
        raise OutputError(f"The mesh {shown(out)} should end in {', '.join(MESH_SUFFIXES)}.")
    loaded, known = model_for(source, model)
    loaded.mesh(known, resolution, level, face).save(out)
    print(out)
