"""Recorded tensors of the official Real3D-Portrait, and the same weights for our networks."""

import importlib.util
import json
import os
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch

from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.models.real3d.generator import Real3DGenerator, split_camera
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.weights.conversion.real3d import convert_generator, convert_voice

FOLDER = Path(os.environ.get("CAMEO3D_PARITY", Path(__file__).parents[3] / "shared" / "parity"))
FILES = sorted(FOLDER.glob("real3d_*.npz"))
DTYPES = {"float32": torch.float32, "int64": torch.int64}


@cache
def weight_rule():
    """The program beside the recorded tensors that fills a state with seeded numbers."""
    spec = importlib.util.spec_from_file_location("parity_weight_rule", FOLDER / "fill_weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Recorded:
    """One file of recorded tensors."""

    def __init__(self, path: Path):
        self.path = path
        self.arrays = np.load(path)
        self.meta = json.loads(str(self.arrays["meta_json"]))

    def __contains__(self, name: str) -> bool:
        return name in self.arrays.files

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[name])

    def image(self, name: str) -> torch.Tensor:
        return ((self.tensor(f"{name}_u8").float() - 127.5) / 127.5).permute(2, 0, 1)[None]

    def official_state(self, model: str) -> dict[str, torch.Tensor]:
        """The official state with seeded weights; what the rule leaves alone is a constant."""
        rule = weight_rule()
        manifest = json.loads((FOLDER / f"real3d_{model}_manifest.json").read_text("utf8"))
        filled = rule.fill_state_dict(manifest, self.meta["seed"], rule.overrides_from_meta(self.meta, model))
        for key, expected in self.meta[f"digest_{model}"].items():
            np.testing.assert_allclose(rule.digest(filled, [key])[key], expected, rtol=1e-6, atol=1e-9)
        return {
            key: torch.from_numpy(np.asarray(filled[key]))
            if key in filled
            else torch.zeros(entry["shape"], dtype=DTYPES[entry["dtype"]])
            for key, entry in manifest.items()
        }

    @cached_property
    def face(self) -> Real3DFace:
        """The toy face model; what the recordings say nothing of is left empty."""
        count = len(self.arrays["b_mean"])
        return Real3DFace.from_arrays(
            {
                "meanshape": self.arrays["b_mean"],
                "meantex": np.zeros(3 * count),
                "idBase": self.arrays["b_id"],
                "exBase": self.arrays["b_exp"],
                "texBase": np.zeros((3 * count, 80)),
                "tri": self.arrays["b_tri_onebased"],
                "point_buf": np.ones((count, 1)),
                "keypoints": self.arrays["b_kp68_onebased"],
                "mesh_vertices": self.arrays["b_mp468"],
                "map_colors": np.zeros((3, count)),
                "left_eye_triangles": np.array([1]),
                "right_eye_triangles": np.array([2]),
            }
        )

    @cached_property
    def generator(self) -> Real3DGenerator:
        model = Real3DGenerator().eval()
        model.load_state_dict(convert_generator(self.official_state("generator"), model.state_dict()))
        return model

    @cached_property
    def voice(self) -> VoiceToExpression:
        model = VoiceToExpression().eval()
        model.load_state_dict(convert_voice(self.official_state("audio2motion"), model.state_dict()))
        return model

    @cached_property
    def frames(self) -> dict[str, torch.Tensor]:
        """What each part of our generator gives for the recorded inputs, by the recorded arrays' names."""
        model, seen = self.generator, {}
        parts = {
            "g_cano_feat_low": model.image_to_plane.context,
            "g_cano_low_vit": model.image_to_plane.shape,
            "g_cano_feat_high": model.image_to_plane.detail,
            "g_secc_prenet": model.motion_adapter.mix,
            "g_secc_vit": model.motion_adapter.encoder,
            "g_secc_fused": model.motion_adapter.dropout,
            "g_sr_block0": model.layers.head_block,
            "g_torso": model.layers.torso,
            "g_torso_appearance": model.layers.torso.appearance,
            "g_head_torso_conv": model.layers.join_torso[-1],
            "g_head_torso": model.layers.person_block,
            "g_fg_bg_conv": model.layers.join_background[-1],
            "g_sr_block1": model.layers.last_block,
        }
        hooks = [
            part.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
            for name, part in parts.items()
        ]
        with torch.no_grad():
            canonical = model.canonical_planes(self.image("ref_head"))
            pncc_pictures = (self.image("cond_cano"), self.image("cond_src"))
            added = model.motion_planes(*pncc_pictures, self.image("cond_tgt"))
            scene = model.prepare_scene(
                self.image("ref_torso"), self.tensor("segmap_u8")[None].float(), self.image("bg")
            )
            source, driving = (self.tensor(name)[None] for name in ("kp_s", "kp_d"))
            frame = model(canonical + added, scene, *split_camera(self.tensor("camera")), source, driving)
            for hook in hooks:
                hook.remove()
            # Both are never computed on their own: what follows is linear, and done in one go with them.
            joined = (
                model.layers.torso_features(seen["g_torso"].features),
                model.layers.encode_background(scene.background),
            )
            next_added = model.motion_planes(*pncc_pictures, self.image("cond_tgt_1"))
            next_frame = model(
                canonical + next_added,
                scene,
                *split_camera(self.tensor("camera_1")),
                source,
                self.tensor("kp_d_1")[None],
            )
        torso = seen["g_torso"]
        return {
            "g_cano_feat_low": seen["g_cano_feat_low"],
            "g_cano_low_vit": seen["g_cano_low_vit"],
            "g_cano_feat_high": seen["g_cano_feat_high"],
            "g_cano_planes": canonical,
            "g_secc_prenet": seen["g_secc_prenet"],
            **{f"g_secc_vit_{i + 1}": x for i, x in enumerate(seen["g_secc_vit"])},
            "g_secc_fused": seen["g_secc_fused"],
            "g_secc_planes": added,
            "g_planes": canonical + added,
            "g_feature": frame.head.features,
            "g_rgb_raw_unclamped": frame.head.features[:, :3],
            "g_depth": frame.head.depth,
            "g_weights": frame.head.opacity,
            "g_ray_valid": frame.head.hits,
            "g_sr_block0_x": seen["g_sr_block0"][0],
            "g_sr_block0_rgb": seen["g_sr_block0"][1],
            "g_torso_appearance": seen["g_torso_appearance"],
            "g_torso_deformation": torso.motion.deformation,
            "g_torso_occlusion": torso.motion.occlusion,
            "g_torso_occlusion2_coarse": torso.motion.alpha,
            "g_torso_hid": torso.features,
            "g_torso_rgb": torso.colors,
            "g_torso_occlusion2": torso.alpha,
            "g_torso_encoder": joined[0],
            "g_bg_encoder": joined[1],
            "g_head_torso_conv": seen["g_head_torso_conv"],
            "g_head_torso_x": seen["g_head_torso"][0],
            "g_head_torso_rgb": seen["g_head_torso"][1],
            "g_fg_bg_conv": seen["g_fg_bg_conv"],
            "g_sr_block1_x": seen["g_sr_block1"][0],
            "g_image_unclamped": seen["g_sr_block1"][1],
            "g_image": frame.image,
            "g1_rgb_raw": next_frame.head.features[:, :3].clamp(-1, 1),
            "g1_depth": next_frame.head.depth,
            "g1_weights": next_frame.head.opacity,
            "g1_image": next_frame.image,
        }


@cache
def recorded(path: Path) -> Recorded:
    return Recorded(path)
