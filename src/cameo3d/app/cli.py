"""The command line: parse, call the Python API, show progress, write the file."""

import logging
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, arg, create_mutex_group

from cameo3d import __version__
from cameo3d.errors import CameoError, InputError
from cameo3d.pipeline.choice import DEFAULT_CHOICE, Choice, Device
from cameo3d.provenance.disclosure import FULL_DISCLOSURE, Disclosure

app = tyro.extras.SubcommandApp()

_DRIVER = create_mutex_group(required=True)
_TRANSFER = create_mutex_group(required=False)
_File = Annotated[Path | None, arg(metavar="FILE")]
_Out = Annotated[Path | None, arg(metavar="FILE")]
_Photo = Annotated[Positional[Path], arg(metavar="PHOTO")]
_PhotoOrAvatar = Annotated[Positional[Path], arg(metavar="PHOTO|AVATAR")]
_Choice = Annotated[Choice, arg(name="")]
_Disclosure = Annotated[Disclosure, arg(name="")]
_Text = Annotated[str, arg(metavar="keep|FILE|#rrggbb|transparent")]


@app.command
def animate(
    source: _PhotoOrAvatar,
    video: Annotated[_File, _DRIVER] = None,
    motion: Annotated[_File, _DRIVER] = None,
    voice: Annotated[_File, _DRIVER] = None,
    pose: Annotated[str, arg(metavar="natural|still|FILE")] = "natural",
    out: _Out = None,
    relative: Annotated[bool, _TRANSFER] = False,
    absolute: Annotated[bool, _TRANSFER] = False,
    background: _Text = "keep",
    frame: Literal["crop", "photo"] = "crop",
    compare: bool = False,
    face: int = 0,
    hidden: Literal["still", "move"] = "still",
    smooth: float = 0.3,
    blink: Literal["natural", "none"] = "natural",
    mouth_amplitude: float = 1.0,
    temperature: float = 0.2,
    seed: int = 0,
    voice_model: Literal["lite", "official"] = "lite",
    overwrite: bool = False,
    disclosure: _Disclosure = FULL_DISCLOSURE,
    choice: _Choice = DEFAULT_CHOICE,
) -> None:
    """Bring a photo to life with the motion of a video or of a motion file, or with a voice.

    Args:
        source: Photo of one person, or avatar file from `cameo3d create`.
        video: Video whose expression, pose and sound are taken.
        motion: Motion file whose expression and pose are taken: our own or Live Link Face CSV.
        voice: Speech to say: a sound file, or a video of which only the sound is taken.
        pose: Head pose and gaze: the driver's or, with a voice, a speaker's (`natural`), `still`, or those of
            another video or motion file.
        out: Video to write; by default the photo's name with _animated.mp4, in the current folder.
        relative: Move from the photo's own pose by what the driver moves from its neutral frame; the default.
        absolute: Take over the driver's pose and expression as they are, for the same person.
        background: What stands behind the person; transparent needs .mov, .webm, or a folder for PNG frames.
        frame: Head and shoulders at 512x512, or the whole photo at its own size, at most 1920.
        compare: Put photo, driver and result side by side.
        face: Which face of the photo, counted from the largest, 0.
        hidden: Whether what the photo does not show, such as eyes behind dark lenses or a mouth behind a
            mask, stays as it is there or moves all the same.
        smooth: How strongly a video's motion is smoothed, from 0 to 1.
        blink: With a voice, whether the eyes blink.
        mouth_amplitude: With a voice, how far the lips move, as a share of the usual, from 0 to 2.
        temperature: With a voice, how far the lips stray from their most likely motion, from 0 to 1.
        seed: With a voice, another number is another take.
        voice_model: What makes the lips follow a voice: our own small model, or Real3D-Portrait's, whose
            weights you have imported.
        overwrite: Replace an existing output.
        disclosure: How the video says that it is generated.
        choice: The avatar model.
    """
    smooth, temperature = _unit("smooth", smooth), _unit("temperature", temperature)
    if not 0 <= mouth_amplitude <= 2:
        raise _usage(f"--mouth-amplitude should lie between 0 and 2, got {mouth_amplitude}.")
    transparent = background == "transparent"
    if absolute and voice:
        raise _usage("--absolute and --voice do not go together: a voice has no pose to take over.")
    if compare and transparent:
        raise _usage("--compare and --background transparent do not go together.")
    from cameo3d.app.outputs import checked_video, origin, report, write_video
    from cameo3d.app.progress import counted, progress_bar
    from cameo3d.models.voice.contract import Delivery
    from cameo3d.pipeline import animate as story
    from cameo3d.pipeline.compare import compared, compared_size

    out = out or Path(f"{source.stem}_animated{'.mov' if transparent else '.mp4'}")
    out = checked_video(out, transparent, overwrite, [source, video, motion, voice])
    with progress_bar("Listening" if voice else "Tracking") as advance:
        animation = story.animate(
            source,
            video=video,
            motion=motion,
            voice=voice,
            pose=pose,
            relative=not absolute,
            background=background,
            frame=frame,
            face=face,
            hidden=hidden,
            smooth=smooth,
            delivery=Delivery(
                blink=blink, mouth_amplitude=mouth_amplitude, temperature=temperature, seed=seed
            ),
            voice_model=voice_model,
            choice=choice,
            progress=advance,
        )
    frames, size = (animation, animation.size)
    if compare:
        frames, size = compared(animation), compared_size(animation)
    rendered = counted(frames, len(animation), "Rendering")
    made_of = origin(
        animation, source, seed, video=video, motion=motion, voice=voice, pose=pose, background=background
    )
    signed = write_video(out, rendered, size, animation, overwrite, made_of, disclosure)
    report([out], signed)


