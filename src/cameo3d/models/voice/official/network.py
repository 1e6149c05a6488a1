"""Real3D-Portrait's network from voice to facial expression.

A variational autoencoder of expressions (Ye et al., GeneFace, ICLR 2023): speech features and pitch are the
condition, and a flow turns plain Gaussian noise into the latent values of natural motion.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

DEFAULT_MOUTH = 0.4
"""How far the mouth opens if a caller does not say."""


@dataclass(frozen=True)
class Posterior:
    """What the encoder makes of known expressions, in training."""

    mean: Float[Tensor, "batch latent quarter"]
    """Of the latent values."""
    log_deviation: Float[Tensor, "batch latent quarter"]
    """Logarithm of their standard deviation."""
    sample: Float[Tensor, "batch latent quarter"]
    """A sample of them."""
    flowed: Float[Tensor, "batch latent quarter"]
    """The sample as the prior sees it."""

    def divergence(self, mask: Float[Tensor, "batch quarter"]) -> Float[Tensor, ""]:
        """Sampled divergence from the prior in nats per latent value, over the frames that count."""
        noise = (self.sample - self.mean) / self.log_deviation.exp()
        posterior = -self.log_deviation - noise.square() / 2
        prior = -self.flowed.square() / 2
        counted = ((posterior - prior) * mask[:, None]).sum()
        return counted / mask.sum() / self.mean.shape[1]


class VoiceToExpression(nn.Module):
    """The network; the defaults are the published `audio2secc_vae`."""

    def __init__(
        self,
        *,
        speech_channels: int = 1024,
        width: int = 128,
        gate_width: int = 256,
        latent: int = 16,
        flow_width: int = 64,
        expressions: int = 64,
    ):
        super().__init__()
        self.speech_encoder = ConditionEncoder(speech_channels, width)
        self.pitch_embedding = nn.Embedding(300, width)
        self.pitch_encoder = ConditionEncoder(width, width)
        self.blink_embedding = nn.Embedding(2, width)
        self.mouth_embedding = nn.Parameter(torch.randn(width))
        self.condition = nn.Linear(4 * width, width)
        self.squeeze = nn.Conv1d(width, width, 8, stride=4, padding=2)
        self.encoder = ExpressionEncoder(expressions, gate_width, width, latent)
        self.flow = Flow(latent, flow_width, width)
        self.decoder = ExpressionDecoder(latent, gate_width, width, expressions)
        self.latent = latent

    def forward(
        self,
        condition: Float[Tensor, "batch frames width"],
        noise: Float[Tensor, "batch latent quarter"],
        temperature: float = 0.2,
        mask: Float[Tensor, "batch frames"] | None = None,
    ) -> Float[Tensor, "batch frames expressions"]:
        """Expressions at 25 frames a second.

        Args:
            condition: From `conditions`; the number of frames is a multiple of four.
            noise: Standard normal numbers, one column for four frames.
            temperature: Scale of the noise: 0 is the most likely motion, 1 the most varied.
            mask: 1 for frames that count, 0 for padding; all count if left out.
        """
        latents = self.flow.inverse(noise * temperature, self.squeeze(condition.mT))
        expressions = self.decode(latents, condition)
        # The official release masks nothing before this; only in training do the layers know the mask.
        return expressions if mask is None else expressions * mask[..., None]

    def decode(
        self,
        latents: Float[Tensor, "batch latent quarter"],
        condition: Float[Tensor, "batch frames width"],
        mask: Float[Tensor, "batch frames"] | None = None,
    ) -> Float[Tensor, "batch frames expressions"]:
        """Expressions of latent values; `mask` is 1 for frames that count."""
        return self.decoder(latents, condition.mT, None if mask is None else mask[:, None]).mT

    def conditions(
        self,
        speech: Float[Tensor, "batch steps channels"],
        pitch: Float[Tensor, "batch steps"],
        blink: Int[Tensor, "batch steps"] | None = None,
        mouth: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch frames width"]:
        """What the motion is made to fit, every second step.

        Args:
            speech: HuBERT features at 50 steps a second.
            pitch: Fundamental frequency in hertz, 0 where there is no voice.
            blink: 1 in the middle of a blink, else 0; no blinks if left out.
            mouth: How far the mouth opens, about 0.2 to 0.6; 0.4 if left out.
        """
        speech, pitch = speech[:, ::2], pitch[:, ::2]
        blink = torch.zeros_like(pitch, dtype=torch.long) if blink is None else blink[:, ::2]
        if mouth is None:
            mouth = speech.new_full((speech.shape[0],), DEFAULT_MOUTH)
        opening = mouth[:, None, None] * self.mouth_embedding
        seen = torch.cat(
            (
                self.speech_encoder(speech.mT).mT,
                self.pitch_encoder(self.pitch_embedding(pitch_bins(pitch)).mT).mT,
                self.blink_embedding(blink),
                opening.expand(-1, speech.shape[1], -1),
            ),
            dim=-1,
        )
        return self.condition(seen)

    def infer(
        self,
        expressions: Float[Tensor, "batch frames expressions"],
        condition: Float[Tensor, "batch frames width"],
        noise: Float[Tensor, "batch latent quarter"],
        mask: Float[Tensor, "batch frames"],
    ) -> Posterior:
        """What latent values known expressions have, for training."""
        squeezed, mask = self.squeeze(condition.mT), mask[:, None, ::4]
        mean, log_deviation = self.encoder(expressions.mT, squeezed, mask)
        sample = (mean + noise * log_deviation.exp()) * mask
        return Posterior(mean, log_deviation, sample, self.flow(sample, squeezed, mask))


class ConditionEncoder(nn.Module):
    """Two convolutions over time."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.first = nn.Conv1d(inputs, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.second = nn.Conv1d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "batch inputs frames"]) -> Float[Tensor, "batch width frames"]:
        """Features of each frame."""
        return self.second(functional.gelu(self.norm(self.first(x))))


