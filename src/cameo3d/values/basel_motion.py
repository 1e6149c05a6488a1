"""Motion whose expression is also known in coefficients of the Basel face model, frame by frame."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from cameo3d.values.motion import Motion


@dataclass(frozen=True, kw_only=True)
class BaselMotion(Motion):
    """For models whose expressions are the Basel model's; all others take it for a motion as any."""

    coefficients: Float[Tensor, "frames 64"]
    """Expression as Deep3DFaceRecon reads it off a face; free of whose face it is."""
