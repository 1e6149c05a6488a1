"""How a driver's motion becomes that of the person in the photo."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from cameo3d.models.avatar import AvatarModel
from cameo3d.pipeline.retarget import absolute_motion, motion_from_first, relative_motion
from cameo3d.values import Motion, Person

Start = Literal["neutral", "first", "driver"]


@runtime_checkable
class TurnsFreely(Protocol):
    """A model that draws any pose; others can turn a head only so far."""

    turns_freely: bool


def is_free(model: AvatarModel) -> bool:
    """Whether a model draws any pose."""
    return isinstance(model, TurnsFreely) and model.turns_freely


@dataclass(frozen=True)
class Transfer:
    """Where the person's motion starts, and how far it may go."""

    start: Start = "neutral"
    """From the photo's pose and a neutral face, by what the driver moves from its most neutral frame; from
    the photo's pose by what it moves from its first one; or as the driver's own."""
    limited: bool | None = None
    """Whether turns from the photo's pose end softly at limits; None leaves that to the model."""

    def __call__(self, motion: Motion, person: Person, free: bool) -> Motion:
        """The person's motion, drawn by a model that draws any pose, or not."""
        match self.start:
            case "first":
                moved = motion_from_first(motion, person)
            case "driver":
                moved = absolute_motion(motion, person)
            case _:
                limited = not free if self.limited is None else self.limited
                moved = relative_motion(motion, person, limited=limited)
        return moved.settled()


RELATIVE = Transfer()
"""What is done unless it is asked otherwise."""
