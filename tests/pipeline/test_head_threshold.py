import pytest
import torch

from cameo3d.errors import InputError
from cameo3d.models.real3d.config import FusionSizes, MotionSizes, PlaneSizes, Real3DConfig, TorsoSizes
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.pipeline import models
from cameo3d.pipeline.options import ModelOptions
from cameo3d.weights.imported import Label, checksum_of, config_json, save_weights
from cameo3d.weights.released import RELEASED

TINY = Real3DConfig(
    image_size=128,
    render_size=32,
    plane_channels=4,
    decoder_width=8,
    plane=PlaneSizes((4, 4, 4, 4), (1, 1, 1, 1), 4, 16, 1, 2, 4, 4, 4),
    motion=MotionSizes((4, 4, 4, 4), (1, 1, 1, 1), (1, 1, 1, 1), fused_width=4),
    torso=TorsoSizes((4, 4, 4), 2, 4, 1, 2, 4, (4, 4), 2, (4, 4, 4), 4),
    fusion=FusionSizes(8, 4, 4, 8),
)


def test_the_heads_threshold_is_an_option_of_stored_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(models, "load_real3d_face", lambda: None)
    monkeypatch.setattr(models, "BaselSteering", lambda *_: models.ShippedSteering(models.load_face_model()))
    tensors = Real3DGenerator(TINY).state_dict()
    entry = RELEASED["real3d-official"]
    label = Label(entry.stored, config_json(TINY), "", "", "", checksum_of(tensors))
    save_weights(tensors, label, entry.path)
    for asked, used in ((None, 0.9), (0.5, 0.5)):
        network = models.load_network(ModelOptions("real3d", head_threshold=asked))
        assert network.generator.super_resolution.head_threshold == used  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("model", "threshold"), [("relief", 0.5), ("real3d", 0.05), ("real3d", float("nan"))]
)
def test_a_threshold_that_does_not_fit_is_refused(model, threshold):
    with pytest.raises(InputError, match="threshold"):
        models.load_network(ModelOptions(model, head_threshold=threshold))


def test_the_threshold_decides_what_the_head_hides():
    generator = Real3DGenerator(TINY).eval()
    layers = generator.layers
    assert layers.head_threshold == 0.9
    torch.manual_seed(0)
    planes, points = torch.randn(1, 3, 4, 64, 64), torch.zeros(1, 68, 3)
    scene = generator.prepare_scene(*(torch.rand(1, n, 128, 128) for n in (3, 6, 3)))
    camera = torch.eye(4)[None] * torch.tensor([1.0, -1, -1, 1])
    camera[:, 2, 3] = 2.7
    lens = torch.tensor([[[4.26, 0, 0.5], [0, 4.26, 0.5], [0, 0, 1]]])
    with torch.no_grad():
        frames = []
        for threshold in (0.9, 0.1):
            layers.head_threshold = threshold
            frames.append(generator(planes, scene, camera, lens, points, points))
    opaque = frames[0].head.opacity
    assert ((opaque > 0.1) & (opaque < 0.9)).any()
    assert (frames[1].alpha >= frames[0].alpha).all()
    assert (frames[1].alpha > frames[0].alpha).any()