@app.command
def track(
    video: Annotated[Positional[Path], arg(metavar="VIDEO")],
    out: _Out = None,
    face: int = 0,
    smooth: float = 0.3,
    overwrite: bool = False,
) -> None:
    """Follow a face through a video and write a motion file.

    Args:
        video: Video with one person.
        out: Motion file (.csv) to write; by default the video's name with _motion.csv.
        face: Which face, counted from the largest, 0.
        smooth: How strongly the motion is smoothed, from 0 to 1.
        overwrite: Replace an existing output.
    """
    smooth = _unit("smooth", smooth)
    from cameo3d.app.outputs import checked_file
    from cameo3d.app.progress import progress_bar
    from cameo3d.pipeline import animate as story
    from cameo3d.values.motion_files import save_motion

    out = checked_file(out or Path(f"{video.stem}_motion.csv"), overwrite, [video], ".csv")
    with progress_bar("Tracking") as advance:
        tracked = story.track(video, face, smooth, advance)
    save_motion(tracked.motion, out)
    print(out)


@app.command
def create(
    photo: _Photo,
    out: _Out = None,
    face: int = 0,
    overwrite: bool = False,
    choice: _Choice = DEFAULT_CHOICE,
) -> None:
    """Make an avatar file from a photo, to be animated many times.

    Args:
        photo: Photo of one person.
        out: Avatar file (.avatar) to write; by default the photo's name with .avatar.
        face: Which face of the photo, counted from the largest, 0.
        overwrite: Replace an existing output.
        choice: The avatar model.
    """
    from cameo3d.app.outputs import checked_file
    from cameo3d.pipeline import animate as story
    from cameo3d.values.storage import save_value

    out = checked_file(out or Path(f"{photo.stem}.avatar"), overwrite, [photo], ".avatar")
    save_value(story.create(photo, face, choice), out)
    print(out)


