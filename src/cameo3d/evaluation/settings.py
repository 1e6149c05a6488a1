"""What an evaluation is asked to do. Figures belong together only where all of it agrees."""

from dataclasses import asdict, dataclass
from typing import Literal

from cameo3d.evaluation.measures import TestProtocol
from cameo3d.pipeline.options import ModelOptions
from cameo3d.weights.packages import DLIB, LPIPS_ALEX, SFACE
from cameo3d.weights.user_files import own_networks


@dataclass(frozen=True)
class Settings:
    """One evaluation."""

    protocol: TestProtocol
    """What is asked of the model."""
    data: str
    """Folder of the data set."""
    photos: str | None
    """Folder whose photos are the sources of `cross`; None for those of the data set."""
    pairs: str | None
    """CSV file with the pairs to take; None for the protocol's own choice."""
    model: ModelOptions | None
    """The model that is measured, or None for `outputs`."""
    outputs: str | None
    """Folder of another system's videos or pictures, each named like its pair."""
    frame: Literal["crop", "photo"]
    """Head and shoulders at 512x512, or the whole picture; outputs are always whole pictures."""
    relative: bool
    """Whether a driving clip moves the person from the photo's own pose, instead of taking its own over."""
    seed: int
    """Of all random choices."""
    limit: int | None
    """At most so many pairs, drawn at random."""
    frames: int | None
    """At most so many frames from the start of each clip."""
    version: str
    """Of this package."""
    networks: tuple[str, ...]
    """What can be measured depends on these; see `present_networks`."""
    voice_model: Literal["lite", "official"] = "lite"
    """What speaks in `voice`."""
    pose: Literal["driver", "still"] = "driver"
    """Whether a driver's pose is taken in `cross`, or its expression alone."""
    measures: str = ""
    """Names of the measures that are taken, with commas between them; all if empty."""

    @property
    def subject(self) -> str:
        """What is measured, in words."""
        if self.model is None:
            return f"outputs in {self.outputs}"
        words = (self.model.model or "relief", self.model.size, "fast" if self.model.fast else None)
        return "model " + " ".join(word for word in words if word)


def present_networks() -> tuple[str, ...]:
    """Names of the files in the user's folder of networks, and of installed packages that hold networks."""
    folder = own_networks().folder
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    installed = {"dlib": DLIB, "lpips": LPIPS_ALEX, "sface": SFACE}
    return (*names, *(name for name, file in installed.items() if not file.missing()))


def differences(one: Settings, other: dict[str, object]) -> list[str]:
    """In which settings a stored evaluation differs, in words."""
    wanted = asdict(one) | {"networks": list(one.networks)}
    return [
        f"{name} {other.get(name)!r} there, {value!r} here"
        for name, value in wanted.items()
        if other.get(name) != value
    ]
