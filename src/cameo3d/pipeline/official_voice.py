"""Real3D-Portrait's voice model made ready from the weights that a user has added."""

import torch
from torch import Tensor

from cameo3d.geometry.basel.blendshapes import ExpressionMap
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.stream import OfficialVoice
from cameo3d.perception.speech import HubertHearing, HubertSizes, hubert_network
from cameo3d.weights.imported import load_weights
from cameo3d.weights.released import RELEASED


def load_official_voice(sizes: HubertSizes | None = None) -> OfficialVoice:
    """The official voice, with HuBERT and the user's Basel face model.

    Args:
        sizes: Of HuBERT, by default those of the published one.

    Raises:
        WeightsError: If weights are missing or damaged; the message says what to get, where, on what terms.
    """
    sizes = sizes or HubertSizes()
    # All files are asked for before the first, which is large, is read.
    for name in ("real3d-voice", "real3d-hubert", "real3d-face"):
        RELEASED[name].demand()
    # What is loaded takes the place of the networks' tensors, which need not be drawn at random first.
    with torch.device("meta"):
        hubert, network = hubert_network(sizes), VoiceToExpression(speech_channels=sizes.width).eval()
    hubert.load_state_dict(_stored("real3d-hubert", sizes), assign=True)
    network.load_state_dict(_stored("real3d-voice"), assign=True)
    hearing = HubertHearing(hubert, sizes.width)
    return OfficialVoice(network, hearing, ExpressionMap(load_real3d_face(), load_face_model()))


def load_real3d_face() -> Real3DFace:
    """The face model that the official weights know.

    Raises:
        WeightsError: If it is missing or damaged.
    """
    return Real3DFace.from_tensors(_stored("real3d-face"))


def _stored(name: str, sizes: object = None) -> dict[str, Tensor]:
    return load_weights(RELEASED[name].demand(), name, sizes)
