import pytest
import torch

from cameo3d.blocks.processors import computes_bfloat16, half_precision


@pytest.mark.parametrize("able", [True, False])
def test_a_cpu_computes_in_half_precision_only_if_it_does_so_itself(monkeypatch, caplog, able):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert computes_bfloat16("cpu") is able
    assert half_precision(True, "cpu") is able
    assert ("bfloat16" in caplog.text) is not able
    assert not half_precision(False, "cpu")


@pytest.mark.parametrize("able", [True, False])
def test_a_gpu_computes_in_half_precision_only_if_it_does_so_itself(monkeypatch, able):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: able)
    assert computes_bfloat16("cuda") is able
