import numpy as np
import pytest

from cameo3d.provenance.code import decode_identity, encode_identity

IDENTITIES = [0, 1, 0xFFFFFFFF, 0x80000001, *np.random.default_rng(1).integers(1 << 32, size=20).tolist()]


@pytest.mark.parametrize("identity", IDENTITIES)
def test_every_id_comes_back(identity):
    assert decode_identity(encode_identity(identity)) == identity


def test_the_tail_bites_so_that_turned_bits_turn_the_chips():
    identity = 0x12345678
    turned = (identity << 1 | identity >> 31) & 0xFFFFFFFF
    np.testing.assert_array_equal(encode_identity(turned), np.roll(encode_identity(identity), -3))


def test_any_seven_wrong_chips_are_corrected():
    # The distance of the code is 15 or more: of 200 pairs that differ in few bits none is nearer.
    rng = np.random.default_rng(2)
    for identity in rng.integers(1 << 32, size=20).tolist():
        chips = encode_identity(identity)
        chips[rng.choice(96, 7, replace=False)] *= -1
        assert decode_identity(chips) == identity


def test_unsure_chips_count_less_than_sure_ones():
    rng = np.random.default_rng(3)
    identity = 0xCAFE1234
    sure = rng.random(96) < 0.5
    read = encode_identity(identity) * np.where(sure, 1.0, 0.05)
    read[~sure] *= np.where(rng.random((~sure).sum()) < 0.5, 1, -1)  # a quarter of all chips is wrong
    assert decode_identity(read) == identity


def test_the_best_of_all_words_is_found():
    # Exact decoding: no word that was tried agrees better than the one that is returned.
    rng = np.random.default_rng(4)
    read = rng.standard_normal(96)
    best = encode_identity(decode_identity(read)) @ read
    for other in rng.integers(1 << 32, size=2000).tolist():
        assert encode_identity(other) @ read <= best


def test_more_than_32_bits_are_refused():
    with pytest.raises(ValueError, match="32 bits"):
        encode_identity(1 << 32)
