"""Checkpoints of Real3D-Portrait other than the published one: head alone, grids, other names and options."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_tflite import classes_by_color
from official_real3d import TINY, official_head
from synthetic_basel import basel_face

from cameo3d.errors import InputError, WeightsError
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.real3d import avatar as avatar_of_real3d
from cameo3d.models.real3d.conditioning import BaselSteering
from cameo3d.models.real3d.config import MotionSizes, Real3DConfig
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.layers import take_apart
from cameo3d.models.real3d.released_sizes import released_sizes
from cameo3d.perception.selfie_classes import selfie_classes
from cameo3d.pipeline import importing, models
from cameo3d.pipeline.importing import import_weights
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.weights.released import RELEASED

HEAD = replace(TINY, has_torso=False)
GRID = replace(HEAD, plane_depth=3)
KINDS = {
    "head": HEAD,
    "grid": GRID,
    "silhouette": replace(HEAD, plane=replace(TINY.plane, sees_silhouette=True)),
    "torso": TINY,
    "torso and grid": replace(TINY, plane_depth=3, torso=replace(TINY.torso, sees_classes=False)),
    "concatenated": replace(TINY, fusion=replace(TINY.fusion, concatenate=True)),
    "two pictures": replace(HEAD, motion=replace(TINY.motion, sees_source=False)),
}


def published(folder, config, options="task_cls: tasks.os_avatar.secc_img2plane_task.Task\n", step=7):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(step)
    network = Real3DGenerator(config).eval()
    state = {"state_dict": {"model": official_head(network.state_dict())}, "global_step": step}
    path = folder / f"model_ckpt_steps_{step}.ckpt"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    (folder / "config.yaml").write_text(options)
    return network, path


@pytest.fixture(autouse=True)
def tiny_base(monkeypatch, tmp_path):
    """What neither tensors nor options tell is as in the tiny network; weights have their own folder."""
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setattr(importing, "released_sizes", lambda *given: released_sizes(*given, base=TINY))


@pytest.fixture
def load(monkeypatch):
    """Loads what was imported, with the tests' stand-in for the Basel face."""
    monkeypatch.setattr(models, "load_real3d_face", basel_face)
    monkeypatch.setattr(models, "BaselSteering", lambda face, ours: BaselSteering(face, ours, 128))
    return lambda: models.load_real3d("official")


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_of_another_kind_is_taken_over_as_it_is(kind, tmp_path, load):
    network, _ = published(tmp_path / "official" / "mine", KINDS[kind])
    import_weights("real3d", tmp_path / "official", lambda _: None)
    stored = load().generator
    assert stored.config == KINDS[kind]
    for name, x in network.state_dict().items():
        torch.testing.assert_close(stored.state_dict()[name], x, msg=name)


@pytest.mark.parametrize("kind", ["head", "grid"])
def test_a_head_alone_is_drawn_over_any_background(kind, tmp_path, load, astronaut_path):
    published(tmp_path / "official" / "mine", KINDS[kind])
    import_weights("real3d", tmp_path / "official", lambda _: None)
    model = load()
    avatar = model.encode([make_portrait(read_image(astronaut_path))])
    motion = orbit_motion(avatar.person, 2 / 25, 0.3, 0.0)
    plain = list(render(model, avatar, motion))
    behind = list(render(model, avatar, motion, "crop", model.background(avatar)))
    assert len(plain) == 2
    np.testing.assert_array_equal(plain[0], behind[0])  # composed afterwards, not by the network
    assert plain[0].shape == (128, 128, 4)
    assert plain[0][..., 3].std() > 0
    other = models.Real3D(Real3DGenerator(TINY), model.face, "official")
    with pytest.raises(InputError, match="another torso"):
        other.perform(avatar)


