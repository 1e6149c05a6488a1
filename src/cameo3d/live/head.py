"""A live head: an avatar over its background, drawn one frame at a time."""

import numpy as np
from jaxtyping import UInt8

from cameo3d.errors import InputError
from cameo3d.imaging.compose import compose
from cameo3d.models.avatar import Avatar
from cameo3d.pipeline.animate import Model
from cameo3d.pipeline.backgrounds import Background, covering
from cameo3d.provenance.embedding import Mark
from cameo3d.values import Motion


class LiveHead:
    """Draws one avatar, frame by frame, each by itself; every frame carries the invisible mark.

    Args:
        model: The model that made it.
        avatar: The avatar.
        identity: The id of 32 bits in the mark, see `Origin`.
        background: "keep" for the photo's own, or a picture; what is transparent stands before black.

    Raises:
        InputError: If the model needs frames of the future, as the published Real3D-Portrait does.
    """

    def __init__(self, model: Model, avatar: Avatar, identity: int, background: Background = "keep") -> None:
        self.avatar = avatar
        self.width, self.height = model.network.size(avatar)
        if isinstance(background, str):
            background = model.network.background(avatar)
        elif background is not None:
            background = covering(background, self.width, self.height)
        else:
            background = np.zeros((self.height, self.width, 3), np.uint8)
        self._background = background
        self.last: UInt8[np.ndarray, "height width 3"] | None = None
        """What was drawn last, without the mark: a still gets its own."""
        self._mark = Mark(identity)
        self._performance = model.network.perform(avatar, "crop", background)
        if self._performance.look_ahead:
            raise InputError(
                f"The published {model.name} needs later frames and cannot be live; use --model relief."
            )

    def draw(self, motion: Motion) -> UInt8[np.ndarray, "height width 3"]:
        """Draw a motion's one frame."""
        (frame,) = self._performance.draw(motion)
        self.last = compose(frame, self._background)
        return self._mark.apply(self.last)
