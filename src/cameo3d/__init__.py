"""One photo in, a moving portrait video out.

    model = cameo3d.load_model("relief")
    avatar = model.encode("me.jpg")
    model.animate(avatar, voice="speech.wav").save("me.mp4")

The names below load the libraries they need at first use, so that `import cameo3d` itself stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cameo3d.errors import CameoError, FaceError, InputError, OutputError, WeightsError

if TYPE_CHECKING:
    from cameo3d.models.avatar import Avatar
    from cameo3d.models.voice.contract import Delivery
    from cameo3d.models.voice.contract import VoiceModel as Voice
    from cameo3d.pipeline.adjustments import Adjustments, Retouch
    from cameo3d.pipeline.animate import Model, animate, create, load_model, orbit, track
    from cameo3d.pipeline.animation import Animation
    from cameo3d.pipeline.edit import edit
    from cameo3d.pipeline.models import load_voice_model as load_voice
    from cameo3d.pipeline.motion import TrackedVideo
    from cameo3d.pipeline.portrait import make_portrait
    from cameo3d.values import BLENDSHAPES, Crop, Motion, Person, Portrait
    from cameo3d.values.sound import SAMPLE_RATE

__version__ = "0.2.0"
__all__ = [
    "BLENDSHAPES",
    "SAMPLE_RATE",
    "Adjustments",
    "Animation",
    "Avatar",
    "CameoError",
    "Crop",
    "Delivery",
    "FaceError",
    "InputError",
    "Model",
    "Motion",
    "OutputError",
    "Person",
    "Portrait",
    "Retouch",
    "TrackedVideo",
    "Voice",
    "WeightsError",
    "__version__",
    "animate",
    "create",
    "edit",
    "load_model",
    "load_voice",
    "make_portrait",
    "orbit",
    "track",
]

_HOMES = {
    "cameo3d.models.avatar": ("Avatar",),
    "cameo3d.models.voice.contract": ("Delivery", ("Voice", "VoiceModel")),
    "cameo3d.pipeline.adjustments": ("Adjustments", "Retouch"),
    "cameo3d.pipeline.animate": ("Model", "animate", "create", "load_model", "orbit", "track"),
    "cameo3d.pipeline.animation": ("Animation",),
    "cameo3d.pipeline.edit": ("edit",),
    "cameo3d.pipeline.models": (("load_voice", "load_voice_model"),),
    "cameo3d.pipeline.motion": ("TrackedVideo",),
    "cameo3d.pipeline.portrait": ("make_portrait",),
    "cameo3d.values": ("BLENDSHAPES", "Crop", "Motion", "Person", "Portrait"),
    "cameo3d.values.sound": ("SAMPLE_RATE",),
}
"""Where each name lives, and what it is called there if it is called otherwise."""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        for each in names:
            public, inner = (each, each) if isinstance(each, str) else each
            if public == name:
                return getattr(import_module(home), inner)
    raise AttributeError(f"module 'cameo3d' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
