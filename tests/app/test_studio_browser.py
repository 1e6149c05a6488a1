"""The whole page in a real browser: Debian's Chromium, driven by playwright (pip install playwright)."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from pathlib import Path

import numpy as np
import pytest

from cameo3d.media.audio import read_audio
from cameo3d.media.video import probe_video
from cameo3d.provenance.verifying import verify
from cameo3d.values import Motion

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright; pip install playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no browser; apt-get install chromium")
PATIENCE = 120_000
"""Milliseconds; a free machine needs a few seconds."""


@pytest.fixture(scope="module")
def address(tmp_path_factory, own_credentials):
    folder = tmp_path_factory.mktemp("server")
    words = [sys.executable, "-c", "from cameo3d.app.cli import main; main()"]
    words += ["studio", "--port", "0", "--no-browser"]
    surroundings = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=surroundings) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()
        server.wait(30)
    assert not [path for path in folder.iterdir() if path.name.startswith("cameo3d-studio-")]


@pytest.fixture(scope="module")
def microphone(tmp_path_factory, demo_voice_path) -> Path:
    path = tmp_path_factory.mktemp("sound") / "voice.wav"
    samples = np.concatenate(list(read_audio(demo_voice_path, 48000)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def browser(microphone):
    flags = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--autoplay-policy=no-user-gesture-required",
    ]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser, address):
    """The page with the example's head alive."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(address)
    page.click("#example")
    until(page, "cameo.live.stats.shown > 3")
    yield page
    assert page.problems == []
    page.close()


def until(page, condition, seconds=PATIENCE / 1000):
    # The page's policy forbids what playwright's own wait_for_function does.
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"{condition} did not come true"
        page.wait_for_timeout(50)


def colours(page):
    """The canvas as numbers, coarse."""
    drawn = page.evaluate(
        "(() => { const c = new OffscreenCanvas(64, 64), d = c.getContext('2d');"
        "d.drawImage(cameo.live.canvas, 0, 0, 64, 64);"
        "return Array.from(d.getImageData(0, 0, 64, 64).data); })()"
    )
    return np.array(drawn, float).reshape(64, 64, 4)[..., :3]


def test_the_head_turns_where_the_pointer_is(page):
    box = page.locator("#stage").bounding_box()
    seen = []
    for share in (0.02, 0.98):
        shown = page.evaluate("cameo.live.stats.shown")
        for step in range(8):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.4 * box["height"] + step)
            page.wait_for_timeout(60)
        until(page, f"cameo.live.stats.shown > {shown + 3}")
        seen.append(colours(page))
    assert np.abs(seen[0] - seen[1]).mean() > 3


def test_a_voice_file_is_heard_with_its_pictures_and_escape_ends_it(page):
    page.click("text=Voice file")
    page.click("#voice-example")
    until(page, "cameo.live.isSpeaking && cameo.live.stats.skew.length > 3")
    page.keyboard.press("Escape")
    until(page, "!cameo.live.isSpeaking", 20)


def test_the_microphone_speaks_through_the_portrait(page):
    page.click("text=Microphone")
    page.click("#microphone")
    until(page, "cameo.live.isSpeaking")
    page.click("#microphone")
    assert page.is_enabled("#make")
    page.keyboard.press("Escape")


def test_a_webcam_that_shows_no_face_says_so_and_lets_the_head_live(page):
    page.click("text=Webcam")
    page.click("#webcam")
    until(page, "document.querySelector('#webcam-state').textContent.startsWith('Looking')")
    shown = page.evaluate("cameo.live.stats.shown")
    until(page, f"cameo.live.stats.shown > {shown + 2}")
    page.click("#webcam")
    assert page.is_disabled("#make")


@pytest.fixture(scope="module")
def film(page, tmp_path_factory, demo_motion_path) -> Path:
    """A video that the page made of six frames of motion."""
    folder = tmp_path_factory.mktemp("film")
    short, made = folder / "short.csv", folder / "made.mp4"
    Motion.load(demo_motion_path).part(0, 6).save(short)
    page.click("text=Motion file")
    page.set_input_files("#motion-file", str(short))
    assert "--motion short.csv" in page.text_content("#command")
    make(page)
    save(page, "#history li:first-child a >> text=MP4", made)
    return made


def make(page):
    """Make the video, and wait until it stands first in the history."""
    page.click("#make")
    until(page, "document.querySelector('#history li:first-child :is(video, .error)') !== null")
    assert page.locator("#history li:first-child .error").count() == 0


