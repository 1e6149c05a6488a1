"""The expert of Real3D-Portrait's voice training: do this speech and this motion belong together?

As SyncNet (Chung and Zisserman, 2016) and Wav2Lip's expert (Prajwal et al., 2020), but of HuBERT's features
and the mesh of a face.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

SPEECH_STEPS, MOTION_FRAMES = 10, 5
"""Length of a piece: 0.2 s."""


class SyncExpert(nn.Module):
    """Speech and motion to places on a sphere; those that belong together lie close."""

    def __init__(
        self, speech: int = 1024, motion: int = 3 * 468, width: int = 128, embedding: int = 1024
    ) -> None:
        super().__init__()
        self.hear = _encoder(speech, (width, width), (1, 2, 2), width, embedding)
        self.watch = _encoder(motion, (96, width), (1, 2, 1), width, embedding)

    def forward(
        self, speech: Float[Tensor, "batch steps channels"], motion: Float[Tensor, "batch frames values"]
    ) -> Float[Tensor, " batch"]:
        """Cosine of each pair, in [0, 1].

        Args:
            speech: 10 steps of 20 ms.
            motion: 5 frames of 40 ms: how far the mesh's points have moved off the mean face, in centimetres.
        """
        heard = functional.normalize(self.hear(speech.mT).flatten(1), dim=1)
        seen = functional.normalize(self.watch(motion.mT).flatten(1), dim=1)
        return (heard * seen).sum(dim=1)


class SyncLayer(nn.Module):
    """A convolution over time, a norm, maybe a shortcut, a ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, padding)
        self.norm = nn.BatchNorm1d(outputs)
        self.residual = residual

    def forward(self, x: Float[Tensor, "batch inputs steps"]) -> Float[Tensor, "batch outputs steps_out"]:
        """The activated layer."""
        y = self.norm(self.conv(x))
        return (y + x if self.residual else y).relu()


def _encoder(
    inputs: int, first: Sequence[int], strides: Sequence[int], width: int, embedding: int
) -> nn.Sequential:
    """Three blocks of one layer and two residual ones, then layers down to one step."""
    layers: list[nn.Module] = [SyncLayer(inputs, first[0])]
    previous = first[0]
    for outputs, stride in zip((width, 2 * width, 4 * width), strides, strict=True):
        layers.append(SyncLayer(previous, outputs, stride=stride))
        layers += [SyncLayer(outputs, outputs, residual=True) for _ in range(2)]
        previous = outputs
    return nn.Sequential(
        *layers,
        SyncLayer(previous, previous),
        SyncLayer(previous, previous, padding=0),
        SyncLayer(previous, previous, kernel=1, padding=0),
        SyncLayer(previous, embedding, kernel=1, padding=0),
    )
