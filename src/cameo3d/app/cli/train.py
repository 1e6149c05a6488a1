"""`cameo3d train`: one stage of a model, from data to weights."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import File, check_files, check_folders, usage
from cameo3d.pipeline.options import Device

_SHIPPED = ("voice", "face_correction", "plane_correction")


def train(
    stage: Annotated[Positional[str], arg(metavar="STAGE")],
    out: Annotated[Path, arg(metavar="FOLDER")],
    data: Annotated[Path | None, arg(metavar="SHARDS")] = None,
    speech: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    recipe: str = "small",
    start: File = None,
    teacher: File = None,
    steps: int | None = None,
    batch: int | None = None,
    accumulate: int | None = None,
    precision: Literal["float32", "bfloat16", "float16"] | None = None,
    recompute: bool = False,
    perceptual: bool = True,
    store: Annotated[str | None, arg(metavar="LICENCE")] = None,
    export: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    device: Device = "cpu",
) -> None:
    """Train one stage of a model; the same call takes up what was stopped. torchrun runs it on many GPUs.

    Stages: real3d.image_to_plane, real3d.motion, real3d.torso, real3d.sync, real3d.voice;
    goha.reconstruction, goha.adversarial, goha.super_resolution; voice, face_correction and
    plane_correction, which are shipped.

    Args:
        stage: Which stage.
        out: Folder of the checkpoint, the log and sample sheets.
        data: Shards from `cameo3d data prepare`; for voice and
            face_correction or plane_correction, folders with their index.csv.
        speech: For voice, speech without pictures with its index.csv.
        recipe: official or small; of an ablation such as small-without-motion-adapter.
        start: Checkpoint of the stage before.
        teacher: EG3D's checkpoint for real3d.image_to_plane, the sync expert's for real3d.voice.
        steps: How long, instead of the recipe's.
        batch: Examples in a batch, instead of the recipe's.
        accumulate: Batches whose gradients are added up for one step.
        precision: Of convolutions; weights stay float32.
        recompute: Compute again what gradients need instead of keeping it: slower, in far less memory.
        perceptual: Whether perceptual networks judge pictures; without them their terms are left out.
        store: Put the trained generator where `--model real3d|goha --size RECIPE` finds it, on these terms.
        export: Folder for the trained network in the layout of the official checkpoints.
        device: Where to train.
    """
    if stage in _SHIPPED:
        given = {"recipe": None if recipe == "small" else recipe, "start": start, "teacher": teacher}
        given |= {"steps": steps, "batch": batch, "accumulate": accumulate, "precision": precision}
        given |= {"recompute": recompute or None, "store": store, "export": export}
        extra = [f"--{name}" for name, value in given.items() if value is not None]
        if extra:
            raise usage(f"The stage {stage} has a recipe of its own and takes no {', '.join(extra)}.")
    check_files(None, False, start=start, teacher=teacher)
    check_folders(data, speech)
    if stage == "voice":
        if data is None or speech is None:
            raise usage("The stage voice needs --data FOLDER and --speech FOLDER.")
        from cameo3d.app.train import train_voice_model

        print(train_voice_model(data, speech, out, device))
        return
    if stage in _SHIPPED:
        if data is None:
            raise usage(f"The stage {stage} needs --data FOLDER with portraits and talking.")
        import torch

        from cameo3d.app.train_correction import train_face_correction, train_plane_correction
        from cameo3d.pipeline.models import check_device

        check_device(device)
        learn = train_face_correction if stage == "face_correction" else train_plane_correction
        print(learn(data, out, device=torch.device(device)))
        return
    from cameo3d.app.training import train_stage

    changes = {"steps": steps, "batch": batch, "accumulate": accumulate, "precision": precision}
    changes |= {"recompute": recompute or None}
    print(train_stage(stage, out, data, recipe, start, teacher, changes, perceptual, store, export, device))
