"""`cameo3d data`: photos and clips to what models learn from."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import usage


def data(
    action: Annotated[Positional[Literal["prepare"]], arg(metavar="prepare")],
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
    out: Annotated[Path, arg(metavar="SHARDS")],
    size: int = 512,
    framing: Literal["eg3d", "shoulders"] = "eg3d",
    face_model: Literal["shipped", "basel"] = "shipped",
    frames: int = 250,
    licence: str = "",
    jobs: int = 1,
) -> None:
    """Turn photos and clips into compact shards to learn from; the same call takes up what was stopped.

    Clips that cannot be used are listed with the reason in SHARDS/skipped.csv.

    Args:
        action: What to do.
        folder: Own files, or VFHQ, CelebV-HQ, TalkingHead-1KH, HDTF, FFHQ or RAVDESS as they lie on disk.
        out: Folder of the shards.
        size: Side of the pictures in pixels.
        framing: Head and shoulders as EG3D cuts them out, or a square half as large again.
        face_model: Whose coefficients: ours, or those of the Basel model that you have imported.
        frames: Most frames of a clip.
        licence: Noted in every shard.
        jobs: Processes that work at the same time.
    """
    for name, value, least in (("size", size, 32), ("frames", frames, 1), ("jobs", jobs, 1)):
        if value < least:
            raise usage(f"--{name} should be at least {least}, got {value}.")
    from cameo3d.app.training import prepare

    prepare(folder, out, size, framing, face_model, frames, licence, jobs)
