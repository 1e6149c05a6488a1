"""What is said in a sound: HuBERT's features, from the user's own weights, and the voice's pitch.

HuBERT (Hsu et al., 2021) is computed by `transformers`, which only those need who bring the weights.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from cameo3d.errors import WeightsError
from cameo3d.perception.pitch import fundamental_frequency


@dataclass(frozen=True)
class HubertSizes:
    """How large the network is; the defaults are those of `facebook/hubert-large-ls960-ft`."""

    width: int = 1024
    layers: int = 24
    heads: int = 16
    feed_width: int = 4096
    conv_width: int = 512


def hubert_network(sizes: HubertSizes) -> nn.Module:
    """The network, not yet filled.

    Raises:
        WeightsError: If `transformers` is not installed.
    """
    try:
        from transformers import HubertConfig, HubertModel
    except ImportError as error:
        raise WeightsError(
            "The official voice needs the package transformers; install it with `pip install "
            "'cameo3d[official]'`."
        ) from error
    return HubertModel(
        HubertConfig(
            hidden_size=sizes.width,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
            intermediate_size=sizes.feed_width,
            conv_dim=(sizes.conv_width,) * 7,
            conv_bias=True,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
        )
    ).eval()


class HubertHearing:
    """Features and pitch of a voice, 50 times a second, as Real3D-Portrait's voice model hears them."""

    def __init__(self, network: nn.Module, channels: int) -> None:
        self._network, self.channels = network, channels

    def features(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "steps channels"]:
        """The last layer's output; step `i` hears, first of all, the 400 samples from `320 i` on.

        Args:
            samples: 16 kHz mono, at least 400 of them, with a mean of 0 and a variance of 1.
        """
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            heard = self._network(torch.from_numpy(samples)[None].to(device))
        return heard.last_hidden_state[0].cpu().clone()

    def pitch(self, samples: Float32[np.ndarray, " samples"], peak: float) -> Float32[np.ndarray, " steps"]:
        """Hertz, 0 without voice; see `fundamental_frequency`."""
        return fundamental_frequency(samples, peak)
