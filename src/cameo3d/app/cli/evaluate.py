"""`cameo3d evaluate`: measure a model by the papers' protocols."""

import os
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d import __version__
from cameo3d.app.cli.shared import File, Model, check_files, check_folders, say, usage
from cameo3d.pipeline.options import DEFAULT_MODEL


def evaluate(
    protocol: Annotated[
        Positional[Literal["reconstruction", "self", "cross", "voice", "free-view"]], arg(metavar="PROTOCOL")
    ],
    data: Annotated[Path, arg(metavar="FOLDER")],
    report: Annotated[Path, arg(metavar="DIR")],
    outputs: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    photos: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    pairs: File = None,
    frame: Literal["crop", "photo"] = "crop",
    relative: bool = False,
    pose: Literal["driver", "still"] = "driver",
    voice_model: Literal["lite", "official"] = "lite",
    seed: int = 0,
    limit: int | None = None,
    frames: int | None = None,
    measures: Annotated[str, arg(metavar="NAMES")] = "",
    jobs: int | None = None,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Measure a model, or another system's outputs, and write a report to look at.

    Args:
        protocol: reconstruction: photos as they are; self: clips drive their own first frames; cross: others
            drive; voice: the clips' sound drives; free-view: a grid of angles.
        data: Photos or clips, in the usual layouts of CelebA-HQ, HDTF and VFHQ, or any.
        report: Folder for report.html, report.json and the cases; the same command goes on where it stopped.
        outputs: Videos or pictures of another system to measure instead of --model, named like the pairs.
        photos: For cross: folder of the photos that the data's clips drive.
        pairs: CSV file with the columns photo and driver, to take these instead of the papers' choice.
        frame: Head and shoulders at 512x512, or the whole picture.
        relative: In cross, move from the photo's own pose, as animate does, instead of taking the driver's.
        pose: In cross, whether the driver's pose is taken, or its expression alone.
        voice_model: In voice, what makes the lips follow it; see animate.
        seed: Fixes all random choices.
        limit: At most so many cases, drawn at random.
        frames: At most so many frames of each clip.
        measures: Take these only, such as "l1,eye_correlation"; docs/evaluation.md names them.
        jobs: Processes that work at the same time; by default one for each core.
        model: Which avatar model, and how it draws.
    """
    if (model.model is None) == (outputs is None):
        raise usage("Give either --model NAME or --outputs FOLDER.")
    for name, value in (("limit", limit), ("frames", frames), ("jobs", jobs)):
        if value is not None and value < 1:
            raise usage(f"--{name} should be at least 1, got {value}.")
    check_files(None, False, pairs=pairs)
    check_folders(data, photos, outputs)
    from cameo3d.app.evaluate import run
    from cameo3d.evaluation.settings import Settings, present_networks

    settings = Settings(
        protocol=protocol,
        data=str(data),
        photos=None if photos is None else str(photos),
        pairs=None if pairs is None else str(pairs),
        model=model if outputs is None else None,
        outputs=None if outputs is None else str(outputs),
        frame=frame,
        relative=relative,
        seed=seed,
        limit=limit,
        frames=frames,
        version=__version__,
        networks=present_networks(),
        voice_model=voice_model,
        pose=pose,
        measures=measures,
    )
    run(settings, report, jobs or os.cpu_count() or 1, say)
