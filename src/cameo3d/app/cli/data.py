"""`cameo3d data`: photos and clips to what models learn from."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import usage


def data(
    action: Annotated[Positional[Literal["prepare", "synthesise"]], arg(metavar="prepare|synthesise")],
    folder: Annotated[Positional[Path], arg(metavar="FOLDER|EG3D.ckpt")],
    out: Annotated[Path, arg(metavar="SHARDS")],
    size: int = 512,
    framing: Literal["eg3d", "shoulders"] = "eg3d",
    face_model: Literal["shipped", "basel"] = "shipped",
    frames: int = 250,
    views: int = 16,
    people: int = 100,
    seed: int = 0,
    licence: str = "",
    jobs: int = 1,
    ray: Annotated[str | None, arg(metavar="ADDRESS")] = None,
) -> None:
    """Turn photos and clips into compact shards to learn from; the same call takes up what was stopped.

    `prepare` takes what they show. `synthesise` lets the relief draw views and expressions of each photo, or
    of a clip's first frame; cameras, mattes, expressions and depth are known exactly. Given your own EG3D
    checkpoint, the teacher of Real3D-Portrait, it draws people that this makes up; their cameras are known
    exactly. What cannot be used is listed with the reason in SHARDS/skipped.csv.

    Args:
        action: `prepare` or `synthesise`.
        folder: Own files, or VFHQ, CelebV-HQ, TalkingHead-1KH, HDTF, FFHQ or RAVDESS as they lie on disk.
        out: Folder of the shards.
        size: Side of the pictures in pixels.
        framing: For prepare, head and shoulders as EG3D cuts them out, or a square half as large again.
        face_model: For prepare, whose coefficients: ours, or those of the Basel model that you have imported.
        frames: For prepare, most frames of a clip.
        views: For synthesise, frames of each photo or person; the first of a photo is its own view.
        people: For synthesise from EG3D, how many.
        seed: For synthesise, of all draws.
        licence: Noted in every shard.
        jobs: Processes that work at the same time.
        ray: Let the machines of a Ray cluster work, at this address or `auto`, or a `local` one of --jobs
            processes; FOLDER and SHARDS should be on a disk that they share.
    """
    for name, value, least in (
        ("size", size, 32),
        ("frames", frames, 1),
        ("views", views, 1),
        ("people", people, 1),
        ("jobs", jobs, 1),
    ):
        if value < least:
            raise usage(f"--{name} should be at least {least}, got {value}.")
    from cameo3d.app.training import make_shards
    from cameo3d.data.portraits.eg3d_synthesis import Eg3dSynthesis
    from cameo3d.data.portraits.preparing import Preparation
    from cameo3d.data.portraits.synthesis import Synthesis

    how: Preparation | Synthesis | Eg3dSynthesis
    if action == "prepare":
        how = Preparation(size, framing, face_model, frames, licence)
    elif folder.is_file():
        how = Eg3dSynthesis(size, people, views, seed, licence=licence)
    else:
        how = Synthesis(size, views, seed, licence)
    make_shards(folder, out, how, jobs, ray)
