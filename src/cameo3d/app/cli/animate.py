"""`cameo3d animate`: bring a photo to life."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg, create_mutex_group
from tyro.constructors import PrimitiveConstructorSpec

from cameo3d.app.cli.shared import (
    AdjustmentFlags,
    Background,
    DisclosureFlags,
    File,
    Model,
    PhotoOrAvatar,
    check_files,
    unit,
    usage,
)
from cameo3d.pipeline.adjustments import Adjustments
from cameo3d.pipeline.options import DEFAULT_MODEL
from cameo3d.provenance.disclosure import FULL_DISCLOSURE

_DRIVER = create_mutex_group(required=True)
_TRANSFER = create_mutex_group(required=False)
_COMPARE = PrimitiveConstructorSpec(
    nargs=(0, 1),
    metavar="[full]",
    instance_from_str=lambda words: words[0] if words else "panels",
    is_instance=lambda value: isinstance(value, str),
    str_from_instance=lambda value: [value],
)
"""`--compare`, or `--compare full`."""


def animate(
    source: PhotoOrAvatar,
    video: Annotated[File, _DRIVER] = None,
    motion: Annotated[File, _DRIVER] = None,
    voice: Annotated[File, _DRIVER] = None,
    text: Annotated[str | None, arg(metavar="WORDS"), _DRIVER] = None,
    pose: Annotated[str, arg(metavar="natural|still|FILE")] = "natural",
    out: File = None,
    relative: Annotated[bool, _TRANSFER] = False,
    from_first: Annotated[bool, _TRANSFER] = False,
    absolute: Annotated[bool, _TRANSFER] = False,
    limits: Literal["model", "on", "off"] = "model",
    background: Background = "keep",
    frame: Literal["crop", "photo"] = "crop",
    compare: Annotated[str, _COMPARE] = "no",
    face: int = 0,
    hidden: Literal["still", "move"] = "still",
    smooth: float = 0.3,
    blink: Literal["natural", "period", "none", "open"] = "natural",
    mouth_amplitude: float = 1.0,
    temperature: float = 0.2,
    seed: int = 0,
    mood: Literal["photo", "neutral", "happy", "sad", "angry", "surprised"] = "photo",
    voice_model: Literal["lite", "official"] = "lite",
    adjust: AdjustmentFlags = Adjustments(),  # noqa: B008  # frozen
    encoder: Literal["auto", "x264", "nvenc"] = "auto",
    overwrite: bool = False,
    disclosure: DisclosureFlags = FULL_DISCLOSURE,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Bring a photo to life with the motion of a video or of a motion file, with a voice, or with typed text.

    Args:
        source: Photo of one person, or avatar file from `cameo3d create`.
        video: Video whose expression, pose and sound are taken.
        motion: Motion file whose expression and pose are taken: our own or Live Link Face CSV.
        voice: Speech to say: a sound file, or a video of which only the sound is taken.
        text: English words to say, in a computer's voice.
        pose: Head pose and gaze: the driver's or, with a voice, a speaker's (`natural`), `still`, or those of
            another video or motion file.
        out: Video to write; by default the photo's name with _animated.mp4, in the current folder.
        relative: Move from the photo's own pose by what the driver moves from its neutral frame; the default.
        from_first: Begin with the photo's pose and move on as the driver does from its first frame.
        absolute: Take over the driver's pose and expression as they are, for the same person; with a voice
            the pose of --pose FILE.
        limits: Whether a relative motion ends softly where a photo's relief cannot turn further; the model's
            choice is on for reliefs, off for the networks real3d and goha.
        background: What stands behind the person; transparent needs .mov, .webm, or a folder for PNG frames.
        frame: Head and shoulders at --size-px, or the whole photo at its own size, at most 1920.
        compare: Put photo, driver and result side by side; with `full` also what real3d and goha make on the
            way: PNCC or drawn face, raw renderings, depth, GOHA's moving view.
        face: Which face of the photo, counted from the largest, 0.
        hidden: Whether what the photo does not show, such as eyes behind dark lenses or a mouth behind a
            mask, stays as it is there or moves all the same.
        smooth: How strongly a video's motion is smoothed, from 0 to 1.
        blink: With a voice, how the eyes blink: as speakers do, once every five seconds, or not at all. With
            a video or a motion, natural and none leave its own, period adds one every five seconds, and
            open holds the eyes open.
        mouth_amplitude: With a voice, how far the lips move, as a share of the usual, from 0 to 2.
        temperature: With a voice, how far the lips stray from their most likely motion, from 0 to 1.
        seed: With a voice, another number is another take.
        mood: With a voice, what brows, cheeks and the corners of the mouth say, and how lively the head is;
            by default as in the photo.
        voice_model: What makes the lips follow a voice: our own small model, or Real3D-Portrait's, whose
            weights you have imported.
        adjust: What is changed about the driver's motion.
        encoder: What writes H.264: the processor (x264) or an NVIDIA GPU (nvenc); by default the GPU where
            frames are drawn on one that has an encoder.
        overwrite: Replace an existing output.
        disclosure: How the video says that it is generated.
        model: The avatar model.
    """
    smooth, temperature = unit("smooth", smooth), unit("temperature", temperature)
    if not 0 <= mouth_amplitude <= 2:
        raise usage(f"--mouth-amplitude should lie between 0 and 2, got {mouth_amplitude}.")
    transparent = background == "transparent"
    if (absolute or from_first) and (voice or text) and pose in ("natural", "still"):
        raise usage(
            "--absolute and --from-first with --voice need --pose FILE: a voice has no pose to take over."
        )
    if compare not in ("no", "panels", "full"):
        raise usage(f"--compare takes nothing or full, got {compare}.")
    if compare != "no" and transparent:
        raise usage("--compare and --background transparent do not go together.")
    out = out or Path(f"{source.stem}_animated{'.mov' if transparent else '.mp4'}")
    posed = None if pose in ("natural", "still") else Path(pose)
    check_files(out, overwrite, photo=source, video=video, motion_file=motion, sound=voice, pose=posed)
    from cameo3d.app.outputs import checked_video, origin, report
    from cameo3d.app.progress import counted, progress_bar
    from cameo3d.media.encoders import choose_encoder
    from cameo3d.models.voice.contract import Delivery
    from cameo3d.pipeline.animate import animate as animate_person
    from cameo3d.pipeline.animation import write_animation
    from cameo3d.pipeline.compare import compared, compared_size, staged, staged_size
    from cameo3d.pipeline.text import spoken

    out = checked_video(out, transparent, overwrite, [source, video, motion, voice])
    if encoder == "nvenc":
        choose_encoder(encoder, on_gpu=True)  # refused before the long work
    speech = None if text is None else spoken(text, seed)
    voice = voice if speech is None else Path(speech.name)
    with progress_bar("Listening" if voice else "Tracking") as advance:
        animation = animate_person(
            source,
            video=video,
            motion=motion,
            voice=voice,
            pose=pose,
            relative=not absolute,
            from_first=from_first,
            limited={"model": None, "on": True, "off": False}[limits],
            background=background,
            frame=frame,
            face=face,
            hidden=hidden,
            smooth=smooth,
            delivery=Delivery(
                blink=blink,
                mouth_amplitude=mouth_amplitude,
                temperature=temperature,
                seed=seed,
                mood=mood,
            ),
            voice_model=voice_model,
            adjust=adjust,
            model=model,
            progress=advance,
        )
    frames, size = (animation, animation.size)
    if compare == "panels":
        frames, size = compared(animation), compared_size(animation)
    elif compare == "full":
        frames, size = staged(animation), staged_size(animation)
    rendered = counted(frames, len(animation), "Rendering")
    made_of = origin(
        animation, source, seed, video=video, motion=motion, voice=voice, pose=pose, background=background
    )
    signed = write_animation(animation, rendered, size, out, overwrite, made_of, disclosure, encoder)
    report([out], signed)
