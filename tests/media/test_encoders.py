import av
import pytest

from cameo3d.errors import OutputError
from cameo3d.media import encoders, writing
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
