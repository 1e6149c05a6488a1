import pytest
import torch
from torch.nn import functional

from cameo3d.blocks import winograd


def inputs(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 48, height, width), torch.randn(64, 48, 3, 3) / 20, torch.randn(64)
    return x, weight, bias


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """How often the fast way was taken; maps need not be large for it."""
    calls, convolve = [], winograd._convolve
    monkeypatch.setattr(winograd, "_LEAST_PIXELS", 1)
    monkeypatch.setattr(winograd, "_convolve", lambda *given: calls.append(1) or convolve(*given))
    return calls


@pytest.mark.parametrize("size", [(4, 4), (12, 20), (24, 512)])
def test_the_fast_convolution_is_the_convolution(size, counted):
    x, weight, bias = inputs(*size)
    with torch.no_grad():
        fast = winograd.convolve(x, weight, bias)
        bare = winograd.convolve(x.contiguous(memory_format=torch.channels_last), weight)
    assert len(counted) == 2
    # Largest difference measured: 6e-6 of values up to 8.
    torch.testing.assert_close(fast, functional.conv2d(x, weight, bias, padding=1), rtol=0, atol=5e-5)
    torch.testing.assert_close(bare, functional.conv2d(x, weight, padding=1), rtol=0, atol=5e-5)


def test_in_bfloat16_it_errs_by_a_hundredth(counted):
    x, weight, bias = inputs(16, 16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        fast = winograd.convolve(x, weight, bias)
    assert counted
    assert fast.dtype == torch.bfloat16
    exact = functional.conv2d(x, weight, bias, padding=1)
    error = (fast.float() - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    assert error < 0.02  # 0.010 measured


def test_odd_sizes_and_gradients_go_the_usual_way(counted):
    x, weight, bias = inputs(10, 12)
    with torch.no_grad():
        usual = winograd.convolve(x, weight, bias)
    torch.testing.assert_close(usual, functional.conv2d(x, weight, bias, padding=1))
    assert winograd.convolve(x, weight.requires_grad_(), bias).requires_grad
    assert not counted


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_torch_compile_is_told_its_true_shape_and_layout(kind):
    x, weight, bias = inputs(12, 20)
    checks = ("test_schema", "test_faketensor")
    torch.library.opcheck(torch.ops.cameo3d.convolve, (x.to(kind), weight, bias), test_utils=checks)
    torch.library.opcheck(torch.ops.cameo3d.convolve, (x.to(kind), weight, None), test_utils=checks)
