import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from voice_sounds import RATE, arpeggio, babble, chord, drums, tune, white_noise

import cameo3d
from cameo3d.media.audio import read_audio
from cameo3d.models.voice.contract import Delivery, VoiceModel
from cameo3d.models.voice.lite.lip_shape import lip_opening
from cameo3d.models.voice.lite.motion_decoder import MOUTH_SHAPES, load_motion_decoder
from cameo3d.models.voice.lite.stream import LiteLipStream
from cameo3d.models.voice.lite.voice import LiteVoice, SpeakerStream
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion import joined

_MOUTH = [BLENDSHAPES.index(name) for name in MOUTH_SHAPES]
_FIELDS = ("expression", "rotation", "translation", "gaze")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def spoken(sound: np.ndarray, cuts: tuple[int, ...] = (), delivery: Delivery | None = None) -> Motion:
    stream = LiteVoice().start(delivery or Delivery())
    return joined([*(stream.push(piece) for piece in np.split(sound, cuts)), stream.finish()])


def lip_speed(motion: Motion) -> float:
    """Mean change of the mouth's weights a frame."""
    return float(motion.expression[:, _MOUTH].diff(dim=0).abs().sum(1).mean())


def test_the_shipped_model_keeps_the_contract():
    assert isinstance(LiteVoice(), VoiceModel)


def test_pieces_move_as_the_whole_does():
    sound = babble(14.0)  # longer than the pieces that it is taken in
    whole = spoken(sound)
    cut = spoken(sound, (1, 700, 701, 5000, 20000, 20160, 100_000))
    assert len(whole) == len(cut) == 350
    for name in _FIELDS:
        # Largest difference measured: 3e-7.
        torch.testing.assert_close(getattr(cut, name), getattr(whole, name), rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_take():
    sound = babble(3.0)
    one, again, other = (spoken(sound, delivery=Delivery(seed=seed, temperature=0.5)) for seed in (1, 1, 2))
    for name in _FIELDS:
        assert torch.equal(getattr(one, name), getattr(again, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_a_frame_comes_at_most_320_ms_after_its_sound():
    stream, frames, longest = LiteVoice().start(Delivery()), 0, 0
    for end, piece in enumerate(np.split(babble(2.0), 200), start=1):
        waiting = end * 160 - 640 * frames  # samples since the start of the oldest frame that waits
        longest = max(longest, waiting)
        frames += len(stream.push(piece))
    assert longest <= 0.32 * RATE + 160


def test_early_lips_come_after_as_many_frames_as_asked_for_and_move_much_the_same():
    sound, mouth = babble(2.0), load_motion_decoder()
    early, whole = LiteLipStream(mouth, Delivery(), 4), LiteLipStream(mouth, Delivery())
    given = [early.push(piece) for piece in np.split(sound, 50)]
    assert [len(part) for part in given] == [0] * 4 + [1] * 46
    moved = torch.cat((*given, early.finish()))
    alone = torch.cat((whole.push(sound), whole.finish()))
    assert moved.shape == alone.shape
    assert (moved - alone).abs().mean() < 0.1 * (alone - alone.mean(0)).abs().mean()


@pytest.mark.parametrize("samples", [0, 1, 640, 641, 10_000])
def test_motion_lasts_as_long_as_the_sound(samples):
    assert len(spoken(np.zeros(samples, np.float32))) == -(-samples // 640)


def test_lips_rest_in_silence_noise_and_music():
    demo = Path(cameo3d.__file__).parent / "assets" / "demo_voice.flac"
    speaking = lip_speed(spoken(np.concatenate(list(read_audio(demo)))))
    quiet = np.zeros(4 * RATE, np.float32)
    music = chord(4.0, 262.0, 330.0, 392.0), tune(6.0), arpeggio(10.0), drums(6.0)
    for sound in (quiet, white_noise(4.0), *music):
        resting = spoken(sound)
        assert lip_speed(resting) < 0.05 * speaking
        assert resting.rotation.std() > 0.002, "the head lives on"


def test_a_pause_closes_the_mouth_within_200_ms():
    sound = np.concatenate((babble(2.0), np.zeros(RATE, np.float32), babble(2.0)))
    weights = spoken(sound).expression[:, _MOUTH]
    opening = lip_opening(weights)
    end = round(25 * (2.0 - 0.0125))  # the last syllable ends a moment before the second is full
    assert opening[end + 5 : end + 18].max() < 0.05 * opening[25:45].mean()
    assert not weights[end + 15 : end + 18].any(), "nothing is left of speech after 600 ms"


def test_lips_may_move_through_short_quiet_as_the_network_wants_them_to():
    class Parted:
        """Lips that are always apart."""

        def push(self, samples: np.ndarray) -> torch.Tensor:
            return torch.full((len(samples) // 640, 52), 0.5)

        def finish(self) -> torch.Tensor:
            return torch.zeros(0, 52)

    sound = np.concatenate((babble(2.0), white_noise(0.24, 0.001), babble(2.0)))
    stream = SpeakerStream(Parted(), Delivery())
    lips = joined([stream.push(sound[: len(sound) // 640 * 640]), stream.finish()]).expression[:, _MOUTH]
    assert lips[48:58].min() > 0.49


def test_lips_can_be_told_to_move_less():
    sound = babble(2.0)
    usual, half = (spoken(sound, delivery=Delivery(mouth_amplitude=share)) for share in (1.0, 0.5))
    torch.testing.assert_close(half.expression[:, _MOUTH], usual.expression[:, _MOUTH] / 2)


def test_memory_does_not_grow_with_the_length():
    stream, sound = LiteVoice().start(Delivery()), babble(10.0)
    stream.push(sound)
    tracemalloc.start()
    stream.push(sound)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(5):
        stream.push(sound)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000 < sys.getsizeof(sound)


def test_deliveries_out_of_range_are_refused():
    with pytest.raises(ValueError, match="temperature"):
        Delivery(temperature=1.5)
    with pytest.raises(ValueError, match="amplitude"):
        Delivery(mouth_amplitude=-0.1)