def test_options_that_no_tensor_tells_are_read(tmp_path, load):
    options = (
        "task_cls: a.secc_img2plane\nnum_samples_coarse: 12\nbox_warp: 1.25\nhtbsr_head_threshold: 0.7\n"
    )
    published(tmp_path / "official" / "mine", HEAD, options)
    import_weights("real3d", tmp_path / "official", lambda _: None)
    assert load().generator.config == replace(HEAD, coarse_samples=12, box_side=1.25, head_threshold=0.7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("img2plane_backbone_scale: large", "img2plane_backbone_scale: 'large' instead of 'standard'"),
        ("img2plane_input_mode: rgb_camera", "rgb_camera"),
        ("secc_segformer_scale: b9", "b0-b5"),
        ("box_warp: -1", "between 0.1 and 10"),
        ("num_samples_fine: many", "between 1 and 512"),
        ("- a list", "no table of options"),
        ("!!python/object/apply:os.getcwd []", "no table of plain options"),
    ],
)
def test_options_that_are_not_here_are_named(options, message, tmp_path):
    named = "" if options[0] in "-!" else "task_cls: secc_img2plane\n"
    published(tmp_path / "official" / "secc", HEAD, named + options)
    with pytest.raises(WeightsError, match=message):
        import_weights("real3d", tmp_path / "official", lambda _: None)
    assert not list((tmp_path / "mine").glob("*"))


def test_a_torsos_network_is_preferred_and_one_of_two_heads_must_be_chosen(tmp_path):
    folder = tmp_path / "official"
    published(folder / "first", HEAD)
    _, chosen = published(folder / "second", GRID)
    with pytest.raises(WeightsError, match=r"several trainings \(first, second\)"):
        import_weights("real3d", folder, lambda _: None)
    paths = import_weights("real3d", chosen, lambda _: None)
    assert [path.stem for path in paths] == ["real3d-official"]
    (folder / "third_secc_torso").mkdir()
    torso = folder / "third_secc_torso" / "model_ckpt_steps_1.ckpt"
    torso.write_bytes(chosen.read_bytes())
    assert importing._trained(("torso", "head"), "secc2plane_torso_orig")(folder) == torso


def test_a_voice_of_another_name_follows_later(tmp_path):
    folder = tmp_path / "official"
    published(folder / "head", HEAD)
    import_weights("real3d", folder / "head", lambda _: None)
    voice = folder / "speech"
    voice.mkdir()
    (voice / "config.yaml").write_text("task_cls: tasks.os_avatar.audio2motion_task.Audio2MotionTask")
    torch.save({"state_dict": {"model": {"a.b": torch.ones(1)}}}, voice / "model_ckpt_steps_3.ckpt")
    with pytest.raises(WeightsError, match="The voice's checkpoint has another layout"):
        import_weights("real3d", voice, lambda _: None)
    assert RELEASED["real3d-official"].path.is_file()


def test_the_users_own_network_of_classes_takes_the_photo_apart(tmp_path, load, astronaut_path, monkeypatch):
    published(tmp_path / "official" / "head", HEAD)
    (tmp_path / "official" / "selfie_multiclass_256x256.tflite").write_bytes(classes_by_color())
    paths = import_weights("real3d", tmp_path / "official", lambda _: None)
    assert paths[-1] == tmp_path / "mine" / "networks" / "selfie_multiclass_256x256.tflite"
    seen = []
    monkeypatch.setattr(
        avatar_of_real3d, "take_apart", lambda *given: seen.append(given) or take_apart(*given)
    )
    load().encode([make_portrait(read_image(astronaut_path))])
    image, *_, told = seen[0]
    np.testing.assert_array_equal(told, selfie_classes(image, paths[-1]))
    assert told.any(axis=(1, 2)).sum() >= 3
    damaged = tmp_path / "damaged" / "selfie_multiclass_256x256.tflite"
    damaged.parent.mkdir()
    damaged.write_bytes(b"0000TFL3")
    with pytest.raises(WeightsError, match="damaged"):
        import_weights("real3d", damaged, lambda _: None)


def test_larger_transformers_are_known():
    sizes = released_sizes({}, {"secc_segformer_scale": "b3"})
    assert sizes.motion == MotionSizes(widths=(64, 128, 320, 512), depths=(3, 4, 18, 3))
    assert released_sizes({}, {"secc_segformer_scale": "b0"}).motion == Real3DConfig().motion
