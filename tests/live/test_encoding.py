import io

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from cameo3d.live.encoding import FragmentedMp4, PictureEncoder


def picture(index):
    rows, columns = np.mgrid[0:64, 0:64]
    return np.stack((rows * 3, columns * 3, np.full((64, 64), 20 * index)), 2).astype(np.uint8)


def test_every_picture_can_be_decoded_as_soon_as_it_is_there_and_keys_come_when_asked_for():
    encoder, decoder = PictureEncoder(64, 64), av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.flags |= 1 << 19  # low delay
    keys, frames = [], []
    for index in (0, 1, 2, 5, 6, 7):  # some are left out
        if index == 6:
            encoder.ask_key()
        data, is_key = encoder.encode(picture(index), index)
        keys.append(is_key)
        frames += decoder.decode(av.Packet(data))
    frames += decoder.decode(None)
    assert keys == [True, False, False, False, True, False]
    assert len(frames) == 6
    last = frames[-1].to_ndarray(format="rgb24").astype(int)
    assert np.abs(last - picture(7)).mean() < 6


def test_the_fragmented_file_plays_pictures_and_sound_together():
    mp4, data = FragmentedMp4(64, 64), io.BytesIO()
    tone = np.sin(np.arange(1920) / 10).astype(np.float32)
    for index in range(25):
        for part in (*mp4.encode_sound(tone), *mp4.encode(picture(index % 12), index)):
            data.write(part)
    data.seek(0)
    with av.open(data, "r") as container:
        assert "AI-generated" in str(container.metadata)
        counts = {"video": 0, "audio": 0}
        for packet in container.demux():
            counts[packet.stream.type] += packet.size > 0
    assert counts["video"] >= 24
    assert counts["audio"] >= 45
