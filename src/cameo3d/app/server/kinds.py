"""What a file is, told by its content: names and media types of uploads count for nothing."""

from pathlib import Path
from typing import Literal

from cameo3d.media.picture_kinds import unread_kind

FileKind = Literal["picture", "film or sound", "avatar", "motion"]

_PICTURES = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    b"BM",
    b"P5",
    b"P6",
    b"\0\0\0\x0cjP",
    b"\xff\x4f\xff\x51",
    b"qoif",
)
_MEDIA = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"fLaC",
    b"OggS",
    b"ID3",
    b"FORM",
    b"caff",
    b"#!AMR",
    b"FLV",
    b"\0\0\1\xba",  # MPEG programme stream
    b"\x30\x26\xb2\x75",  # ASF, WMV, WMA
    b".snd",
    b"RF64",
    b"wvpk",
)
_HEAD = 4096


def kind_of(path: Path) -> FileKind | None:
    """What a file is by its first bytes; None if nothing that is taken."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "avatar"
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or _is_avif(head):
        return "picture"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "motion"  # UTF-16, as spreadsheets write it
    riff = head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI ")
    if head.startswith(_MEDIA) or riff or (brand and not unread_kind(head)) or _is_stream(head):
        return "film or sound"
    return "motion" if _is_text(head) else None


def unread(path: Path) -> str:
    """How to name in a message what is not taken: " (a PDF file)", or nothing."""
    with path.open("rb") as file:
        kind = unread_kind(file.read(64))
    return f" (it is a {kind} file)" if kind else ""


def _is_avif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and b"avi" in head[8:40] and any(b in head[8:40] for b in (b"avif", b"avis"))


def _is_stream(head: bytes) -> bool:
    """Whether it begins with a frame of MPEG audio, or with two packets of an MPEG transport stream."""
    is_frame = head[:1] == b"\xff" and len(head) > 2 and head[1] & 0xE0 == 0xE0 and head[2] != 0xFF
    return (
        is_frame or (head[:1] == b"G" and head[188:189] == b"G") or head[4:8] in (b"moov", b"mdat", b"wide")
    )


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a letter that the piece cuts
    return True
