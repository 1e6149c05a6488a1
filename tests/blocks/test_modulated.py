import math

import torch
from torch.nn import functional

from cameo3d.blocks.modulated import (
    ModulatedBlock,
    ScaledLinear,
    modulated_convolution,
    smooth,
    upsample_image,
)


def zero_inserted(x: torch.Tensor) -> torch.Tensor:
    wide = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    wide[..., ::2, ::2] = x
    return wide


def blur_kernel(channels: int) -> torch.Tensor:
    kernel = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(kernel, kernel).expand(channels, 1, 4, 4) / 16


def test_scaling_the_input_equals_scaling_the_weights():
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 3, 5, 5, generator=generator), torch.randn(4, 3, 3, 3, generator=generator)
    scales = torch.rand(1, 3, generator=generator) + 0.5
    scaled = weight * scales[0, :, None, None]
    scaled = scaled / (scaled.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    torch.testing.assert_close(
        modulated_convolution(x, weight, scales), functional.conv2d(x, scaled, padding=1)
    )


def test_each_of_a_batch_has_its_own_style():
    x, weight = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3)
    scales = torch.rand(2, 3) + 0.5
    together = modulated_convolution(x, weight, scales, upsample=True)
    apart = torch.cat(
        [modulated_convolution(x[i, None], weight, scales[i, None], upsample=True) for i in range(2)]
    )
    torch.testing.assert_close(together, apart)


def test_upsampling_an_image_is_zero_insertion_and_a_blur():
    image = torch.randn(1, 3, 6, 5)
    padded = functional.pad(zero_inserted(image), (2, 1, 2, 1))
    torch.testing.assert_close(upsample_image(image), functional.conv2d(padded, blur_kernel(3), groups=3))


def test_an_even_image_stays_even_but_for_its_border():
    assert torch.allclose(upsample_image(torch.ones(1, 3, 6, 6))[..., 1:-1, 1:-1], torch.tensor(1.0))


def test_smoothing_is_the_four_by_four_blur():
    x = torch.randn(1, 2, 9, 9)
    torch.testing.assert_close(smooth(x), functional.conv2d(x, blur_kernel(2), padding=1, groups=2))


def test_a_block_doubles_its_size_only_if_asked():
    for upsample in (False, True):
        block = ModulatedBlock(4, 6, 8, upsample=upsample)
        x, image = block(torch.randn(2, 4, 8, 8), torch.randn(2, 3, 8, 8), torch.ones(2, 8))
        side = 16 if upsample else 8
        assert x.shape == (2, 6, side, side)
        assert image.shape == (2, 3, side, side)


def test_scaled_linear_layers_keep_the_variance():
    x = torch.randn(4096, 64, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    assert math.isclose(ScaledLinear(64, 256)(x).std().item(), 1, rel_tol=0.1)
