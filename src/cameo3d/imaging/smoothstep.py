"""Going over from one thing to another without a kink."""

import numpy as np
from jaxtyping import Float


def smoothstep(share: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """From 0, where the share is 0 or less, to 1, where it is 1 or more, with no slope at either end."""
    share = share.clip(0, 1)
    return share * share * (3 - 2 * share)