@app.command
def orbit(
    source: _PhotoOrAvatar,
    out: _Out = None,
    seconds: float = 4.0,
    yaw: float = 25.0,
    pitch: float = 10.0,
    background: _Text = "keep",
    frame: Literal["crop", "photo"] = "crop",
    face: int = 0,
    overwrite: bool = False,
    disclosure: _Disclosure = FULL_DISCLOSURE,
    choice: _Choice = DEFAULT_CHOICE,
) -> None:
    """Turn a head to both sides and nod.

    Args:
        source: Photo of one person, or avatar file.
        out: Video to write; by default the photo's name with _orbit.mp4, in the current folder.
        seconds: Length.
        yaw: Largest turn to either side, in degrees.
        pitch: Largest nod up and down, in degrees.
        background: What stands behind the person; transparent needs .mov, .webm, or a folder for PNG frames.
        frame: Head and shoulders at 512x512, or the whole photo at its own size, at most 1920.
        face: Which face of the photo, counted from the largest, 0.
        overwrite: Replace an existing output.
        disclosure: How the video says that it is generated.
        choice: The avatar model.
    """
    if not 0.04 <= seconds <= 3600:
        raise _usage(f"--seconds should lie between 0.04 and 3600, got {seconds}.")
    if not (abs(yaw) <= 60 and abs(pitch) <= 60):
        raise _usage(f"--yaw and --pitch should lie between -60 and 60 degrees, got {yaw} and {pitch}.")
    from cameo3d.app.outputs import checked_video, origin, report, write_video
    from cameo3d.app.progress import counted
    from cameo3d.pipeline import animate as story

    transparent = background == "transparent"
    out = out or Path(f"{source.stem}_orbit{'.mov' if transparent else '.mp4'}")
    out = checked_video(out, transparent, overwrite, [source])
    animation = story.orbit(
        source,
        seconds=seconds,
        yaw_radians=math.radians(yaw),
        pitch_radians=math.radians(pitch),
        background=background,
        frame=frame,
        face=face,
        choice=choice,
    )
    rendered = counted(animation, len(animation), "Rendering")
    made_of = origin(animation, source, background=background)
    signed = write_video(out, rendered, animation.size, animation, overwrite, made_of, disclosure)
    report([out], signed)


@app.command
def demo(
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("demo"),
    overwrite: bool = False,
    disclosure: _Disclosure = FULL_DISCLOSURE,
) -> None:
    """Let the astronaut's portrait that scikit-image carries speak, and say how long each stage took.

    Args:
        out: Folder for demo.mp4 and demo.png, a contact sheet; it is made if need be.
        overwrite: Replace the files of an earlier demo.
        disclosure: How video and sheet say that they are generated.
    """
    from cameo3d.app.demo import run

    run(out, overwrite, disclosure)


@app.command
def verify(file: Annotated[Positional[Path], arg(metavar="FILE")], json: bool = False) -> None:
    """Say whether a picture or a video tells that it is generated, by credentials or by the hidden mark.

    Exits with 0 if it does, with 1 if nothing was found (which proves nothing), with 2 if it cannot be read.

    Args:
        file: Picture or video, of whatever origin.
        json: Print all figures as JSON.
    """
    from cameo3d.app.provenance import verify_file

    sys.exit(verify_file(file, json))


@app.command
def credentials(
    action: Annotated[Positional[Literal["init", "show", "use"]], arg(metavar="init|show|use")],
    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="CERT KEY")] = (),
) -> None:
    """Manage the key that signs outputs; one is made for this installation when the first output is signed.

    Args:
        action: Make a new key, show the one that there is, or take your own certificate and key.
        files: With use, PEM files: the certificate with those that vouch for it, and its private key.
    """
    if len(files) != (2 if action == "use" else 0):
        raise _usage("Write `cameo3d credentials init`, `... show`, or `... use CERT KEY`.")
    from cameo3d.app.provenance import manage_credentials

    manage_credentials(action, *files)