class GatedConvolutions(nn.Module):
    """Gated convolutions over time with a condition (van den Oord et al., WaveNet, 2016)."""

    def __init__(self, width: int, kernel: int, depth: int, condition_width: int):
        super().__init__()
        self.inputs = nn.ModuleList(
            nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2) for _ in range(depth)
        )
        self.outputs = nn.ModuleList(
            nn.Conv1d(width, 2 * width if index < depth - 1 else width, 1) for index in range(depth)
        )
        self.conditions = nn.Conv1d(condition_width, 2 * width * depth, 1)

    def forward(
        self,
        x: Float[Tensor, "batch width frames"],
        condition: Float[Tensor, "batch condition_width frames"],
        mask: Float[Tensor, "batch 1 frames"] | None = None,
    ) -> Float[Tensor, "batch width frames"]:
        """What all layers add up to."""
        conditions = self.conditions(condition).chunk(len(self.inputs), dim=1)
        total = torch.zeros_like(x)
        for layer, output, extra in zip(self.inputs, self.outputs, conditions, strict=True):
            values, gates = (layer(x) + extra).chunk(2, dim=1)
            y = output(values.tanh() * gates.sigmoid())
            if y.shape[1] == x.shape[1]:
                total = total + y
            else:
                residual, skip = y.chunk(2, dim=1)
                x = _masked(x + residual, mask)
                total = total + skip
        return _masked(total, mask)


class ExpressionEncoder(nn.Module):
    """Expressions to the distribution of their latent values, four frames to one."""

    def __init__(self, inputs: int, width: int, condition_width: int, latent: int):
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, 8, stride=4, padding=2)
        self.gates = GatedConvolutions(width, 5, 8, condition_width)
        self.leave = nn.Conv1d(width, 2 * latent, 1)

    def forward(
        self,
        expressions: Float[Tensor, "batch inputs frames"],
        condition: Float[Tensor, "batch condition_width quarter"],
        mask: Float[Tensor, "batch 1 quarter"],
    ) -> tuple[Float[Tensor, "batch latent quarter"], Float[Tensor, "batch latent quarter"]]:
        """Mean and logarithm of the standard deviation."""
        x = self.enter(expressions) * mask
        x = self.leave(self.gates(x, condition, mask) * mask)
        mean, log_deviation = x.chunk(2, dim=1)
        return mean, log_deviation


