"""One step of a training stage at its published size, forward and backward, on random data: time and memory.

Run: python tools/full_size_step.py STAGE [--perceptual] [--adversarial] [--keep]

STAGE is the name that `cameo3d train` knows. GOHA's faces are drawn by the shipped face model. What gradients
need is computed again (`--recompute` of `cameo3d train`) unless --keep is given; that changes no number.
"""

import argparse
import resource
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.data.portraits.pairs import PairBatch, View
from cameo3d.data.portraits.talks import SyncBatch, Talk, padded
from cameo3d.geometry.basel.bfm import FaceCoefficients
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.goha.framing import label_of, lens
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.shipped_faces import LaidFaces, ShippedDrawer
from cameo3d.models.real3d.eg3d.cameras import orbit_cameras
from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.sync_expert import MOTION_FRAMES, SPEECH_STEPS, SyncExpert
from cameo3d.training.goha.adversarial import AdversarialStage
from cameo3d.training.goha.building import build_discriminator, perceptual_distance, perceptual_features
from cameo3d.training.goha.reconstruction import ReconstructionStage
from cameo3d.training.goha.super_resolution import SuperResolutionStage
from cameo3d.training.learner import Part
from cameo3d.training.losses.networks import load_perceptual
from cameo3d.training.real3d.image_to_plane import ImageToPlaneStage, TeacherBatches
from cameo3d.training.real3d.motion import MotionStage
from cameo3d.training.real3d.sync import Mesh, SyncStage
from cameo3d.training.real3d.torso import TorsoStage
from cameo3d.training.real3d.voice import VoiceStage
from cameo3d.training.setting import Setting
from cameo3d.training.stages import STAGES, recipe_of

CPU = torch.device("cpu")
FIRST = {"goha.reconstruction": 240_001, "goha.adversarial": 40, "goha.super_resolution": 0}
FIGHTING = {"real3d.image_to_plane": 5007, "real3d.motion": 15, "real3d.torso": 15}
"""The step that is taken: GOHA's look at the whole network, and all discriminators learn with R1; stage A of
Real3D-Portrait also draws the reference view."""


