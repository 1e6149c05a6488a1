"""The voice of Real3D-Portrait: a variational autoencoder of expressions under the condition of speech."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cameo3d.data.portraits.talks import TalkBatch
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.sync_expert import MOTION_FRAMES, SPEECH_STEPS, SyncExpert
from cameo3d.training.learner import Group, Learner, Losses, Part
from cameo3d.training.norms import add_weight_norms
from cameo3d.training.real3d.recipes import VoiceRecipe
from cameo3d.training.real3d.sync import Mesh
from cameo3d.training.real3d.voice_losses import annealed, bend_loss, frame_mean, mesh_loss, sync_loss
from cameo3d.training.schedule import smooth_decay


class VoiceStage:
    """The stage.

    Args:
        recipe: All choices.
        network: The voice, not yet trained.
        mesh: How identity and expression move the mesh.
        expert: The sync expert, trained; None leaves its term out.
        device: Where to train.
        start: A state of the network to begin with.
    """

    averaged: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(
        self,
        recipe: VoiceRecipe,
        network: VoiceToExpression,
        mesh: Mesh,
        expert: SyncExpert | None,
        device: torch.device,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.recipe, self._mesh = recipe, mesh
        if start is not None:
            network.load_state_dict(start)
        add_weight_norms(network)
        self.voice = network.to(device)
        self.networks = nn.ModuleDict({"voice": self.voice})
        self.expert = None if expert is None else expert.to(device).eval().requires_grad_(False)
        if self.expert is not None and recipe.official_expert_slip:
            self.expert.train()
        rate = smooth_decay(recipe.rate, recipe.decay, recipe.decay_every, recipe.floor, recipe.warm_up)
        group = Group(list(self.voice.parameters()), rate)
        self.learners = {
            "voice": Learner({"voice": group}, max_norm=recipe.max_norm, precision=recipe.precision)
        }

    def step(self, step: int, parts: Sequence[Part[TalkBatch]]) -> dict[str, float]:
        """One step."""
        self.voice.train()
        return self.learners["voice"].update(step, parts, self.losses, self.weights(step))

    def weights(self, step: int) -> dict[str, float]:
        """Of all terms; the divergence's rises and begins again."""
        recipe = self.recipe
        return {
            "divergence": annealed(recipe.divergence, step, *recipe.annealing),
            "expression": recipe.expression,
            "mesh": recipe.mesh,
            "bend": recipe.bend,
            "size": recipe.size,
            "sync": recipe.sync,
        }

    def losses(self, batch: TalkBatch) -> Losses:
        """All terms of a batch."""
        voice, mask, truth = self.voice, batch.mask, batch.expression
        condition = voice.conditions(batch.speech, batch.pitch, batch.blink, batch.mouth)
        noise = torch.randn((len(truth), voice.latent, truth.shape[1] // 4), device=truth.device)
        posterior = voice.infer(truth, condition, noise, mask)
        made = voice.decode(posterior.sample, condition, mask)
        moved = self._mesh(batch.identity, made)
        losses = {
            "divergence": posterior.divergence(mask[:, ::4]),
            "expression": frame_mean((made - truth).square(), mask),
            "mesh": mesh_loss(moved, self._mesh(batch.identity, truth), mask),
            "bend": bend_loss(made, mask),
            "size": frame_mean(made.square(), mask),
        }
        if self.expert is not None and (pieces := self._pieces(batch, moved)) is not None:
            cosines = self.expert(*pieces).float()
            losses["sync"] = sync_loss(cosines, torch.ones_like(cosines, dtype=torch.bool))
        return losses

    def sheet(self, batch: TalkBatch) -> None:
        """There is nothing to see."""

    def _pieces(self, batch: TalkBatch, moved: Tensor) -> tuple[Tensor, Tensor] | None:
        """Random pieces of speech and motion that hold no padding."""
        clips, frames = batch.mask.shape
        count = max(1, self.recipe.sync_pieces // clips)
        starts = torch.randint(frames - MOTION_FRAMES + 1, (clips, count), device=moved.device)
        places = starts[..., None] + torch.arange(MOTION_FRAMES, device=moved.device)
        rows = torch.arange(clips, device=moved.device)[:, None, None]
        whole = batch.mask[rows, places].amin(dim=2) > 0
        if not whole.any():
            return None
        steps = 2 * starts[..., None] + torch.arange(SPEECH_STEPS, device=moved.device)
        return batch.speech[rows, steps][whole], moved.flatten(2)[rows, places].flatten(3)[whole]
