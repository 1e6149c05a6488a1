"""What real pictures show where a warped photo is wrong: pages of one person with several expressions."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from safetensors.torch import load_file
from torch import Tensor


@dataclass(frozen=True)
class ExpressionPages:
    """Squares around one face; see `blocks.face_correction`."""

    photo: UInt8[Tensor, "size size 3"]
    neutral_map: UInt8[Tensor, "size size 3"]
    """PNCC pictures, coordinates in 255ths."""
    photo_map: UInt8[Tensor, "size size 3"]
    warped: UInt8[Tensor, "targets size size 3"]
    """The photo with other expressions."""
    maps: UInt8[Tensor, "targets size size 3"]
    covers: UInt8[Tensor, "targets size size"]
    truth: UInt8[Tensor, "targets size size 3"]
    """What real pictures with those expressions show."""


def read_pages(path: Path) -> ExpressionPages:
    """Read what `page_making.synthesise_pages` wrote."""
    return ExpressionPages(**load_file(path))