@app.command
def bench(
    name: Annotated[
        Positional[Literal["relief", "real3d", "goha"]], arg(metavar="relief|real3d|goha")
    ] = "relief",
    photo: _File = None,
    video: _File = None,
    compiled: bool = False,
    device: Device = "cpu",
    json: _Out = None,
    compare: _File = None,
    overwrite: bool = False,
) -> None:
    """Measure speed and memory, stage by stage.

    Args:
        name: What to measure; real3d and goha with random weights if none were imported.
        photo: For relief, photo to use instead of the astronaut's portrait.
        video: For relief, driving video to use instead of one that is rendered first.
        compiled: For real3d, measure the large networks compiled by torch.compile as well; takes minutes.
        device: For real3d and goha, where to compute.
        json: File for the figures.
        compare: Figures of an earlier run to compare with.
        overwrite: Replace an existing JSON file.
    """
    if compiled and name != "real3d":
        raise InputError(f"--compiled is measured for real3d, not for {name}; leave it out.")
    if device != "cpu" and name == "relief":
        raise InputError("The relief model runs on the CPU; leave --device out.")

    import torch

    from cameo3d.app.bench_table import show_table
    from cameo3d.app.outputs import checked_file
    from cameo3d.bench.goha import measure_goha
    from cameo3d.bench.real3d import measure_real3d
    from cameo3d.bench.relief import load_report, measure_relief, save_report

    earlier = load_report(compare) if compare else None
    out = checked_file(json, overwrite, [photo, video], ".json") if json else None
    if name == "real3d":
        report = measure_real3d(_say, device=device, compiler=torch.compile if compiled else None)
    elif name == "goha":
        report = measure_goha(_say, device)
    else:
        report = measure_relief(photo, video, _say)
    show_table(report, earlier)
    if out:
        save_report(report, out)
        print(out)


@app.command
def weights(
    action: Annotated[Positional[Literal["import"]], arg(metavar="import")],
    model: Annotated[Positional[Literal["real3d", "goha"]], arg(metavar="real3d|goha")],
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
) -> None:
    """Take over the published weights of a model into your own folder, checked and converted.

    They go to the folder named by CAMEO3D_WEIGHTS, by default cameo3d in your data folder (~/.local/share).

    Args:
        action: What to do.
        model: Whose weights.
        folder: Where the official files lie, as they were published.
    """
    from cameo3d.pipeline.importing import import_weights

    for path in import_weights(model, folder, _say):
        print(path)


