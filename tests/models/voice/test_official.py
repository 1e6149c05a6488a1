import torch

from cameo3d.models.voice.official.network import VoiceToExpression, pitch_bins


def small() -> VoiceToExpression:
    torch.manual_seed(0)
    return VoiceToExpression(speech_channels=12, width=8, gate_width=8, latent=4, flow_width=6).eval()


def test_the_network_has_its_published_size_once_weight_norms_are_joined():
    with torch.device("meta"):
        assert sum(p.numel() for p in VoiceToExpression().parameters()) < 11_864_064


def test_the_flow_backwards_undoes_the_flow():
    model = small()
    latents, condition = torch.randn(2, 4, 5), torch.randn(2, 8, 5)
    with torch.no_grad():
        torch.testing.assert_close(model.flow.inverse(model.flow(latents, condition), condition), latents)


def test_fifty_steps_of_speech_make_twenty_five_frames_and_padding_is_silent():
    model, speech = small(), torch.randn(1, 32, 12)
    with torch.no_grad():
        condition = model.conditions(speech, torch.zeros(1, 32))
        noise = torch.randn(1, model.latent, 4)
        mask = (torch.arange(16) < 10).float()[None]
        expressions = model(condition, noise, mask=mask)
    assert expressions.shape == (1, 16, 64)
    assert not expressions[:, 10:].any()
    assert expressions[:, :10].any()


def test_a_certain_posterior_equal_to_the_prior_has_no_divergence():
    model = small()
    speech, mask = torch.randn(1, 32, 12), torch.ones(1, 16)
    with torch.no_grad():
        known = model.infer(
            torch.randn(1, 16, 64), model.conditions(speech, torch.zeros(1, 32)), torch.randn(1, 4, 4), mask
        )
    same = type(known)(torch.zeros_like(known.mean), torch.zeros_like(known.mean), known.sample, known.sample)
    assert same.divergence(mask[:, ::4]) == 0


def test_pitch_bins_span_50_to_1100_hertz():
    assert pitch_bins(torch.tensor([0.0, 50.0, 1100.0, 3000.0])).tolist() == [1, 1, 255, 255]
