"""The sync expert of Real3D-Portrait learns which speech and motion belong together."""

from collections.abc import Sequence

import torch
from torch import nn

from cameo3d.data.portraits.talks import SyncBatch
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.models.voice.official.sync_expert import SyncExpert
from cameo3d.training.learner import Group, Learner, Losses, Part
from cameo3d.training.real3d.recipes import SyncRecipe
from cameo3d.training.real3d.voice_losses import sync_loss
from cameo3d.training.schedule import stepped


class SyncStage:
    """The stage.

    Args:
        recipe: All choices.
        mesh: How identity and expression move the mesh.
        speech_channels: Of the features of speech.
        device: Where to train.
    """

    averaged: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(self, recipe: SyncRecipe, mesh: "Mesh", speech_channels: int, device: torch.device) -> None:
        self.recipe, self._mesh = recipe, mesh
        self.expert = SyncExpert(speech_channels, 3 * 468, recipe.width, recipe.embedding).to(device)
        self.networks = nn.ModuleDict({"expert": self.expert})
        rate = stepped(recipe.rate, recipe.decay, recipe.decay_every, recipe.floor)
        group = Group(list(self.expert.parameters()), rate)
        self.learners = {
            "expert": Learner({"expert": group}, max_norm=recipe.max_norm, precision=recipe.precision)
        }

    def step(self, step: int, parts: Sequence[Part[SyncBatch]]) -> dict[str, float]:
        """One step."""
        self.expert.train()
        return self.learners["expert"].update(step, parts, self.losses, {"sync": 1.0})

    def losses(self, batch: SyncBatch) -> Losses:
        """Cross entropy, and how often the expert is right."""
        motion = self._mesh(batch.identity, batch.expression).flatten(2)
        cosines = self.expert(batch.speech, motion).float()
        right = ((cosines > 0.5) == batch.in_step).float().mean()
        return {"sync": sync_loss(cosines, batch.in_step), "right": right}

    def sheet(self, batch: SyncBatch) -> None:
        """There is nothing to see."""


class Mesh:
    """How far identity and expression move MediaPipe's points off the mean face, in centimetres.

    Args:
        face: The Basel model.
        device: Where to compute.
    """

    def __init__(self, face: Real3DFace, device: torch.device) -> None:
        self._identity = face.mesh.identity_basis.flatten(1).to(device)
        self._expression = face.mesh.expression_basis.flatten(1).to(device)

    def __call__(self, identity: torch.Tensor, expression: torch.Tensor) -> torch.Tensor:
        """`batch frames 468 3` of `batch 80` and `batch frames 64`."""
        moved = (identity @ self._identity)[:, None] + expression @ self._expression
        return 10 * moved.unflatten(-1, (468, 3))