class ExpressionDecoder(nn.Module):
    """Latent values to expressions, one to four frames."""

    def __init__(self, latent: int, width: int, condition_width: int, outputs: int):
        super().__init__()
        self.enter = nn.ConvTranspose1d(latent, width, 4, stride=4)
        self.gates = GatedConvolutions(width, 5, 4, condition_width)
        self.leave = nn.Conv1d(width, outputs, 1)

    def forward(
        self,
        latents: Float[Tensor, "batch latent quarter"],
        condition: Float[Tensor, "batch condition_width frames"],
        mask: Float[Tensor, "batch 1 frames"] | None = None,
    ) -> Float[Tensor, "batch outputs frames"]:
        """Expressions of each frame."""
        x = self.gates(_masked(self.enter(latents), mask), condition, mask)
        return _masked(self.leave(x), mask)


class Coupling(nn.Module):
    """Half of the latent values moved by what the other half says."""

    def __init__(self, latent: int, width: int, condition_width: int):
        super().__init__()
        self.enter = nn.Conv1d(latent // 2, width, 1)
        self.gates = GatedConvolutions(width, 3, 4, condition_width)
        self.leave = nn.Conv1d(width, latent // 2, 1)

    def forward(
        self,
        half: Float[Tensor, "batch half_latent quarter"],
        condition: Float[Tensor, "batch condition_width quarter"],
        mask: Float[Tensor, "batch 1 quarter"] | None = None,
    ) -> Float[Tensor, "batch half_latent quarter"]:
        """How far the other half moves."""
        x = _masked(self.enter(half), mask)
        return _masked(self.leave(self.gates(x, condition, mask)), mask)


class Flow(nn.Module):
    """Couplings with the channels' order reversed between them (Dinh et al., 2017)."""

    def __init__(self, latent: int, width: int, condition_width: int, depth: int = 4):
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(latent, width, condition_width) for _ in range(depth))

    def forward(
        self,
        latents: Float[Tensor, "batch latent quarter"],
        condition: Float[Tensor, "batch condition_width quarter"],
        mask: Float[Tensor, "batch 1 quarter"] | None = None,
    ) -> Float[Tensor, "batch latent quarter"]:
        """From latent values of motion to plain noise."""
        x = latents
        for coupling in self.couplings:
            first, second = x.chunk(2, dim=1)
            second = _masked(second, mask) + coupling(first, condition, mask)
            x = torch.cat((first, second), dim=1).flip(1)
        return x

    def inverse(
        self,
        noise: Float[Tensor, "batch latent quarter"],
        condition: Float[Tensor, "batch condition_width quarter"],
    ) -> Float[Tensor, "batch latent quarter"]:
        """From plain noise to latent values of motion."""
        x = noise
        for coupling in reversed(self.couplings):
            first, second = x.flip(1).chunk(2, dim=1)
            x = torch.cat((first, second - coupling(first, condition)), dim=1)
        return x


def pitch_bins(pitch: Float[Tensor, "*frames"]) -> Int[Tensor, "*frames"]:
    """The one of 255 bins, even in mel from 50 to 1100 Hz, of each frequency in hertz; 1 without voice."""
    mel = 1127 * torch.log1p(pitch / 700)
    low, high = (1127 * math.log(1 + hertz / 700) for hertz in (50, 1100))
    bins = torch.where(mel > 0, (mel - low) * 254 / (high - low) + 1, mel)
    return (bins.clamp(1, 255) + 0.5).floor().long()


def _masked(
    x: Float[Tensor, "batch channels frames"], mask: Float[Tensor, "batch 1 frames"] | None
) -> Float[Tensor, "batch channels frames"]:
    return x if mask is None else x * mask