def save(page, selector, path: Path):
    with page.expect_download() as download:
        page.click(selector)
    download.value.save_as(path)


def test_a_motion_file_becomes_a_video_that_can_be_verified(page, film):
    assert probe_video(film).width == 512
    assert verify(film).found
    page.click("#tab-verify")
    page.set_input_files("#verify-file", str(film))
    until(page, "!document.querySelector('#verdict').hidden")
    assert "generated" in page.text_content("#verdict").lower()
    page.click("#tab-studio")


def test_a_driving_video_becomes_a_transparent_webm_and_a_motion_file(page, film, tmp_path):
    page.click("text=Video >> nth=0")
    page.set_input_files("#video-file", str(film))
    page.select_option("#format", "webm-alpha")
    assert "--video made.mp4" in page.text_content("#command")
    make(page)
    save(page, "#history li:first-child a >> text=WEBM", tmp_path / "made.webm")
    alpha_mode = b"\x53\xc0\x81\x01"  # Matroska's element of that name, one byte long: 1
    assert alpha_mode in (tmp_path / "made.webm").read_bytes()[:4096]
    save(page, "#history li:first-child button >> text=Motion (CSV)", tmp_path / "motion.csv")
    assert len(Motion.load(tmp_path / "motion.csv")) == probe_video(film).frame_count
    page.select_option("#format", "mp4")


def test_a_video_that_is_cancelled_says_so_and_leaves_the_history(page, demo_motion_path):
    page.click("text=Motion file")
    page.set_input_files("#motion-file", str(demo_motion_path))
    page.click("#make")
    page.click("#history li:first-child button >> text=Cancel")
    until(page, "document.querySelector('#history li:first-child').textContent.includes('cancelled')")
    rows = page.locator("#history li").count()
    page.click("#history li:first-child button >> text=Remove")
    assert page.locator("#history li").count() == rows - 1


def test_an_avatar_of_the_page_begins_another_page_beside_it(browser, address, page, film, tmp_path):
    save(page, "#history a >> text=Avatar", tmp_path / "me.avatar")
    other = browser.new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(address)
    other.set_input_files("#photo-file", str(tmp_path / "me.avatar"))
    until(other, "cameo.live.stats.shown > 3 || !document.querySelector('#error').hidden")
    shown = page.evaluate("cameo.live.stats.shown")
    if other.is_visible("#error"):  # a machine for one viewer
        assert "busy" in other.text_content("#error")
    until(page, f"cameo.live.stats.shown > {shown + 3}")
    other.close()


def test_a_still_says_that_it_is_generated(page, tmp_path):
    with page.expect_download() as download:
        page.click("#still")
    download.value.save_as(tmp_path / "still.png")
    assert verify(tmp_path / "still.png").found


def test_settings_show_in_the_head_and_in_the_command(page):
    page.click("text=Text")
    page.click("#settings > summary")
    page.locator("#option-set").fill("0.8")
    assert "--set mouthSmile=0.8" in page.text_content("#command")
    page.click("#reset")
    assert "--set" not in page.text_content("#command")


def test_a_photo_without_a_face_is_told_where_the_user_looks(browser, address, tmp_path):
    page = browser.new_page()
    page.goto(address)
    for name, data in (("noise.png", b"no picture"),):
        (tmp_path / name).write_bytes(data)
        page.set_input_files("#photo-file", str(tmp_path / name))
        until(page, "!document.querySelector('#error').hidden")
        assert page.text_content("#error").endswith(".")
        assert page.is_visible("#welcome")
    page.close()


def test_without_webcodecs_the_head_lives_in_an_mp4(browser, address):
    page = browser.new_page()
    page.goto(f"{address}?mp4")
    page.click("#example")
    until(page, "!document.querySelector('#mp4').hidden && document.querySelector('#mp4').currentTime > 0.5")
    page.close()


def test_over_webrtc_the_head_lives_in_a_stream(browser, address):
    page = browser.new_page()
    page.goto(f"{address}?webrtc")
    page.click("#example")
    until(page, "cameo.live.stats.shown > 3 && document.querySelector('#mp4').videoWidth === 512")
    page.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_jobs_go_when_the_page_is_closed(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.set_default_timeout(PATIENCE)
    page.click("#example")
    until(page, "cameo.live.stats.shown > 0")
    avatar = page.evaluate("cameo.state.avatar")
    page.close(run_before_unload=True)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/v1/jobs/{avatar}", timeout=5).close()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return
        time.sleep(0.1)
    raise AssertionError("the avatar is still there")
