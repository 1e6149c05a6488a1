"""All choices of the stages of Real3D-Portrait: as published, and for the small network.

"Released" is what the published checkpoints were trained with; where the public default differs, the text of
the field says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cameo3d.models.real3d.config import OFFICIAL as OFFICIAL_NETWORK
from cameo3d.models.real3d.config import SMALL as SMALL_NETWORK
from cameo3d.models.real3d.config import Real3DConfig
from cameo3d.models.real3d.eg3d.config import EG3D, Eg3dConfig
from cameo3d.training.learner import Precision
from cameo3d.training.loop import Plan


@dataclass(frozen=True)
class Adversary:
    """The discriminator's choices."""

    base: int = 32768
    """Its channels at a size times the size, up to the most."""
    most: int = 512
    """Its most channels."""
    rate: float = 2e-4
    """Learning rate, before it is reduced for the lazy penalty."""
    decay: float = 1.0
    """Factor of the rate every so many steps."""
    decay_every: int = 5000
    floor: float = 0.0
    """Least rate."""
    begins: int = 0
    """Step from which it learns."""
    penalty: float = 5.0
    """Weight of R1."""
    penalty_every: int = 16
    """Steps between R1 penalties, which count that many times."""
    camera_noise: float = 1.0
    """Noise on the camera that it sees, as a share of the cameras' deviation."""


@dataclass(frozen=True)
class ImageToPlaneRecipe:
    """Stage A: from a picture to planes, taught by EG3D."""

    network: Real3DConfig = OFFICIAL_NETWORK
    teacher: Eg3dConfig = EG3D
    plan: Plan = field(default_factory=lambda: Plan(steps=100_000, ema=0.0))
    """The official recipe names no end."""
    batch: int = 1
    """Of each process; eight of them officially."""
    precision: Precision = "float32"
    rate: float = 1e-4
    decay: float = 0.95
    decay_every: int = 5000
    floor: float = 1e-5
    warm_up: int = 4000
    decoder_from: int = 2000
    """Step from which the decoder learns, which begins as the teacher's."""
    adversarial_from: int = 30_000
    """Step from which the super-resolution learns, and the discriminator counts."""
    adversarial: tuple[float, float] = (0.1, 0.025)
    """Weights for the reference and the second view."""
    pixels: float = 1.0
    perceptual: float = 0.1
    density: float = 0.25
    """Of the total variation, every fourth step."""
    density_step: float = 5e-3
    truncation: float = 0.7
    video_cameras: float = 0.5
    """Share of the views that take their camera from the video set."""
    shrinks_planes: bool = True
    """Planes are looked up at random smaller sizes."""
    recompute: bool = False
    """Whether what gradients need is computed again: slower, and far less memory."""
    max_norm: float = 1.0
    adversary: Adversary = field(default_factory=Adversary)


@dataclass(frozen=True)
class MotionRecipe:
    """Stage B: the motion adapter, from clips."""

    network: Real3DConfig = OFFICIAL_NETWORK
    plan: Plan = field(default_factory=lambda: Plan(steps=250_000, ema=0.0))
    batch: int = 1
    precision: Precision = "float32"
    rate: float = 1e-4
    decay: float = 0.95
    decay_every: int = 5000
    floor: float = 5e-6
    warm_up: int = 4000
    others_from: int = 6000
    """Step from which the canonical network's rate rises, and the decoder learns."""
    super_resolution_from: int = 30_000
    adversarial_from: int = 250_000
    """Released: the last step, so that it never came. Public default 200,000. From it on, only the
    super-resolution learns."""
    canonical_until: int | None = None
    """Step from which the canonical network rests; public default 70,000."""
    source_every: int = 16
    """Steps between those that also draw the source itself."""
    pixels: float = 1.0
    outside: float = 0.2
    """What errors count beyond the head's mask."""
    perceptual: float = 0.1
    lips: float = 0.5
    lips_perceptual: float = 0.05
    opacity: float = 0.1
    entropy: float = 0.01
    adversarial: float = 0.002
    density: float = 0.25
    density_step: float = 5e-3
    regularise_every: int = 4
    blink_aim: float = 0.15
    """What the blink term should come to; public default 0.3."""
    pncc_aim: float = 0.5
    """What the term of changed PNCC pictures should come to; public default 0, which switches it off."""
    pre_trained: bool = True
    """Without it, a start from the stage before is not used: an ablation."""
    motion_adapter: bool = True
    """Without it, canonical planes alone are drawn: an ablation."""
    official_mask_slip: bool = False
    """The official target term at full size counts 0.6 inside the mask and nothing outside."""
    frozen_parts_train: bool = False
    """Officially, dropout and batch statistics of frozen parts go on."""
    recompute: bool = False
    """Whether what gradients need is computed again: slower, and far less memory."""
    max_norm: float = 1.0
    adversary: Adversary = field(
        default_factory=lambda: Adversary(decay=0.95, decay_every=5000, floor=5e-6, begins=240_000)
    )


