"""GOHA made ready from the weights that a user has added."""

import torch
from torch import Tensor

from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.goha.config import OFFICIAL
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.matte import person_matte
from cameo3d.pipeline.choice import Choice
from cameo3d.weights.imported import load_weights
from cameo3d.weights.released import RELEASED


def load_goha(choice: Choice) -> Goha:
    """The released GOHA.

    Raises:
        WeightsError: If weights are missing or damaged; the message says what to get, or what there is.
    """
    # All files are asked for before the first, which is large, is read.
    for name in ("goha-official", "goha-regressor", "goha-face"):
        RELEASED[name].demand()
    device = torch.device(choice.device)
    # What is loaded takes the place of the networks' tensors, which need not be drawn at random first.
    with torch.device("meta"):
        generator, regressor = GohaGenerator(OFFICIAL), FaceRegressor()
    generator.load_state_dict(_stored("goha-official", OFFICIAL), assign=True)
    regressor.load_state_dict(_stored("goha-regressor", None), assign=True)
    face = {name: x.to(device) for name, x in _stored("goha-face", None).items()}
    return Goha(generator.to(device), regressor.to(device), BaselFace(**face), person_matte, fast=choice.fast)


def _stored(name: str, config: object) -> dict[str, Tensor]:
    return load_weights(RELEASED[name].demand(), name, config)
