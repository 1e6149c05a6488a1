import wave
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_person import made_person
from scipy.io import savemat
from synthetic_basel import basel_arrays, basel_face

from cameo3d.errors import WeightsError
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.perception.speech import HubertSizes, hubert_network
from cameo3d.pipeline import importing as weights
from cameo3d.pipeline.animate import animate
from cameo3d.pipeline.importing import import_weights
from cameo3d.pipeline.models import load_official_voice, load_real3d_face
from cameo3d.pipeline.retarget import voiced_motion
from cameo3d.values.motion import still_motion
from cameo3d.weights.conversion.basel import LEFT_EYE, MAP_COLORS, MESH_VERTICES, RIGHT_EYE
from cameo3d.weights.imported import Label, checksum_of, save_weights
from cameo3d.weights.released import RELEASED

TINY = HubertSizes(width=16, layers=2, heads=2, feed_width=32, conv_width=8)


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """A folder of official files: a stand-in for the face model, and a tiny HuBERT."""
    folder = tmp_path_factory.mktemp("official")
    arrays = basel_arrays()
    (folder / "deep_3drecon" / "BFM").mkdir(parents=True)
    for file, name in (
        (MESH_VERTICES, "mesh_vertices"),
        (MAP_COLORS, "map_colors"),
        (LEFT_EYE, "left_eye_triangles"),
        (RIGHT_EYE, "right_eye_triangles"),
    ):
        np.save(folder / file.path, arrays[name])
    own = {"meanshape", "meantex", "idBase", "exBase", "texBase", "tri", "point_buf", "keypoints"}
    savemat(folder / "deep_3drecon/BFM/BFM_model_front.mat", {name: arrays[name] for name in own})
    (folder / "hubert-large-ls960-ft").mkdir()
    torch.manual_seed(3)
    torch.save(hubert_network(TINY).state_dict(), folder / "hubert-large-ls960-ft" / "pytorch_model.bin")
    return folder


@pytest.fixture
def mine(monkeypatch, tmp_path):
    """An empty folder of the user's weights; HuBERT is expected to be tiny, and no generator is asked for."""
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    parts = {part.stored: part for part in weights.RELEASES["real3d"]}
    hubert = replace(parts["real3d-hubert"], sizes=lambda path, official: TINY)
    monkeypatch.setitem(weights.RELEASES, "real3d", (parts["real3d-face"], hubert))
    return tmp_path


def store_voice():
    torch.manual_seed(4)
    tensors = VoiceToExpression(speech_channels=TINY.width).state_dict()
    label = Label("real3d-voice", "{}", "", "", "", checksum_of(tensors))
    save_weights(tensors, label, RELEASED["real3d-voice"].path)


def test_imported_files_speak(official, mine):
    import_weights("real3d", official, print)
    store_voice()
    face = load_real3d_face()
    assert torch.equal(face.map_triangles, basel_face().map_triangles)
    assert torch.equal(face.basel.expression_basis, basel_face().basel.expression_basis)
    stream = load_official_voice(TINY).start(Delivery(seed=2))
    noise = np.random.default_rng(5).uniform(-1, 1, size=32000).astype(np.float32)
    parts = [stream.push(noise), stream.finish()]
    motion = parts[1]
    assert sum(len(part) for part in parts) == 50
    assert motion.basel is not None
    assert motion.basel.shape == (50, 64)
    assert motion.basel.std(dim=0).max() > 1e-3
    assert motion.basel.isfinite().all()


@pytest.mark.parametrize("missing", ["real3d-voice", "real3d-hubert", "real3d-face"])
def test_what_is_missing_is_named_with_origin_and_licence(mine, missing):
    for name in {"real3d-voice", "real3d-hubert", "real3d-face"} - {missing}:
        (mine / f"{name}.safetensors").touch()
    with pytest.raises(
        WeightsError, match=f"weights {missing} are missing: get .* from .*weights import real3d"
    ):
        load_official_voice(TINY)


def test_coefficients_stay_with_a_voice_that_is_transferred_to_a_photo():
    spoken = replace(still_motion(3), basel=torch.ones(3, 64))
    moved = voiced_motion(spoken, made_person())
    assert moved.basel is not None
    assert torch.equal(moved.basel, torch.ones(3, 64))


def test_animating_without_the_official_weights_fails_before_the_photo_is_read(mine, tmp_path):
    photo, sound = tmp_path / "a.png", tmp_path / "a.wav"
    photo.write_text("no photo")
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    with pytest.raises(WeightsError, match="real3d-voice are missing"):
        animate(photo, voice=sound, voice_model="official")
