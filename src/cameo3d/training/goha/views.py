"""From a pair of pictures to what GOHA renders of it in one of its modes, and what that should be."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.models.goha.generator import GohaGenerator, GohaSource
from cameo3d.models.goha.shipped_faces import People
from cameo3d.training.goha.faces import FaceDrawer
from cameo3d.training.goha.modes import Mode

Planes = Float[Tensor, "batch 3 channels plane_height plane_width"]


@dataclass(frozen=True)
class View:
    """What one mode shows."""

    colors: Float[Tensor, "batch 3 render render"]
    """Over black, in [-1, 1]."""
    planes: Planes
    """All that were rendered, added up."""
    truth: Float[Tensor, "batch 3 height width"]
    """The picture from the same camera, at its full size."""


class Viewer:
    """Renders pairs, with random ray samples as in the release.

    Args:
        generator: All networks.
        drawer: Of face model pictures.
        expression_from: Iteration from which expression planes take part.
        appearance_from: Iteration from which the photo's details do.
        always_transfers: Whether the target's expression is read even where both pictures have one.
        canonical_learns: Whether gradients reach the canonical branch.
    """

    def __init__(
        self,
        generator: GohaGenerator,
        drawer: FaceDrawer,
        expression_from: int,
        appearance_from: int,
        always_transfers: bool = False,
        canonical_learns: bool = True,
    ) -> None:
        self._generator, self._drawer = generator, drawer
        self._expression_from, self._appearance_from = expression_from, appearance_from
        self._always_transfers, self._canonical_learns = always_transfers, canonical_learns

    def __call__(self, iteration: int, mode: Mode, pairs: GohaPairs) -> View:
        """Render the pairs' mode of an iteration."""
        source = self.source(pairs)
        planes = source.canonical
        if mode != "canonical" and iteration >= self._expression_from:
            planes = planes + self._expression_planes(mode, pairs)
        if mode in ("source", "target") and iteration >= self._appearance_from:
            noise = self._generator.renderer.random_noise(planes, self._generator.config.lift_size)
            shown = self._drawer.resting(pairs.sources(), self._expressive(mode, pairs))
            planes = self._generator.with_appearance(source, planes, noise, shown)
        camera = pairs.source_camera if mode == "source" else pairs.target_camera
        return View(self._render(planes, camera), planes, pairs.source if mode == "source" else pairs.target)

    def source(self, pairs: GohaPairs) -> GohaSource:
        """What the generator keeps of the source pictures."""
        model, resting = self._generator, self.resting(pairs.sources())
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._canonical_learns):
            canonical = model.canonical_planes(pairs.source, resting)
        return GohaSource(pairs.source, resting, canonical, *camera_of(pairs.source_camera))

    @torch.no_grad()
    def resting(self, people: People) -> Float[Tensor, "batch 1 size size"]:
        """1 where the faces of pictures keep still: by the drawn face, else by the face parser."""
        drawn = self._drawer.resting(people, people)
        return self._generator.resting_mask(people.images) if drawn is None else drawn

    def _expression_planes(self, mode: Mode, pairs: GohaPairs) -> Planes:
        picture, coefficients = self._drawer.expression(pairs.sources(), self._expressive(mode, pairs))
        return self._generator.expression_planes(picture, coefficients)

    def _expressive(self, mode: Mode, pairs: GohaPairs) -> People:
        """Whose expression is shown."""
        own = mode == "source" or (pairs.kind != "video" and not self._always_transfers)
        return pairs.sources() if own else pairs.targets()

    def _render(self, planes: Planes, label: Float[Tensor, "batch 25"]) -> Float[Tensor, "batch 3 _ _"]:
        renderer, size = self._generator.renderer, self._generator.config.render_size
        return renderer(planes, *camera_of(label), size, renderer.random_noise(planes, size)).colors


def camera_of(
    label: Float[Tensor, "batch 25"],
) -> tuple[Float[Tensor, "batch 4 4"], Float[Tensor, "batch 3 3"]]:
    """World from camera, and intrinsics, of a label's numbers."""
    return label[:, :16].unflatten(1, (4, 4)), label[:, 16:].unflatten(1, (3, 3))
