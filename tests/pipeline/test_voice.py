import logging
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from cameo3d.errors import InputError
from cameo3d.models.voice.contract import Delivery
from cameo3d.pipeline import voice as story
from cameo3d.pipeline.voice import check_voice, voice_motion
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion import still_motion

_JAW = BLENDSHAPES.index("jawOpen")


class _LoudnessStream:
    """Opens the jaw as far as the sound is loud: what was heard shows in the motion."""

    def __init__(self) -> None:
        self.rest = np.zeros(0, np.float32)

    def push(self, samples: np.ndarray) -> Motion:
        self.rest = np.concatenate((self.rest, samples))
        count = len(self.rest) // 640
        frames, self.rest = self.rest[: 640 * count].reshape(count, 640), self.rest[640 * count :]
        motion = still_motion(count)
        motion.expression[:, _JAW] = torch.from_numpy(np.abs(frames).max(1, initial=0)).clamp(max=1)
        return motion

    def finish(self) -> Motion:
        return self.push(np.zeros(-len(self.rest) % 640, np.float32))


class Loudness:
    def start(self, delivery: Delivery) -> _LoudnessStream:
        return _LoudnessStream()


def beeps(seconds: float = 2.0, rate: int = 16000) -> np.ndarray:
    """A tone of 50 ms at 0.4 and at 1.2 s."""
    time = np.arange(round(seconds * rate)) / rate
    on = ((time >= 0.4) & (time < 0.45)) | ((time >= 1.2) & (time < 1.25))
    return (0.5 * np.sin(2 * np.pi * 440 * time) * on).astype(np.float32)