def main() -> None:
    """Build, step, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--perceptual", action="store_true")
    parser.add_argument(
        "--adversarial", action="store_true", help="of Real3D-Portrait, a step of the last phase"
    )
    parser.add_argument("--keep", action="store_true", help="what gradients need, instead of recomputing")
    chosen = parser.parse_args()
    begun = time.monotonic()
    torch.manual_seed(0)
    recipe = recipe_of(chosen.stage, "official")
    if hasattr(recipe, "recompute"):
        recipe = replace(recipe, recompute=not chosen.keep)
    if chosen.stage.startswith("goha."):
        stage, batch = goha(chosen.stage, recipe, chosen.perceptual)
    elif chosen.stage in ("real3d.sync", "real3d.voice"):
        stage, batch = speech(chosen.stage, recipe)
    else:
        stage, batch = real3d(chosen.stage, recipe, chosen.perceptual, 0 if chosen.adversarial else 10**9)
    built, worked = time.monotonic(), time.process_time()
    before = {name: [x.detach().clone() for x in part] for name, part in learning(stage).items()}
    step = (FIRST | (FIGHTING if chosen.adversarial else {})).get(chosen.stage, 3)
    scalars = stage.step(step, [Part(batch, 0)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    moved = {
        name: sum(int((x != y).any()) for x, y in zip(part, before[name], strict=True))
        for name, part in learning(stage).items()
    }
    print(
        f"{chosen.stage}: built in {built - begun:.0f} s, one step in {time.monotonic() - built:.0f} s "
        f"({time.process_time() - worked:.0f} of processors), {peak:.1f} GiB: "
        + ", ".join(f"{name} {value:.3g}" for name, value in scalars.items())
    )
    for name, part in learning(stage).items():
        numbers = sum(x.numel() for x in part) / 1e6
        print(f"  {name}: {numbers:.1f} M numbers, {moved[name]} of {len(part)} tensors moved")


def learning(stage: Any) -> dict[str, list[Tensor]]:
    """What each optimiser moves."""
    return {
        name: [x for group in learner.optimizer.param_groups for x in group["params"]]
        for name, learner in stage.learners.items()
    }


def real3d(name: str, recipe: Any, perceptual: bool, adversarial_from: int) -> tuple[Any, Any]:
    """Stages A to C."""
    judge = load_perceptual() if perceptual else None
    recipe = replace(recipe, adversarial_from=adversarial_from, warm_up=0)
    recipe = replace(recipe, adversary=replace(recipe.adversary, begins=adversarial_from))
    if name == "real3d.image_to_plane":
        stage = ImageToPlaneStage(recipe, Eg3dGenerator(recipe.teacher), judge, CPU)
        return stage, TeacherBatches(recipe, None, 0, CPU).draw(0)
    if name == "real3d.motion":  # in its last phase nothing but the super-resolution learns
        recipe = replace(recipe, others_from=0, super_resolution_from=0)
    build = MotionStage if name == "real3d.motion" else TorsoStage
    background, neutral, base, perturbed = (pictures(3, 512, 512) for _ in range(4))
    blinks = pictures(3, 3, 512, 512)
    return build(recipe, judge, CPU), PairBatch(view(), view(), background, neutral, base, perturbed, blinks)


def goha(name: str, recipe: Any, perceptual: bool) -> tuple[Any, Any]:
    """GOHA's stages."""
    generator, drawer = GohaGenerator(recipe.network), ShippedDrawer(load_face_model(), CPU)
    label = torch.cat(
        (label_of(FaceCoefficients.from_vectors(torch.zeros(1, 257))).flatten(1), lens().flatten(1)), 1
    )
    nothing = torch.zeros(1, 3)
    faces = LaidFaces(
        torch.zeros(1, len(load_face_model().identity_basis)), torch.rand(1, 52), nothing, nothing
    )
    pairs = GohaPairs(pictures(3, 512, 512), pictures(3, 512, 512), label, label, "video", faces, faces)
    setting = Setting(CPU, perceptual=perceptual)
    if name == "goha.reconstruction":
        return ReconstructionStage(generator, drawer, perceptual_distance(setting), recipe), pairs
    build, channels = {
        "goha.adversarial": (AdversarialStage, 3),
        "goha.super_resolution": (SuperResolutionStage, 6),
    }[name]
    judge = build_discriminator(512, channels)
    return build(generator, judge, drawer, perceptual_features(setting), recipe), pairs


def speech(name: str, recipe: Any) -> tuple[Any, Any]:
    """The sync expert and the voice, on a mesh that moves at random."""
    points = SimpleNamespace(
        identity_basis=0.1 * torch.randn(80, 468, 3), expression_basis=0.1 * torch.randn(64, 468, 3)
    )
    mesh = Mesh(SimpleNamespace(mesh=points), CPU)  # type: ignore[arg-type]
    if name == "real3d.sync":
        pairs = recipe.pairs
        batch = SyncBatch(
            torch.randn(pairs, SPEECH_STEPS, 1024),
            torch.randn(pairs, 80),
            torch.randn(pairs, MOTION_FRAMES, 64),
            torch.rand(pairs) < 0.4,
        )
        return SyncStage(recipe, mesh, 1024, CPU), batch
    frames = 250
    talk = Talk(
        speaker="nobody",
        speech=torch.randn(2 * frames, 1024),
        pitch=torch.full((2 * frames,), 120.0),
        identity=torch.randn(80),
        expression=torch.randn(frames, 64),
        blink=(torch.arange(frames) % 50 == 10).long(),
        mouth=0.4,
    )
    clips = recipe.most_steps // (2 * frames)
    return VoiceStage(recipe, VoiceToExpression(), mesh, SyncExpert(), CPU), padded([talk] * clips)


def pictures(*shape: int) -> Tensor:
    """Noise in [-1, 1]."""
    return torch.rand(1, *shape) * 2 - 1


def view() -> View:
    """A frame of noise."""
    classes = torch.nn.functional.one_hot(torch.randint(6, (1, 512, 512)), 6).permute(0, 3, 1, 2).float()
    camera = orbit_cameras(torch.zeros(1), torch.zeros(1), torch.full((1,), 2.7))
    points = torch.rand(1, 68, 3) - 0.5
    picture, head, torso, pncc = (pictures(3, 512, 512) for _ in range(4))
    return View(picture, head, torso, classes, pncc, camera, points)


if __name__ == "__main__":
    main()