@app.command
def evaluate(
    protocol: Annotated[
        Positional[Literal["reconstruction", "self", "cross", "voice", "free-view"]], arg(metavar="PROTOCOL")
    ],
    data: Annotated[Path, arg(metavar="FOLDER")],
    report: Annotated[Path, arg(metavar="DIR")],
    outputs: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    photos: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    pairs: _File = None,
    frame: Literal["crop", "photo"] = "crop",
    relative: bool = False,
    seed: int = 0,
    limit: int | None = None,
    frames: int | None = None,
    jobs: int | None = None,
    choice: _Choice = DEFAULT_CHOICE,
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
        seed: Fixes all random choices.
        limit: At most so many cases, drawn at random.
        frames: At most so many frames of each clip.
        jobs: Processes that work at the same time; by default one for each core.
        choice: Which avatar model, and how it draws.
    """
    if (choice.model is None) == (outputs is None):
        raise _usage("Give either --model NAME or --outputs FOLDER.")
    for name, value in (("limit", limit), ("frames", frames), ("jobs", jobs)):
        if value is not None and value < 1:
            raise _usage(f"--{name} should be at least 1, got {value}.")
    from cameo3d.app.evaluate import run
    from cameo3d.evaluation.settings import Settings, present_networks

    settings = Settings(
        protocol=protocol,
        data=str(data),
        photos=None if photos is None else str(photos),
        pairs=None if pairs is None else str(pairs),
        choice=choice if outputs is None else None,
        outputs=None if outputs is None else str(outputs),
        frame=frame,
        relative=relative,
        seed=seed,
        limit=limit,
        frames=frames,
        version=__version__,
        networks=present_networks(),
    )
    run(settings, report, jobs or os.cpu_count() or 1, _say)


@app.command
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
            raise _usage(f"--{name} should be at least {least}, got {value}.")
    from cameo3d.app.training import prepare

    prepare(folder, out, size, framing, face_model, frames, licence, jobs)


@app.command
def train(
    stage: Annotated[Positional[str], arg(metavar="STAGE")],
    out: Annotated[Path, arg(metavar="FOLDER")],
    data: Annotated[Path | None, arg(metavar="SHARDS")] = None,
    speech: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    recipe: str = "lite",
    start: _File = None,
    teacher: _File = None,
    steps: int | None = None,
    batch: int | None = None,
    accumulate: int | None = None,
    precision: Literal["float32", "bfloat16", "float16"] | None = None,
    perceptual: bool = True,
    store: Annotated[str | None, arg(metavar="LICENCE")] = None,
    device: Device = "cpu",
) -> None:
    """Train one stage of a model; the same call takes up what was stopped. torchrun runs it on many GPUs.

    Stages: real3d.image_to_plane, real3d.motion, real3d.torso, real3d.sync, real3d.voice, and voice, the
    small model that the package ships.

    Args:
        stage: Which stage.
        out: Folder of the checkpoint, the log and sample sheets.
        data: Shards from `cameo3d data prepare`; for voice, talking videos with their index.csv.
        speech: For voice, speech without pictures with its index.csv.
        recipe: official or lite; of an ablation such as lite-without-motion-adapter.
        start: Checkpoint of the stage before.
        teacher: EG3D's checkpoint for real3d.image_to_plane, the sync expert's for real3d.voice.
        steps: How long, instead of the recipe's.
        batch: Examples in a batch, instead of the recipe's.
        accumulate: Batches whose gradients are added up for one step.
        precision: Of convolutions; weights stay float32.
        perceptual: Whether perceptual networks judge pictures; without them their terms are left out.
        store: Put the trained Real3D-Portrait where `--model real3d --size RECIPE` finds it, on these terms.
        device: Where to train.
    """
    if stage == "voice":
        if data is None or speech is None:
            raise _usage("The stage voice needs --data FOLDER and --speech FOLDER.")
        from cameo3d.app.train import train_voice_model

        print(train_voice_model(data, speech, out, device))
        return
    from cameo3d.app.training import train_stage

    changes = {"steps": steps, "batch": batch, "accumulate": accumulate, "precision": precision}
    print(train_stage(stage, out, data, recipe, start, teacher, changes, perceptual, store, device))


@app.command
def doctor() -> None:
    """List what is installed and what is missing, one line each."""
    from cameo3d.app.doctor import findings

    found = findings()
    for finding in found:
        print(finding.line)
    if not all(finding.good or finding.optional for finding in found):
        sys.exit(1)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        args: Words after `cameo3d`; by default those of this process. Expected failures show as one line
            and exit with 1, misuse with 2, Ctrl-C with 130.
    """
    words = sys.argv[1:] if args is None else list(args)
    if words == ["--version"]:
        print(f"cameo3d {__version__}")
        return
    _settle()
    try:
        app.cli(
            prog="cameo3d",
            description="One photo in, a moving portrait video out. `--version` tells the version.",
            args=words,
            config=(FlagCreatePairsOff,),
        )
        sys.stdout.flush()
    except CameoError as error:
        _say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        _say("Stopped; nothing was written.")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _OneLine(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _say(record.getMessage())


def _settle() -> None:
    """Send the library's notices to standard error, keep other libraries quiet, let SIGTERM clean up."""
    logging.basicConfig(level=logging.WARNING, handlers=[_OneLine()])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _say(text: str) -> None:
    print(f"cameo3d: {text}", file=sys.stderr)


def _usage(sentence: str) -> SystemExit:
    _say(sentence)
    return SystemExit(2)


def _unit(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise _usage(f"--{name} should lie between 0 and 1, got {value}.")
    return value
