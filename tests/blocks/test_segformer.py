import torch
from torch.nn import functional

from cameo3d.blocks.segformer import MixTransformer, ReducedAttention, ScaleFusion


def test_stages_halve_the_map_and_the_head_joins_them_at_the_finest():
    encoder = MixTransformer(4, widths=(8, 16), depths=(1, 2), heads=(1, 2), reductions=(2, 1))
    maps = encoder(torch.randn(2, 4, 32, 48))
    assert [tuple(x.shape) for x in maps] == [(2, 8, 8, 12), (2, 16, 4, 6)]
    assert ScaleFusion((8, 16), 12)(maps).shape == (2, 12, 8, 12)


def test_mit_b0_has_its_published_size():
    assert sum(p.numel() for p in MixTransformer().parameters()) == 3_319_392


def test_attention_is_a_weighted_mean_of_values():
    layer = ReducedAttention(4, heads=1, reduction=1)
    tokens = torch.randn(1, 6, 4)
    query = layer.query(tokens)
    key, value = layer.key_value(tokens).chunk(2, dim=-1)
    expected = layer.output(functional.softmax(query @ key.mT / 2, dim=-1) @ value)
    torch.testing.assert_close(layer(tokens, (2, 3)), expected)
