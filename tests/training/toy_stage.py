"""A training as small as can be: one layer learns to double its input."""

import torch
from torch import nn

from cameo3d.training.learner import Group, Learner
from cameo3d.training.schedule import constant


class ToyStage:
    def __init__(self, rate=0.05):
        torch.manual_seed(7)
        self.networks = nn.ModuleDict({"layer": nn.Linear(4, 4), "average": nn.Linear(4, 4)})
        self.learners = {
            "layer": Learner({"layer": Group(list(self.networks["layer"].parameters()), constant(rate))})
        }
        self.averaged = {"average": "layer"}

    def step(self, step, parts):
        return self.learners["layer"].update(step, parts, self.losses, {"error": 1.0})

    def losses(self, batch):
        noise = 0.01 * torch.randn(4)
        return {"error": (self.networks["layer"](batch) - 2 * batch + noise).square().mean()}

    def sheet(self, batch):
        return (batch.sigmoid() * 255).to(torch.uint8)[..., None].expand(-1, -1, 3).numpy()


class ToyBatches:
    def draw(self, index):
        return torch.randn(3, 4, generator=torch.Generator().manual_seed(index))