@dataclass(frozen=True)
class TorsoRecipe:
    """Stage C: torso and background, from clips."""

    network: Real3DConfig = OFFICIAL_NETWORK
    plan: Plan = field(default_factory=lambda: Plan(steps=100_000, ema=0.0))
    batch: int = 1
    precision: Precision = "float32"
    rate: float = 1e-5
    decay: float = 0.5
    decay_every: int = 50_000
    floor: float = 1e-6
    warm_up: int = 4000
    source_every: int = 4
    pixels: float = 1.0
    outside: float = 0.5
    perceptual: float = 0.1
    lips: float = 0.2
    lips_perceptual: float = 0.02
    adversarial: float = 0.003
    """Released; public default 0.001."""
    adversarial_from: int = 40_000
    entropy: float = 0.001
    """Of the torso's alpha."""
    occlusion: float = 0.0
    inpainted_background: bool = True
    """Without it, the network gets the source's own background with a black hole: an ablation."""
    frozen_parts_train: bool = False
    max_norm: float = 1.0
    adversary: Adversary = field(
        default_factory=lambda: Adversary(decay=0.5, decay_every=50_000, floor=1e-6, begins=30_000)
    )


@dataclass(frozen=True)
class SyncRecipe:
    """The expert that knows if speech and lips belong together."""

    plan: Plan = field(default_factory=lambda: Plan(steps=4_000_000, ema=0.0, save_every=5000))
    precision: Precision = "float32"
    width: int = 128
    embedding: int = 1024
    pairs: int = 8192
    """Pieces of speech and motion in a step."""
    shares: tuple[float, float, float, float] = (0.4, 0.3, 0.2, 0.1)
    """In step; off by 2 to 5 frames; off by 5 to 10; of another speaker."""
    rate: float = 1e-3
    decay: float = 0.98
    decay_every: int = 5000
    floor: float = 5e-5
    max_norm: float = 1.0


@dataclass(frozen=True)
class VoiceRecipe:
    """The network from voice to expression, `audio2secc_vae`."""

    plan: Plan = field(default_factory=lambda: Plan(steps=400_000, ema=0.0))
    precision: Precision = "float32"
    most_steps: int = 20_000
    """Steps of 20 ms in a batch, padding included."""
    most_clips: int = 512
    rate: float = 5e-4
    decay: float = 0.1
    decay_every: int = 250_000
    floor: float = 1e-6
    warm_up: int = 1000
    divergence: float = 0.02
    annealing: tuple[int, int] = (2000, 2000)
    """Steps over which the divergence's weight rises, and for which it stays; then it begins from 0."""
    expression: float = 0.5
    mesh: float = 0.5
    bend: float = 1.0
    size: float = 0.1
    """Of the mean square of the expressions."""
    sync: float = 0.2
    sync_pieces: int = 8096
    official_expert_slip: bool = False
    """Officially the sync expert stays in training mode."""
    max_norm: float = 1.0


_SMALL = Adversary(base=4096, most=128)

IMAGE_TO_PLANE = {
    "official": ImageToPlaneRecipe(),
    "small": ImageToPlaneRecipe(
        network=SMALL_NETWORK,
        teacher=replace(EG3D, rendering=replace(OFFICIAL_NETWORK, coarse_samples=24, fine_samples=24)),
        plan=Plan(steps=30_000),
        batch=4,
        adversarial_from=20_000,
        adversary=_SMALL,
    ),
}
MOTION = {
    "official": MotionRecipe(),
    "small": MotionRecipe(
        network=SMALL_NETWORK,
        plan=Plan(steps=40_000),
        batch=4,
        super_resolution_from=2000,
        others_from=1000,
        warm_up=500,
        adversarial_from=36_000,
        adversary=replace(_SMALL, decay=0.95, floor=5e-6, begins=32_000),
    ),
}
TORSO = {
    "official": TorsoRecipe(),
    "small": TorsoRecipe(
        network=SMALL_NETWORK,
        plan=Plan(steps=20_000),
        batch=4,
        rate=1e-4,
        decay_every=10_000,
        warm_up=500,
        adversarial_from=12_000,
        adversary=replace(_SMALL, decay=0.5, decay_every=10_000, floor=1e-6, begins=8000),
    ),
}
SYNC = {
    "official": SyncRecipe(),
    "small": SyncRecipe(plan=Plan(steps=20_000), width=64, embedding=256, pairs=1024),
}
VOICE = {"official": VoiceRecipe(), "small": VoiceRecipe(plan=Plan(steps=20_000), most_steps=8000)}

MOTION_ABLATIONS: dict[str, Callable[[MotionRecipe], MotionRecipe]] = {
    "without-pre-training": lambda recipe: replace(recipe, pre_trained=False),
    "without-motion-adapter": lambda recipe: replace(recipe, motion_adapter=False),
}
TORSO_ABLATIONS: dict[str, Callable[[TorsoRecipe], TorsoRecipe]] = {
    "concatenation": lambda recipe: replace(
        recipe, network=replace(recipe.network, fusion=replace(recipe.network.fusion, concatenate=True))
    ),
    "without-inpainted-background": lambda recipe: replace(recipe, inpainted_background=False),
}
"""Real3D-Portrait's ablations, as changes of a recipe."""

MOTION |= {
    f"{size}-{name}": make(MOTION[size]) for size in list(MOTION) for name, make in MOTION_ABLATIONS.items()
}
TORSO |= {
    f"{size}-{name}": make(TORSO[size]) for size in list(TORSO) for name, make in TORSO_ABLATIONS.items()
}
