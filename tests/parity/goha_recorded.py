"""Recorded tensors of the official GOHA, and the same weights and face model for our networks."""

import importlib.util
import json
import os
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch

from cameo3d.blocks.images import resize
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.models.goha.generator import GohaGenerator, GohaSource, joined_input
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.weights.conversion.goha import convert_generator, convert_regressor

FOLDER = Path(os.environ.get("CAMEO3D_PARITY", Path(__file__).parents[3] / "shared" / "parity"))
FILES = sorted(FOLDER.glob("goha_*.npz"))
DTYPES = {"float32": torch.float32, "int64": torch.int64}
CONSTANTS = {"cano_pose", "image_mean", "image_std", "uv"}


@cache
def program(name: str):
    """A program beside the recorded tensors."""
    spec = importlib.util.spec_from_file_location(f"parity_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Recorded:
    """One file of recorded tensors."""

    def __init__(self, path: Path):
        self.arrays = np.load(path)
        self.meta = json.loads(str(self.arrays["meta"]))

    def __getitem__(self, name: str) -> torch.Tensor:
        array = self.arrays[name]
        return torch.from_numpy(array.astype(np.int64) if array.dtype == np.uint16 else array)

    def image(self, name: str) -> torch.Tensor:
        pixels = self[f"img_{name}"].float()
        scaled = pixels / 255 * 2 - 1 if name == "exemplar" else pixels / 127.5 - 1
        return scaled.permute(2, 0, 1)[None]

    def bits(self, name: str, size: int = 512) -> torch.Tensor:
        bits = np.unpackbits(self.arrays[f"{name}_bits"], count=size * size)
        return torch.from_numpy(bits.astype(np.float32)).reshape(1, 1, size, size)

    def camera(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        label = self[f"pose_{name}"]
        return label[:, :16].reshape(-1, 4, 4), label[:, 16:].reshape(-1, 3, 3)

    def official_state(self, manifest: str, overrides: str) -> dict[str, torch.Tensor]:
        entries = json.loads((FOLDER / f"{manifest}_manifest.json").read_text("utf8"))["tensors"]
        filled = program("fill_weights").fill_state_dict(entries, self.meta["seed"], self.meta[overrides])
        assert entries.keys() - filled.keys() <= CONSTANTS | {"cano_exemplar"} | {
            name for name in entries if name.endswith("num_batches_tracked")
        }
        state = {
            name: torch.from_numpy(np.asarray(filled[name]))
            if name in filled
            else torch.zeros(entry["shape"], dtype=DTYPES[entry["dtype"]])
            for name, entry in entries.items()
        }
        if "cano_exemplar" in state:
            state["cano_exemplar"] = self.image("exemplar")
        return state

    @cached_property
    def generator(self) -> GohaGenerator:
        model = GohaGenerator().eval()
        official = self.official_state("goha_generator", "overrides_generator")
        model.load_state_dict(convert_generator(official, model.state_dict()))
        return model

    @cached_property
    def regressor(self) -> FaceRegressor:
        model = FaceRegressor().eval()
        official = self.official_state("deep3d", "overrides_deep3d")
        model.load_state_dict(convert_regressor(official, model.state_dict()))
        return model

    @cached_property
    def face_model(self) -> BaselFace:
        return BaselFace.from_arrays(program("goha_synth").synthetic_bfm(self.meta["seed"]))

    @cached_property
    def planes(self) -> dict[str, torch.Tensor]:
        """Our canonical, expression and appearance planes, each from its recorded inputs."""
        model = self.generator
        with torch.no_grad():
            canonical = model.canonical_planes(self.image("src"), self.bits("mask_src"))
            expression = model.expression_planes(self["face_render"])
            appearance = model.upsampled_appearance(self.appearance_features[0], self["nearest"][None])
        return {"t_c": canonical, "t_e": expression, "t_p": appearance}

    @cached_property
    def appearance_features(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of the appearance encoder, and its input, from the recorded rough rendering."""
        with torch.no_grad():
            shown = resize(self["lift_rgb"][None], 512, 512)
            joined = joined_input(self.source(), shown, 1 - self.bits("lift_mask"))
            return self.generator.appearance_features(joined), joined

    def source(self, canonical: torch.Tensor | None = None) -> GohaSource:
        if canonical is None:
            canonical = torch.zeros(1, 3, 32, 256, 256)
        return GohaSource(self.image("src"), self.bits("mask_src"), canonical, *self.camera("src"))


@cache
def recorded(path: Path) -> Recorded:
    return Recorded(path)
