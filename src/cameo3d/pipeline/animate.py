"""The whole story: load a model, make an avatar of a photo, and let a driver move it."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from cameo3d.blocks.density_mesh import LEVEL
from cameo3d.errors import FaceError, InputError
from cameo3d.geometry.crops import picture_crop
from cameo3d.media.files import check_input, shown
from cameo3d.media.images import read_picture
from cameo3d.models.avatar import Avatar, AvatarModel, Sculpted, View
from cameo3d.models.kinds import load_avatar, maker_of, size_of
from cameo3d.models.voice.contract import Delivery, VoiceModel
from cameo3d.pipeline.adjusting import added_weights, adjusted, looped
from cameo3d.pipeline.adjustments import Adjustments, over_stated
from cameo3d.pipeline.animation import CROP_SIZE, Animation, scaled_crop
from cameo3d.pipeline.backgrounds import MAX_PHOTO_SIDE, Background, covering, read_background
from cameo3d.pipeline.coefficients import is_coefficients
from cameo3d.pipeline.drivers import (
    Driven,
    Driver,
    MotionDriver,
    VideoDriver,
    VoiceDriver,
    pose_motion,
    without_pose,
)
from cameo3d.pipeline.hidden import held_where_hidden, tell_hidden
from cameo3d.pipeline.lids import with_lids
from cameo3d.pipeline.models import load_network, load_voice_model
from cameo3d.pipeline.motion import Progress, TrackedVideo, track_video
from cameo3d.pipeline.options import (
    DEFAULT_MODEL,
    Device,
    Framing,
    ModelName,
    ModelOptions,
    Sharpen,
    Size,
    SizePixels,
)
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.pipeline.portrait import CropRule, head_crop, make_portrait
from cameo3d.pipeline.prepared import PreparedDriver, encode_folder, is_prepared
from cameo3d.pipeline.retarget import absolute_motion, with_pose
from cameo3d.pipeline.transfer import Start, Transfer, is_free
from cameo3d.values import Motion, Portrait
from cameo3d.values.mesh import Mesh
from cameo3d.values.motion_files import stated_comments
from cameo3d.values.portrait import Sight

logger = logging.getLogger(__name__)

Photo = str | Path | Portrait
Source = Photo | Avatar
VoiceName = Literal["lite", "official"]
Hidden = Literal["still", "move"]
"""Whether what the photo does not show stays as it is there, or moves all the same."""


@runtime_checkable
class Framed(Protocol):
    """A model that knows which square of a photo suits it."""

    framing: Framing


@dataclass(frozen=True)
class Model:
    """A loaded avatar model. Load it once, then encode many people and animate each many times."""

    name: ModelName
    network: AvatarModel
    """What encodes and draws."""
    crop_rule: CropRule = head_crop
    """Which square of a photo it makes the avatar of."""
    sharpen: Sharpen = "off"
    """Whether photos are doubled in size by a network first."""

    def encode(self, photos: Photo | Sequence[Photo], face: int = 0) -> Avatar:
        """Make an avatar of one person.

        Args:
            photos: A photo file or portrait, or several of the same person. The avatar starts from the one
                that shows the face best: closest to the front, and largest.
            face: Which face of each photo, counted from the largest, 0.

        Raises:
            InputError: If a photo cannot be read, or none is given.
            FaceError: If one shows no usable face.
        """
        several = [photos] if isinstance(photos, str | Path | Portrait) else list(photos)
        if not several:
            raise InputError("No photo was given; give one or more of the same person.")
        portraits = [_portrait(photo, face, self.crop_rule, self.sharpen) for photo in several]
        return self.network.encode(sorted(portraits, key=_awkwardness))

    def animate(
        self,
        source: Source,
        *,
        video: str | Path | None = None,
        motion: str | Path | Motion | None = None,
        voice: str | Path | None = None,
        pose: str | Path | Motion | None = None,
        relative: bool = True,
        from_first: bool = False,
        limited: bool | None = None,
        background: str | Path = "keep",
        frame: View = "crop",
        face: int = 0,
        hidden: Hidden = "still",
        smooth: float = 0.3,
        delivery: Delivery | None = None,
        voice_model: VoiceName | VoiceModel = "lite",
        adjust: Adjustments = Adjustments(),  # noqa: B008  # frozen
        progress: Progress | None = None,
    ) -> Animation:
        """Bring a person to life with the motion of a video or of a motion file, or with a voice.

        Args:
            source: An avatar of this model, an avatar file, a photo file, a portrait, or for GOHA a folder of
                pictures prepared with its own program; so is `video`.
            video: Video whose motion and sound are taken. Give exactly one of this, `motion` and `voice`.
            motion: Motion, or a motion file (our own or Live Link Face CSV).
            voice: Sound file, or a video of which only the sound is taken, that the person says.
            pose: Where head pose and gaze come from instead: "still", a motion, a motion file or a video.
                "natural" leaves them to the driver.
            relative: Move from the photo's own pose and expression by what the driver moves from its most
                neutral frame. Otherwise take over the driver's pose and expression as they are. A voice has
                none; then it is about `pose`.
            from_first: Begin with the photo's pose and move on as the driver does from its first frame,
                without limits; expressions are the driver's. Not together with `relative=False`.
            limited: Whether a relative motion ends softly where a relief cannot turn further; by default so
                for reliefs, while Real3D and GOHA turn as far as the driver does.
            background: "keep" for the photo's own, a colour as "#rrggbb" or by its name, a picture
                file, or "transparent".
            frame: "crop" for head and shoulders, 512 pixels or `size_px` across; "photo" for the whole photo
                at its own size.
            face: Which face of a photo, counted from the largest, 0.
            hidden: Whether what the photo does not show (eyes that are shut or behind dark lenses, a covered
                mouth) stays "still", or is made to "move" all the same.
            smooth: How strongly a video's motion is smoothed, in [0, 1].
            delivery: How a voice is spoken; a pose given above replaces its own. Its `blink` is heeded with
                any driver.
            voice_model: What turns a voice into motion: "lite", which is shipped, "official", with imported
                weights, or a loaded voice.
            adjust: What is changed about the driver's motion. What a motion file states of it, as comments,
                counts where this says nothing else.
            progress: Called while a video is tracked or a voice is heard.

        Returns:
            An iterable of frames: RGB bytes, or RGB with straight alpha when the background is transparent.

        Raises:
            CameoError: If a file cannot be used, or shows no usable face.
            ValueError: If not exactly one of `video`, `motion` and `voice` is given.
        """
        # What is quickly checked comes before what takes long.
        if sum(given is not None for given in (video, motion, voice)) != 1:
            raise ValueError("Give exactly one of video, motion and voice.")
        if from_first and not relative:
            raise ValueError("Give relative=False or from_first, not both.")
        start: Start = "first" if from_first else "neutral" if relative else "driver"
        transfer, spoken = Transfer(start, limited), delivery or Delivery()
        pose = None if pose == "natural" else pose
        if isinstance(pose, str | Path) and pose != "still":
            check_input(Path(pose), "pose")
        driver: Driver
        if video is not None and is_prepared(Path(video)):
            driver = PreparedDriver(Path(video), transfer)
        elif video is not None:
            driver = VideoDriver(Path(video), transfer, smooth)
        elif voice is not None:
            spoken = spoken if pose is None else without_pose(spoken)
            speaker = load_voice_model(voice_model) if isinstance(voice_model, str) else voice_model
            driver = VoiceDriver(Path(voice), speaker, spoken)
        else:
            assert motion is not None, "without a video or a voice there is a motion"
            driver = MotionDriver(motion, transfer)
        behind = read_background(background)
        if motion is not None and not isinstance(motion, Motion) and not is_coefficients(Path(motion)):
            adjust = over_stated(adjust, stated_comments(Path(motion)))
        added_weights(adjust)  # names are checked
        avatar = self._avatar(source, face)
        sight = avatar.person.sight if hidden == "still" else Sight()
        tell_hidden(sight)
        avatar = replace(avatar, person=replace(avatar.person, sight=sight))
        driven = driver.drive(self.network, avatar, progress)
        moved, person = driven.motion, driven.avatar.person
        if pose is not None:
            still = pose == "still"
            posed = None if still else transfer(pose_motion(pose, smooth), person, is_free(self.network))
            moved = with_pose(moved, posed, person)
        if voice is None:
            moved = with_lids(moved, spoken.blink, spoken.seed)
        moved = adjusted(moved, person, adjust, not is_free(self.network) if limited is None else limited)
        moved = held_where_hidden(moved, person, sight)
        moved = looped(moved) if adjust.loop else moved
        return self._animation(driven, moved, frame, behind, adjust.crop_scale)

    def orbit(
        self,
        source: Source,
        *,
        seconds: float = 4.0,
        yaw_radians: float = 0.4,
        pitch_radians: float = 0.15,
        background: str | Path = "keep",
        frame: View = "crop",
        face: int = 0,
    ) -> Animation:
        """Turn a head to both sides and nod.

        Args:
            source: As for `animate`, like `background`, `frame` and `face`.
            seconds: Length.
            yaw_radians: Largest turn to either side.
            pitch_radians: Largest nod up and down.
            background: What stands behind the person.
            frame: What the frames show.
            face: Which face of a photo.

        Raises:
            CameoError: If a file cannot be used, or shows no usable face.
        """
        behind = read_background(background)
        avatar = self._avatar(source, face)
        motion = orbit_motion(avatar.person, seconds, yaw_radians, pitch_radians)
        return self._animation(Driven(avatar, motion), absolute_motion(motion, avatar.person), frame, behind)

    def mesh(self, source: Source, resolution: int = 256, level: float = LEVEL, face: int = 0) -> Mesh:
        """A person's head as a surface with coloured vertices, in the photo's expression.

        Args:
            source: As for `animate`, like `face`.
            resolution: Points along each side of a network's cube; of a relief, corners along its crop.
            level: Density at which a network's field is cut.
            face: Which face of a photo.

        Raises:
            CameoError: If a file cannot be used, shows no usable face, or the density never passes the level.
        """
        avatar = self._avatar(source, face)
        assert isinstance(self.network, Sculpted), "all of ours are"
        return self.network.mesh(avatar, resolution, level)

    def _avatar(self, source: Source, face: int) -> Avatar:
        if isinstance(source, str | Path) and is_prepared(Path(source)):
            return encode_folder(Path(source), self.network)
        if isinstance(source, str | Path) and is_avatar_file(Path(source)):
            source = load_avatar(Path(source))
        if not isinstance(source, Avatar):
            return self.encode(source, face)
        if maker_of(source) != self.name:
            raise InputError(f"The avatar was made by {maker_of(source)}, not {self.name}; load that model.")
        return source

    def _animation(
        self, driven: Driven, motion: Motion, view: View, behind: Background, crop_scale: float = 1.0
    ) -> Animation:
        shown = None
        if view == "crop" and crop_scale != 1:
            view, shown = "photo", scaled_crop(driven.avatar.person, crop_scale)
        across, shown_pixels = self.network.size(driven.avatar)[0], driven.avatar.person.crop.side
        if view == "crop" and across > max(CROP_SIZE, shown_pixels):
            logger.warning(
                "Frames have %d pixels, but the photo shows head and shoulders in %d and is enlarged.",
                across,
                shown_pixels,
            )
        if isinstance(behind, str):
            behind = self.network.background(driven.avatar, view)
        elif behind is not None:
            behind = covering(behind, *self.network.size(driven.avatar, view))
        return Animation(
            self.network, driven.avatar, motion, view, behind, driven.video, driven.shots, driven.sound, shown
        )


def load_model(
    name: ModelName = "relief",
    *,
    size: Size | None = None,
    device: Device = "cpu",
    fast: bool = False,
    size_px: SizePixels = 512,
    sharpen: Sharpen = "off",
) -> Model:
    """Load an avatar model, once.

    Args:
        name: "relief", which needs no weights, or "real3d" or "goha".
        size: "official" for the published network with imported weights, "lite" for ours, "small" for one
            you trained.
        device: "cpu" or "cuda".
        fast: Draw several times faster, a little less exactly.
        size_px: Pixels across relief's head-and-shoulders frames.
        sharpen: Whether a network doubles photo files in size: "auto" those under 400 pixels around the head.

    Raises:
        WeightsError: If its weights are missing or damaged; the message says how to get them.
        InputError: If there is no such device here, or the model has no such option.
    """
    return model_of(ModelOptions(name, size, fast, device, size_px, sharpen))


def model_of(options: ModelOptions) -> Model:
    """Load the model that options name, by default relief."""
    if not 0 < options.min_face_share <= 1:
        raise InputError(f"The least face share should lie between 0 and 1, got {options.min_face_share}.")
    network = load_network(options)
    framing = options.framing or (network.framing if isinstance(network, Framed) else "head")
    rule = head_crop if framing == "head" else partial(picture_crop, least_share=options.min_face_share)
    return Model(options.model or "relief", network, rule, options.sharpen)


def model_for(source: Source, options: ModelOptions) -> tuple[Model, Source]:
    """Load the model that made an avatar, or the one that is wanted for a photo.

    Returns:
        The model, and the source; an avatar file is already read.

    Raises:
        InputError: If the avatar was made by another model than the wanted one.
    """
    if isinstance(source, str | Path) and not is_prepared(Path(source)) and is_avatar_file(Path(source)):
        avatar = load_avatar(Path(source))
        name = maker_of(avatar)
        if options.model not in (name, None):
            raise InputError(
                f"The avatar {shown(Path(source))} was made by {name}; leave --model {options.model} out."
            )
        source = avatar
    if isinstance(source, Avatar):
        made: Any = {"model": maker_of(source), "size": options.size or size_of(source)}
        options = replace(options, **made)
    return model_of(options), source


def animate(source: Source, *, model: ModelOptions | ModelName | None = None, **how: object) -> Animation:
    """Load a model and animate with it, in one line; see `Model.animate` for the other arguments.

    Args:
        source: Photo, avatar file, portrait or avatar.
        model: By default relief, or the one that made the avatar.
        **how: As for `Model.animate`.
    """
    loaded, source = model_for(source, _options(model))
    return loaded.animate(source, **how)  # type: ignore[arg-type]


def orbit(source: Source, *, model: ModelOptions | ModelName | None = None, **how: object) -> Animation:
    """Load a model and turn a head to both sides, in one line; see `Model.orbit`."""
    loaded, source = model_for(source, _options(model))
    return loaded.orbit(source, **how)  # type: ignore[arg-type]


def create(
    photos: Photo | Sequence[Photo], face: int = 0, model: ModelOptions | ModelName | None = None
) -> Avatar:
    """Load a model and make an avatar with it, in one line; see `Model.encode`."""
    avatar = model_of(_options(model)).encode(photos, face)
    tell_hidden(avatar.person.sight)
    return avatar


def track(
    video: str | Path, face: int = 0, smooth: float = 0.3, progress: Progress | None = None
) -> TrackedVideo:
    """Follow a face through a video.

    Args:
        video: The video.
        face: Which face, counted from the largest, 0.
        smooth: How strongly the motion is smoothed, in [0, 1].
        progress: Called after each frame.

    Raises:
        InputError: If the video cannot be read.
        FaceError: If most frames show no face.
    """
    return track_video(Path(video), face=face, smooth=smooth, progress=progress)


def is_avatar_file(path: Path) -> bool:
    """Whether a file is an avatar rather than a photo; its name or its first bytes tell."""
    if path.suffix.lower() == ".avatar":
        return True
    with check_input(path, "photo").open("rb") as file:
        return file.read(9)[8:] == b"{"  # safetensors: eight bytes of length, then JSON


def _options(model: ModelOptions | ModelName | None) -> ModelOptions:
    if isinstance(model, ModelOptions):
        return model
    return DEFAULT_MODEL if model is None else ModelOptions(model)


def _portrait(photo: Photo, face: int, crop_rule: CropRule, sharpen: Sharpen) -> Portrait:
    if isinstance(photo, Portrait):
        return photo
    picture = read_picture(Path(photo), MAX_PHOTO_SIDE)
    try:
        return make_portrait(picture.pixels, face, picture.alpha, crop_rule, sharpen)
    except FaceError as error:
        raise FaceError(f"{shown(Path(photo))}: {error}") from error


def _awkwardness(portrait: Portrait) -> float:
    """Radians that the face is turned away, and a little for each halving of its size."""
    turned = float(portrait.person.rotation[:2].norm())
    return turned - 0.1 * math.log2(portrait.person.crop.side)
