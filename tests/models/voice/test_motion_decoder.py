import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.models.voice.lite import motion_decoder as room
from cameo3d.models.voice.lite.flow import LatentFlow
from cameo3d.models.voice.lite.lip_shape import lip_opening, lip_width
from cameo3d.models.voice.lite.motion_decoder import (
    CONTEXT,
    LATENTS,
    LOOKAHEAD_FRAMES,
    MOUTH_SHAPES,
    MotionDecoder,
    feature_count,
    latent_noise,
    load_motion_decoder,
    sample_span,
)
from cameo3d.models.voice.lite.sound import BANDS, faded, fresh_hearing, hear, log_mel
from cameo3d.models.voice.lite.speech_encoder import HEARD, SOUNDS


def sound(seconds: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    count = int(16000 * seconds)
    loud = (torch.sin(torch.arange(count) / 2500) > 0).float()
    return 0.1 * loud * torch.randn(count, generator=generator)


def features_for(frames: int) -> torch.Tensor:
    return torch.randn(1, feature_count(frames), BANDS, generator=torch.Generator().manual_seed(2))


def test_hearing_in_chunks_equals_hearing_at_once():
    bands = log_mel(sound(2.0))
    whole, _ = hear(bands, fresh_hearing())
    first, memory = hear(bands[:77], fresh_hearing())
    second, _ = hear(bands[77:], memory)
    torch.testing.assert_close(torch.cat((first, second)), whole)


def test_several_sounds_are_heard_as_each_alone():
    bands = torch.stack((log_mel(sound(2.0)), log_mel(sound(2.0).flip(0))))
    _, memory = hear(bands[0], fresh_hearing())
    together, after = hear(bands, memory)
    torch.testing.assert_close(together[1], hear(bands[1], memory)[0])
    assert after.spectrum_sum.shape == (2, BANDS)


def test_what_fades_is_the_recursion_of_its_definition():
    values = torch.randn(2, 200, 3, generator=torch.Generator().manual_seed(0)).double()
    memory, state = torch.tensor([0.5, 0.99]).double()[:, None, None], torch.ones(2, 3).double()
    expected = []
    for frame in range(200):
        state = memory[:, 0] * state + values[:, frame]
        expected.append(state)
    found = faded(values, memory, torch.ones(2, 3).double())
    torch.testing.assert_close(found, torch.stack(expected, 1))


def test_a_voice_sounds_the_same_loud_and_soft():
    one, _ = hear(log_mel(sound(3.0)), fresh_hearing())
    other, _ = hear(log_mel(sound(3.0) * 4), fresh_hearing())
    torch.testing.assert_close(one[150:], other[150:], rtol=0, atol=0.15)


def test_motion_in_chunks_equals_motion_at_once():
    torch.manual_seed(0)
    network, features = MotionDecoder().eval(), features_for(10)
    noise = latent_noise(3, 0, 10)[None]
    whole = network(features, noise)
    part = network(features[:, 16 : 16 + feature_count(4)], noise[:, 4:8])
    torch.testing.assert_close(part, whole[:, 4:8], rtol=0, atol=1e-5)


def test_motion_waits_for_less_than_320_milliseconds_of_sound():
    _, end = sample_span(0, 1)
    assert end <= 0.320 * 16000
    assert end <= LOOKAHEAD_FRAMES * 640


def test_lips_meet_under_a_half_open_jaw_where_p_b_or_m_is_heard():
    torch.manual_seed(0)
    network = MotionDecoder().eval()
    for parameter in network.move[-1].parameters():
        torch.nn.init.zeros_(parameter)  # everything half way
    context, latent = torch.zeros(1, 3, CONTEXT), torch.zeros(1, 3, LATENTS)
    with torch.no_grad():
        weights = network.decode(context, latent, torch.tensor([[0.0, 0.5, 1.0]]))
    apart, nearer, met = lip_opening(weights)[0]
    assert apart > nearer > met
    assert met < 0.2 * apart  # a smile of a half leaves as much
    assert weights[0, 2, MOUTH_SHAPES.index("jawOpen")] == 0.25
    assert weights[0, 2, MOUTH_SHAPES.index("mouthPressLeft")] > weights[0, 0, -1]


def test_closure_is_heard_at_the_frame_that_it_belongs_to():
    network = MotionDecoder()
    with torch.no_grad():
        for parameter in network.ear.name.parameters():
            torch.nn.init.zeros_(parameter)
        network.ear.name.weight[SOUNDS.index("M"), 0] = 50.0
        heard = torch.zeros(1, 3 + 2 * 4 - 1 + 3, HEARD)
        heard[0, 3 + 2 * 2, 0] = 1.0  # the step in the middle of the third of four frames
        closure = network.closure(heard)[0]
    assert closure.argmax() == 2
    assert closure[2] > 0.3
    assert not closure[[0, 1, 3]].any(), "three sounds of forty are in doubt"


def test_the_tongue_comes_forward_for_th_more_than_for_l_and_not_for_k():
    network = MotionDecoder()
    with torch.no_grad():
        for parameter in network.ear.name.parameters():
            torch.nn.init.zeros_(parameter)
        for place, sound in enumerate(("TH", "L", "K")):
            network.ear.name.weight[SOUNDS.index(sound), place] = 50.0
        heard = torch.zeros(3, 3 + 2 * 4 - 1 + 3, HEARD)
        for place in range(3):
            heard[place, :, place] = 1.0
        th, l, k = network.tongue(heard).mean(1).tolist()  # noqa: E741 - the sound's name
    assert (th, l, k) == pytest.approx((0.5, 0.35, 0.0), abs=0.01)


def test_noise_is_the_same_wherever_it_is_cut_and_of_unit_variance():
    whole = latent_noise(5, 0, 2000)
    assert torch.equal(latent_noise(5, 123, 50), whole[123:173])
    assert not torch.equal(latent_noise(6, 0, 2000), whole)
    assert whole.std() == pytest.approx(1, abs=0.05)


def test_the_flow_leads_back_to_the_noise_with_the_volume_of_its_jacobian():
    torch.manual_seed(0)
    flow = LatentFlow(LATENTS, 5).double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    noise, context = torch.randn(LATENTS).double(), torch.randn(5).double()
    latent = flow.latent(noise, context)
    found, volume = flow.noise(latent, context)
    torch.testing.assert_close(found, noise)
    jacobian = torch.autograd.functional.jacobian(lambda x: flow.noise(x, context)[0], latent)
    assert isinstance(jacobian, torch.Tensor)
    torch.testing.assert_close(volume, torch.linalg.slogdet(jacobian).logabsdet)


def test_an_open_jaw_parts_the_lips_and_leaves_their_corners():
    closed, open_ = torch.zeros(len(MOUTH_SHAPES)), torch.zeros(len(MOUTH_SHAPES))
    open_[MOUTH_SHAPES.index("jawOpen")] = 0.3
    assert lip_opening(open_) > lip_opening(closed) + 0.1
    assert abs(float(lip_width(open_) - lip_width(closed))) < 0.05


def test_weights_of_another_network_are_refused(monkeypatch):
    monkeypatch.setattr(room, "load_tensors", lambda name: {"strange": torch.zeros(1)})
    load_motion_decoder.cache_clear()
    with pytest.raises(WeightsError, match="does not fit"):
        load_motion_decoder()
    load_motion_decoder.cache_clear()


def test_the_shipped_network_rests_in_silence_and_moves_with_a_loud_voice():
    network = load_motion_decoder()
    silence, _ = hear(log_mel(torch.zeros(16000 * 3)), fresh_hearing())
    voice, _ = hear(log_mel(sound(3.0)), fresh_hearing())
    count = (len(voice) - feature_count(1)) // 4 + 1
    length = feature_count(count)
    rest = lip_opening(network(silence[None, :length], torch.zeros(1, count, LATENTS)))
    speech = lip_opening(network(voice[None, :length], torch.zeros(1, count, LATENTS)))
    assert rest.std() < 0.05 * speech.std()