def write_sound(
    path: Path,
    sound: np.ndarray,
    codec: str,
    rate: int = 16000,
    layout: str = "mono",
    picture: float | None = None,
    start: float = 0.0,
) -> Path:
    """Write a sound that begins at `start`, with black pictures for `picture` seconds if that is given."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = layout
        if picture is not None:
            video = container.add_stream("libx264", rate=25)
            assert isinstance(video, VideoStream)
            video.width = video.height = 32
            for index in range(round(25 * picture)):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if len(sound):
            channels = 2 if layout == "stereo" else 1
            frame = av.AudioFrame.from_ndarray(
                np.tile(sound.astype(np.float32), (channels, 1)), "fltp", layout
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate), Fraction(1, rate)
            size = stream.codec_context.frame_size or None
            shaper = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
            for piece in [*shaper.resample(frame), *shaper.resample(None)]:
                if piece is not None:
                    container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
    return path


def loud_frames(motion: Motion) -> list[int]:
    return torch.nonzero(motion.expression[:, _JAW] > 0.2)[:, 0].tolist()


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [
        ("a.wav", "pcm_u8", 8000, "mono"),
        ("a.wav", "pcm_s16le", 44100, "stereo"),
        ("a.wav", "pcm_s24le", 96000, "mono"),
        ("a.wav", "pcm_f32le", 48000, "stereo"),
        ("a.flac", "flac", 22050, "mono"),
        ("a.mp3", "libmp3lame", 44100, "stereo"),
        ("a.m4a", "aac", 44100, "stereo"),
        ("a.ogg", "libopus", 48000, "stereo"),
        ("a.mka", "ac3", 32000, "stereo"),
    ],
)
def test_sounds_of_every_kind_are_heard_in_time(tmp_path, name, codec, rate, layout):
    path = write_sound(tmp_path / name, beeps(rate=rate), codec, rate, layout)
    motion = voice_motion(path, model=Loudness())
    assert 50 <= len(motion) <= 52, "two seconds, and what the codec pads"
    heard = loud_frames(motion)
    assert {10, 30} <= set(heard) <= {9, 10, 11, 29, 30, 31}


@pytest.mark.parametrize("start", [0.0, 0.4])
def test_the_sound_of_a_video_keeps_its_start(tmp_path, start):
    path = write_sound(tmp_path / "a.mp4", beeps(), "aac", picture=2.4, start=start)
    heard = loud_frames(voice_motion(path, model=Loudness()))
    shift = round(25 * start)
    assert {10 + shift, 30 + shift} <= set(heard) <= {k + shift for k in (9, 10, 11, 29, 30, 31)}


def test_all_of_a_videos_sound_is_said_though_its_pictures_begin_later(tmp_path):
    path = tmp_path / "a.mkv"
    source = write_sound(tmp_path / "b.mkv", beeps(), "flac", picture=2.0)
    with av.open(str(source)) as whole, av.open(str(path), "w") as late:
        streams = {stream.index: late.add_stream_from_template(stream) for stream in whole.streams}
        for packet in whole.demux():
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            if packet.stream.type == "video":
                second = round(1 / packet.time_base)
                packet.pts, packet.dts = packet.pts + second, packet.dts + second
            packet.stream = streams[packet.stream.index]
            late.mux(packet)
    motion = voice_motion(path, model=Loudness())
    assert {10, 30} <= set(loud_frames(motion)) <= {9, 10, 11, 29, 30, 31}


def test_a_video_without_sound_is_refused(tmp_path):
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = 32
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")))
        container.mux(stream.encode(None))
    for hear in (check_voice, voice_motion):
        with pytest.raises(InputError, match=r"mute\.mp4.*no audio stream.*give"):
            hear(path)


def test_a_sound_of_no_length_is_refused(tmp_path):
    with wave.open(str(tmp_path / "empty.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", "NONE"))
    with pytest.raises(InputError, match=r"empty\.wav.*no sound at all"):
        voice_motion(tmp_path / "empty.wav")


def test_a_sample_that_is_no_number_is_refused_with_its_time(tmp_path):
    sound = beeps()
    sound[16000] = np.nan
    with pytest.raises(InputError, match=r"a\.wav.*not a number, 1\.00 s"):
        voice_motion(write_sound(tmp_path / "a.wav", sound, "pcm_f32le"))


def test_silence_gives_a_living_face_with_lips_at_rest_and_a_notice(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        motion = voice_motion(write_sound(tmp_path / "a.wav", np.zeros(16000 * 6), "pcm_s16le"))
    assert "No voice was heard" in caplog.text
    assert not motion.expression[:, _JAW].any()
    assert motion.rotation.std() > 0.002
    assert len(motion) == 150


def test_of_a_very_long_sound_the_user_is_told_once_what_it_takes(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(story, "LONG_SECONDS", 3.0)
    path = write_sound(tmp_path / "a.wav", np.tile(beeps(), 10), "pcm_s16le")
    with caplog.at_level(logging.WARNING):
        voice_motion(path, model=Loudness())
    assert caplog.text.count("longer than an hour") == 1


def test_progress_knows_how_much_there_is_to_hear(tmp_path):
    path, told = write_sound(tmp_path / "a.wav", np.tile(beeps(), 10), "pcm_s16le"), []
    motion = voice_motion(path, model=Loudness(), progress=lambda *counts: told.append(counts))
    assert len(told) > 1
    assert {total for _, total in told} == {len(motion)}


def test_twenty_hours_are_heard_piece_by_piece(monkeypatch, caplog):
    block = np.zeros(16000 * 10, np.float32)
    monkeypatch.setattr(story, "read_audio", lambda path, rate, early: (block for _ in range(7200)))
    monkeypatch.setattr(story, "probe_audio", lambda path: None)
    pieces = []

    class Counting:
        def push(self, samples: np.ndarray) -> Motion:
            pieces.append(len(samples))
            return still_motion(len(samples) // 640)

        def finish(self) -> Motion:
            return still_motion(0)

    class Model:
        def start(self, delivery: Delivery) -> Counting:
            return Counting()

    told = []
    motion = voice_motion(Path("long.wav"), model=Model(), progress=lambda done, total: told.append(done))
    assert len(motion) == told[-1] == 20 * 3600 * 25
    assert max(pieces) == len(block), "no more than what was read is held"
    assert "longer than an hour" in caplog.text
