"""The binary messages of a live connection; docs/live.md describes the whole conversation."""

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float32

from cameo3d.errors import InputError

_HEADER = struct.Struct("<BBHI")
"""Kind, flags, echo, number."""
KEY = 1
"""Flag of a picture that can be decoded by itself."""
_MOST_BYTES = 1 << 20


class Kind(IntEnum):
    """What a message holds, and what its number means."""

    PICTURE = 1
    """Server: H.264, one access unit in Annex B; its frame."""
    SOUND = 2
    """Server: signed 16-bit samples, little-endian, mono, 48000 a second; the frame that begins with them."""
    MP4 = 3
    """Server: the next bytes of a fragmented MP4; how many such messages came before."""
    STILL = 4
    """Server: a PNG that says that it is generated, asked for by `still`; its frame."""
    SAY = 16
    """Client: signed 16-bit samples, little-endian, mono, to be spoken; samples a second."""
    HEAR = 17
    """Client: the same, to be listened to."""
    FACE = 18
    """Client: a webcam's picture as JPEG; any number below 65536, which pictures that follow it tell back."""


@dataclass(frozen=True)
class Message:
    """One binary message."""

    kind: Kind
    number: int
    payload: bytes
    flags: int = 0
    echo: int = 0
    """Of a picture: the number of the webcam's picture that it follows; 0 if it follows none."""

    def pack(self) -> bytes:
        """Its bytes."""
        return _HEADER.pack(self.kind, self.flags, self.echo, self.number) + self.payload

    @staticmethod
    def unpack(data: bytes) -> "Message":
        """Read a client's message.

        Raises:
            InputError: If it is none.
        """
        if not _HEADER.size <= len(data) <= _MOST_BYTES:
            raise InputError(
                f"A live message has {_HEADER.size} bytes to 1 MiB, got {len(data)} bytes; send smaller ones."
            )
        kind, flags, _, number = _HEADER.unpack_from(data)
        if kind not in (Kind.SAY, Kind.HEAR, Kind.FACE):
            raise InputError(
                f"A live message of kind {kind} is unknown; send 16 (say), 17 (hear) or 18 (face)."
            )
        return Message(Kind(kind), number, data[_HEADER.size :], flags)


def sound_bytes(samples: Float32[np.ndarray, " samples"]) -> bytes:
    """Samples in [-1, 1] as signed 16-bit numbers."""
    return (samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes()


def samples_of(payload: bytes) -> Float32[np.ndarray, " samples"]:
    """Signed 16-bit numbers as samples in [-1, 1].

    Raises:
        InputError: If half a sample is left over.
    """
    if len(payload) % 2:
        raise InputError(f"Sound comes as 16-bit samples, got {len(payload)} bytes; send an even number.")
    return np.frombuffer(payload, "<i2").astype(np.float32) / 32768
