"""The code that carries an id of 32 bits through errors: 96 chips, any third of which may be doubtful.

A convolutional code of rate 1/3 with 64 states whose end bites its tail, with the usual generators 133, 171
and 165 (octal), as in LTE (3GPP TS 36.212, 5.1.3.1). Decoding is exact: the best of all 2^32 words is found.
"""

import numpy as np
from jaxtyping import Float

IDENTITY_BITS = 32
_GENERATORS = (0o133, 0o171, 0o165)
_STATES = 64


def encode_identity(identity: int) -> Float[np.ndarray, " chips"]:
    """The 96 chips, each +1 or -1, of an id.

    Raises:
        ValueError: If the id has more than 32 bits.
    """
    if not 0 <= identity < 1 << IDENTITY_BITS:
        raise ValueError(f"An id has 32 bits, got {identity}.")
    bits = [identity >> place & 1 for place in reversed(range(IDENTITY_BITS))]
    state = sum(bit << 5 - age for age, bit in enumerate(reversed(bits[-6:])))
    chips = []
    for bit in bits:
        chips.append(_OUTPUTS[bit, state])
        state = (bit << 6 | state) >> 1
    return np.concatenate(chips)


def decode_identity(chips: Float[np.ndarray, " chips"]) -> int:
    """The id whose chips agree best with what was read, the sum of products being largest.

    Args:
        chips: 96 values; the sign says which, the size how surely.
    """
    # One Viterbi search from each state that the tail may bite, all at once: scores of (first state, state).
    scores = np.where(np.eye(_STATES, dtype=bool), 0.0, -np.inf)
    steps = chips.reshape(IDENTITY_BITS, len(_GENERATORS))
    choices = np.empty((IDENTITY_BITS, _STATES, _STATES), np.uint8)
    after = np.arange(_STATES)
    bit = after >> 5
    for index, read in enumerate(steps):
        candidates = []
        for oldest in (0, 1):  # the two states that lead to a state differ in the bit that drops out
            before = (after << 1 & 63) | oldest
            candidates.append(scores[:, before] + _OUTPUTS[bit, before] @ read)
        choices[index] = candidates[1] > candidates[0]
        scores = np.maximum(*candidates)
    first = int(np.argmax(np.diagonal(scores)))
    state, identity = first, 0
    for index in reversed(range(IDENTITY_BITS)):
        identity |= (state >> 5) << IDENTITY_BITS - 1 - index
        state = (state << 1 & 63) | int(choices[index, first, state])
    return identity


def _outputs() -> Float[np.ndarray, "bits states chips"]:
    """What the encoder gives for each new bit in each state (the six bits before, the newest first)."""
    registers = np.arange(2 * _STATES).reshape(2, _STATES)
    parities = [np.bitwise_count(registers & generator) & 1 for generator in _GENERATORS]
    return 1.0 - 2.0 * np.stack(parities, axis=-1)


_OUTPUTS = _outputs()
