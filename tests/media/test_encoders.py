import threading

import av
import numpy as np
import pytest

from cameo3d.errors import OutputError
from cameo3d.media import encoders, writing
from cameo3d.media.background import hand_over
from cameo3d.media.encoders import choose_encoder, has_nvenc
from cameo3d.media.writing import VideoWriter


@pytest.fixture
def nvenc(monkeypatch):
    """A machine with or without NVENC."""

    def there(opens: bool) -> None:
        monkeypatch.setattr(encoders, "has_nvenc", lambda: opens)

    return there


def test_without_an_nvidia_encoder_auto_is_x264_without_a_word(nvenc, caplog, capfd):
    nvenc(False)
    assert choose_encoder("auto", on_gpu=True) == "x264"
    assert not caplog.messages
    assert not any(capfd.readouterr())


def test_asked_for_by_name_a_missing_encoder_is_told(nvenc):
    nvenc(False)
    with pytest.raises(OutputError, match="leave --encoder out"):
        choose_encoder("nvenc", on_gpu=True)


def test_auto_takes_nvenc_only_where_frames_are_on_a_gpu(nvenc):
    nvenc(True)
    assert choose_encoder("auto", on_gpu=True) == "nvenc"
    assert choose_encoder("auto", on_gpu=False) == "x264"
    assert choose_encoder("x264", on_gpu=True) == "x264"
    assert choose_encoder("nvenc", on_gpu=False) == "nvenc"


def test_a_trial_tells_whether_nvenc_opens_and_says_nothing(capfd):
    has_nvenc.cache_clear()
    opens = has_nvenc()
    assert not any(capfd.readouterr())
    context = av.CodecContext.create("h264_nvenc", "w") if "h264_nvenc" in av.codecs_available else None
    assert context is not None or not opens


def test_a_writer_with_nvenc_asks_ffmpeg_for_it(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        writing, "_add_video", lambda container, encoding, *_: asked.append(encoding.encoder) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError), VideoWriter(tmp_path / "x.mp4", (64, 64), 25, encoder="nvenc"):
        pass
    assert asked == ["h264_nvenc"]
    assert not list(tmp_path.iterdir())


def test_work_is_done_in_order_in_another_thread_while_the_next_is_made():
    done, begun, threads = [], threading.Event(), set()

    def made():
        yield 0
        assert begun.wait(10)  # the first is worked on before the second is made
        yield from (1, 2, 3)

    def work(item: int) -> None:
        begun.set()
        threads.add(threading.current_thread())
        done.append(item)

    hand_over(made(), work)
    assert done == [0, 1, 2, 3]
    assert threads.isdisjoint({threading.current_thread()})


def test_what_the_work_raises_is_raised_and_ends_the_making():
    made = []

    def items():
        for number in range(1000):
            made.append(number)
            yield number

    with pytest.raises(ValueError, match="third"):
        hand_over(items(), lambda number: (_ for _ in ()).throw(ValueError("third")) if number == 2 else None)
    assert len(made) < 20


def test_what_the_making_raises_leaves_nothing_behind():
    done = []

    def items():
        yield 1
        raise OutputError("no more")

    before = threading.active_count()
    with pytest.raises(OutputError, match="no more"):
        hand_over(items(), done.append)
    assert done == [1]
    assert threading.active_count() == before


def test_a_video_is_the_same_whoever_waits(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
    for name in ("one.mp4", "two.mp4"):
        with VideoWriter(tmp_path / name, (64, 48), 25) as writer:
            if name == "one.mp4":
                hand_over(frames, writer.write)
            else:
                for frame in frames:
                    writer.write(frame)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
