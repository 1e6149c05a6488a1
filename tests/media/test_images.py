import io
import logging
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from cameo3d.errors import InputError, OutputError
from cameo3d.media.images import read_image, read_picture, write_image

SKIN = (200, 120, 90)


def halves(width: int = 40, height: int = 24) -> np.ndarray:
    """Skin on the left, blue on the right."""
    pixels = np.full((height, width, 3), SKIN, np.uint8)
    pixels[:, width // 2 :] = (10, 40, 220)
    return pixels


def saved(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif", "bmp", "ppm", "jp2", "avif"])
def test_common_formats_are_read(tmp_path: Path, suffix: str):
    pixels = read_image(saved(Image.fromarray(halves()), tmp_path / f"x.{suffix}"))
    assert pixels.shape == (24, 40, 3)
    # Lossy formats were off by at most 2 inside the flat halves.
    assert np.abs(pixels[12, [5, 35]].astype(int) - halves()[12, [5, 35]]).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int):
    upright = np.zeros((24, 40, 3), np.uint8)
    upright[:12, :20] = (255, 0, 0)
    upright[12:, :20] = (0, 255, 0)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # EXIF orientation -> Pillow's inverse transposition
    image = Image.fromarray(upright)
    if orientation > 1:
        image = image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(image, tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read_image(path), upright)


def test_cmyk_comes_out_in_its_colours(tmp_path: Path):
    path = saved(Image.fromarray(halves()).convert("CMYK"), tmp_path / "x.jpg", quality=95)
    assert np.abs(read_image(path)[12, 5].astype(int) - SKIN).max() < 6


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(8, 0)
    dark = (ramp // 300).astype(np.uint16)
    for values in (ramp, dark):
        pixels = read_image(saved(Image.fromarray(values), tmp_path / "x.png"))
        np.testing.assert_allclose(pixels[..., 1], values / 257, atol=0.51)


@pytest.mark.parametrize("full", [1.0, 255.0])
def test_floats_and_long_integers_are_scaled_to_bytes(tmp_path: Path, full: float):
    ramp = np.linspace(0, full, 256).astype(np.float32)[None].repeat(8, 0)
    np.testing.assert_array_equal(
        read_image(saved(Image.fromarray(ramp), tmp_path / "f.tif"))[0, :, 0], np.arange(256)
    )
    whole = (np.arange(256)[None].repeat(8, 0) * 257).astype(np.int32)
    np.testing.assert_array_equal(
        read_image(saved(Image.fromarray(whole), tmp_path / "i.tif"))[0, :, 0], np.arange(256)
    )


def test_palette_grey_and_one_bit_are_read(tmp_path: Path):
    image = Image.fromarray(halves())
    np.testing.assert_array_equal(read_image(saved(image.quantize(4), tmp_path / "p.png")), halves())
    assert read_image(saved(image.convert("L"), tmp_path / "l.png")).shape == (24, 40, 3)
    bits = read_image(saved(image.convert("1"), tmp_path / "1.png"))
    assert set(np.unique(bits)) <= {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_becomes_white(tmp_path: Path, mode: str):
    image = Image.fromarray(np.dstack([halves(), np.full((24, 40), 0, np.uint8)]), "RGBA")
    options = {}
    if mode == "P":
        image, options = Image.fromarray(halves()).quantize(4), {"transparency": bytes(4)}
    else:
        image = image.convert(mode)
    assert (read_image(saved(image, tmp_path / "x.png", **options)) == 255).all()


def test_half_transparent_is_blended_with_white(tmp_path: Path):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert read_image(saved(image, tmp_path / "x.png"))[0, 0].tolist() == [127, 127, 127]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_a_file_says_of_its_transparency_is_kept(tmp_path: Path, mode: str):
    image = Image.fromarray(np.dstack([halves(), np.full((24, 40), 255, np.uint8)]), "RGBA")
    image.putalpha(
        Image.fromarray(np.where(np.arange(40) < 20, 255, 64).astype(np.uint8)[None].repeat(24, 0))
    )
    options = {}
    if mode == "P":
        image, options = Image.fromarray(halves()).quantize(2), {"transparency": bytes((255, 64))}
        options["transparency"] = bytes(64 if index == np.asarray(image)[0, 30] else 255 for index in (0, 1))
    else:
        image = image.convert(mode)
    alpha = read_picture(saved(image, tmp_path / "x.png", **options)).alpha
    assert alpha is not None
    assert (alpha[:, :20] == 255).all()
    assert (alpha[:, 20:] == 64).all()


def test_an_opaque_file_says_nothing_of_transparency(tmp_path: Path):
    for image in (Image.fromarray(halves()), Image.fromarray(halves()).convert("RGBA")):
        assert read_picture(saved(image, tmp_path / "x.png")).alpha is None


def test_transparency_is_turned_and_scaled_with_the_picture(tmp_path: Path):
    image = Image.new("RGBA", (40, 24), (200, 120, 90, 255))
    image.paste((0, 0, 0, 0), (0, 0, 20, 24))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_picture(saved(image, tmp_path / "x.png", exif=exif), max_side=20)
    assert picture.alpha is not None
    assert picture.alpha.shape == picture.pixels.shape[:2] == (20, 12)
    assert picture.alpha[2].max() == 0
    assert picture.alpha[17].min() == 255


def png(pixels: np.ndarray, gamma: float | None, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 or 16 bits, grey, RGB or RGBA, with the gamma that is told."""
    depth, color = pixels.dtype.itemsize * 8, {1: 0, 3: 2, 4: 6}[pixels.shape[2]]
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    size = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], depth, color, 0, 0, 0)
    told = [] if gamma is None else [(b"gAMA", struct.pack(">I", round(gamma * 100000)))]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", size), *more, *told, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        chunk = kind + content
        data += struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("depth", "tolerance"), [(np.uint8, 6), (np.uint16, 1)])
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8])
def test_a_png_that_tells_another_gamma_is_as_bright_as_in_a_browser(
    tmp_path: Path, channels: int, depth: type, tolerance: int, gamma: float
):
    wanted = np.linspace(40, 250, 64)[None, :, None].repeat(4, 0).repeat(channels, 2)
    light = ((wanted / 255 + 0.055) / 1.055) ** 2.4
    pixels = np.rint(light**gamma * np.iinfo(depth).max).astype(depth)
    if channels == 4:
        pixels[..., 3] = np.iinfo(depth).max
    (tmp_path / "x.png").write_bytes(png(pixels, gamma))
    np.testing.assert_allclose(read_image(tmp_path / "x.png")[..., 1], wanted[..., 0], atol=tolerance)


@pytest.mark.parametrize("told", [(None,), (1 / 2.2,), (0.0,), (1.0, (b"sRGB", b"\0"))])
def test_a_png_without_another_gamma_stays_as_it_is(tmp_path: Path, told: tuple):
    (tmp_path / "x.png").write_bytes(png(halves(), *told))
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), halves())


@pytest.mark.parametrize("major", [b"avif", b"mif1", b"msf1", b"miaf", b"MA1B"])
def test_an_avif_of_any_major_brand_is_read(tmp_path: Path, major: bytes):
    path = saved(Image.fromarray(halves()), tmp_path / "x.avif")
    data = bytearray(path.read_bytes())
    assert b"avif" in data[16:32]
    data[8:12] = major
    path.write_bytes(bytes(data))
    assert np.abs(read_image(path)[12, 5].astype(int) - SKIN).max() < 6


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "HEIC"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"8BPS\0\1", "Photoshop"),
        (b"<svg xmlns='", "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"II*\0\x08\0\0\0", "TIFF of a kind"),
    ],
)
def test_a_kind_that_is_not_read_is_named(tmp_path: Path, start: bytes, kind: str):
    (tmp_path / "x.jpg").write_bytes(start + bytes(60))
    with pytest.raises(InputError, match=f"{kind}.*save it as"):
        read_image(tmp_path / "x.jpg")


def test_a_colour_profile_is_converted_to_srgb(tmp_path: Path):
    lab = ImageCms.createProfile("LAB")  # not for RGB: it is ignored, with a notice
    bad = saved(
        Image.fromarray(halves()), tmp_path / "x.png", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes()
    )
    np.testing.assert_array_equal(read_image(bad), halves())
    swapped = _swapped_profile()
    good = saved(Image.fromarray(halves()), tmp_path / "y.png", icc_profile=swapped)
    np.testing.assert_allclose(read_image(good), halves()[..., ::-1], atol=2)


def _swapped_profile() -> bytes:
    """sRGB with red and blue exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = data.index(b"rXYZ"), data.index(b"bXYZ")
    for position, name in zip(table, (b"bXYZ", b"rXYZ"), strict=True):
        data[position : position + 4] = name
    return bytes(data)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_the_first_frame_of_an_animation_is_taken_with_a_notice(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue", "green")]
    path = saved(frames[0], tmp_path / f"x.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    with caplog.at_level(logging.WARNING):
        assert read_image(path)[8, 8].tolist() == [255, 0, 0]
    assert "3 frames; the first one is used" in caplog.text


def test_a_wrong_suffix_does_not_matter(tmp_path: Path):
    data = io.BytesIO()
    Image.fromarray(halves()).save(data, "PNG")
    (tmp_path / "x.jpg").write_bytes(data.getvalue())
    np.testing.assert_array_equal(read_image(tmp_path / "x.jpg"), halves())


def test_strange_names_are_read_and_written(tmp_path: Path, strange_name: str):
    path = tmp_path / (strange_name + ".png")
    write_image(path, halves())
    np.testing.assert_array_equal(read_image(path), halves())


def header(width: int, height: int) -> bytes:
    """A PNG that claims to be large and has next to no pixels."""
    data = b"\x89PNG\r\n\x1a\n"
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for kind, content in ((b"IHDR", size), (b"IDAT", zlib.compress(bytes(10)))):
        chunk = kind + content
        data += struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(30000, 30000), (10001, 10000), (2**27, 1)])
def test_a_header_bomb_is_refused_before_decoding(tmp_path: Path, size: tuple[int, int]):
    (tmp_path / "x.png").write_bytes(header(*size))
    with pytest.raises(InputError, match="100 megapixels"):
        read_image(tmp_path / "x.png")


def test_damaged_pictures_are_refused(tmp_path: Path, clip: Path):
    for suffix, options in {"png": {}, "jpg": {}, "webp": {"lossless": True}, "gif": {}, "tif": {}}.items():
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        path = saved(Image.fromarray(noise), tmp_path / f"x.{suffix}", **options)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InputError, match="damaged"):
            read_image(path)
    for content in (
        b"hello",
        b"#EXTM3U\nx.png\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        header(8, 8),
    ):
        (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(InputError):
            read_image(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(InputError, match="0 bytes"):
        read_image(tmp_path / "x.png")
    with pytest.raises(InputError, match="not a picture"):
        read_image(clip)
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(InputError, match="HEIC"):
        read_image(tmp_path / "x.heic")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_large_picture_is_scaled_down(tmp_path: Path, suffix: str):
    path = saved(Image.fromarray(halves(1000, 600)), tmp_path / f"x.{suffix}")
    pixels = read_image(path, max_side=100)
    assert pixels.shape == (60, 100, 3)
    assert np.abs(pixels[30, 20].astype(int) - SKIN).max() < 5
    assert read_image(path, max_side=1000).shape == (600, 1000, 3)
    assert read_image(path, max_side=2000).shape == (600, 1000, 3)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".JPG"])
def test_writing_and_reading_give_the_same_picture(tmp_path: Path, suffix: str):
    path = tmp_path / f"x{suffix}"
    write_image(path, halves())
    assert np.abs(read_image(path)[12, [5, 35]].astype(int) - halves()[12, [5, 35]]).max() < 6
    assert os.listdir(tmp_path) == [path.name]


def test_alpha_is_kept_where_the_format_can(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 4), np.uint8)
    write_image(tmp_path / "x.png", pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), pixels)
    with pytest.raises(OutputError, match="transparent"):
        write_image(tmp_path / "x.jpg", pixels)
    with pytest.raises(OutputError, match=r"\.png"):
        write_image(tmp_path / "x.xyz", pixels)


def test_a_full_disk_leaves_no_picture(tmp_path: Path, full_disk: None):
    with pytest.raises(OutputError, match="no space"):
        write_image(tmp_path / "x.png", halves())
    assert os.listdir(tmp_path) == []
