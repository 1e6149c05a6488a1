"""Kinds of picture files that are known by their first bytes but not read, to name them in a message."""

_SIGNATURES = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG or other XML"),
    (b"gimp xcf", "GIMP"),
    (b"DDS ", "DDS"),
)
_AVIF = {b"avif", b"avis"}
_AVIF_DECODER = {*_AVIF, b"mif1", b"msf1"}
"""Major brands with which Pillow tries its AVIF decoder."""
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def unread_kind(head: bytes) -> str | None:
    """Name of the kind of a file that is known but not read; None for all others.

    Args:
        head: The file's first 64 bytes.
    """
    brands = _brands(head)
    if brands & _HEIF and not brands & _AVIF:
        return "HEIF/HEIC"
    if b"crx " in brands:
        return "camera raw"
    return next((name for start, name in _SIGNATURES if head.lstrip(b"\xef\xbb\xbf").startswith(start)), None)


def is_known(head: bytes) -> bool:
    """Whether a decoder tells the kind by the file's beginning, or `as_known` has to help it."""
    return not _brands(head) & _AVIF or head[8:12] in _AVIF_DECODER


def as_known(data: bytes) -> bytes:
    """An AVIF file that says so only among its compatible brands, as one that says so in front."""
    return data[:8] + b"avif" + data[12:]


def _brands(head: bytes) -> set[bytes]:
    """Major and compatible brands of a file in ISO's base format."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))}
