"""What the papers report, to be read next to our figures: other data, so the numbers do not compare."""

from dataclasses import dataclass

from cameo3d.evaluation.measures import TestProtocol


@dataclass(frozen=True)
class PublishedTable:
    """Rows of one table of a paper."""

    protocol: TestProtocol
    title: str
    data: str
    columns: tuple[str, ...]
    """Names of measures, without brackets, as in `Measure.name`."""
    rows: tuple[tuple[str, tuple[float, ...]], ...]


_PAPER = "GOHA (Li et al., NeurIPS 2023)"
_PICTURES = ("l1", "lpips", "psnr", "ssim", "fid")
_CROSSED = ("csim", "aed", "apd", "fid")
_CELEBA = {
    "ROME": (0.032, 0.085, 23.47, 0.847, 11.00, 0.505, 0.244, 0.032, 34.45),
    "GOHA": (0.015, 0.040, 28.61, 0.946, 2.457, 0.531, 0.251, 0.023, 25.26),
    "HeadNeRF, 3000 pictures": (0.135, 0.314, 13.86, 0.748, 65.87, 0.224, 0.285, 0.027, 117.1),
    "GOHA, 3000 pictures": (0.024, 0.098, 25.83, 0.883, 9.400, 0.591, 0.278, 0.017, 22.97),
}
_ABLATIONS = {
    "no appearance branch": (0.061, 0.239, 19.53, 0.712, 47.84, 0.370, 0.243, 0.015, 43.33),
    "no neutral constraint": (0.027, 0.124, 25.65, 0.854, 13.56, 0.593, 0.315, 0.018, 22.92),
    "linear expression basis": (0.031, 0.134, 25.08, 0.841, 14.62, 0.443, 0.217, 0.016, 26.18),
    "modulated by coefficients": (0.030, 0.130, 25.01, 0.841, 11.80, 0.558, 0.280, 0.018, 22.84),
    "encoded coefficients": (0.028, 0.121, 25.69, 0.850, 9.840, 0.538, 0.264, 0.017, 18.88),
    "end-to-end last stage": (0.028, 0.114, 25.87, 0.870, 9.177, 0.597, 0.278, 0.017, 21.51),
    "GOHA": (0.030, 0.116, 24.77, 0.861, 10.47, 0.599, 0.276, 0.017, 17.36),
}
_HDTF_SELF = {
    "ROME": (20.75, 0.838, 0.746, 0.123, 0.012, 2.938, 0.173, 0.047, 31.55),
    "OTAvatar": (20.12, 0.806, 0.619, 0.162, 0.017, 2.933, 0.198, 0.053, 36.63),
    "StyleHEAT": (19.18, 0.805, 0.654, 0.141, 0.021, 2.843, 0.194, 0.056, 108.3),
    "Next3D-PTI": (19.89, 0.813, 0.645, 0.137, 0.035, 1.449, 0.180, 0.053, 41.66),
    "GOHA": (22.15, 0.868, 0.789, 0.129, 0.010, 2.596, 0.117, 0.037, 21.60),
}
_HDTF_CROSS = {
    "ROME": (0.629, 0.247, 0.020, 43.38),
    "OTAvatar": (0.514, 0.282, 0.028, 44.86),
    "StyleHEAT": (0.537, 0.246, 0.025, 105.1),
    "Next3D-PTI": (0.581, 0.291, 0.045, 101.8),
    "GOHA": (0.643, 0.263, 0.018, 47.39),
}
_HDTF_CELEBA = {
    "ROME": (0.521, 0.270, 0.022, 76.03),
    "StyleHEAT": (0.461, 0.270, 0.038, 94.28),
    "Next3D-PTI": (0.483, 0.266, 0.042, 56.01),
    "GOHA": (0.551, 0.274, 0.017, 59.48),
}


def _table(
    protocol: TestProtocol,
    number: str,
    data: str,
    columns: tuple[str, ...],
    rows: dict[str, tuple[float, ...]],
    part: slice = slice(None),
) -> PublishedTable:
    """A table, or the part of its columns that belongs to one protocol."""
    cut = tuple((name, values[part]) for name, values in rows.items())
    return PublishedTable(protocol, f"{_PAPER}, {number}", data, columns, cut)


_VFHQ = {
    "Real3D-Portrait": (20.88, 0.780, 0.154, 0.750, 0.150, 0.268),
    "Portrait4D-v2": (21.34, 0.791, 0.144, 0.717, 0.117, 0.187),
    "FFAvatar, one photo": (21.82, 0.843, 0.108, 0.817, 0.109, 0.149),
}
_VFHQ_CROSS = {
    "Real3D-Portrait": (61.3, 0.721),
    "Face-vid2vid": (79.2, 0.606),
    "Portrait4D": (54.8, 0.620),
    "Portrait4D-v2": (48.5, 0.736),
}
_REAL3D_ABLATIONS = {
    "Real3D-Portrait": (0.758, 42.37, 0.138, 0.022),
    "concatenated instead of fused": (0.737, 46.38, 0.144, 0.025),
    "background not inpainted": (0.744, 43.95, 0.140, 0.022),
}
_SPOKEN = {
    "Real3D-Portrait, neutral": (25.41, 3.415, 6.719),
    "EmoTaG, neutral": (30.02, 2.221, 6.212),
    "Real3D-Portrait, emotional": (25.16, 3.642, 6.583),
    "EmoTaG, emotional": (29.95, 2.456, 6.147),
}


def _cited(
    protocol: TestProtocol,
    by: str,
    data: str,
    columns: tuple[str, ...],
    rows: dict[str, tuple[float, ...]],
) -> PublishedTable:
    """Rows with Real3D-Portrait as others cite them, from notes on papers; not checked against those."""
    return PublishedTable(protocol, f"Cited by {by}", data, columns, tuple(rows.items()))


PUBLISHED: tuple[PublishedTable, ...] = (
    _table("reconstruction", "table 1", "CelebA", _PICTURES, _CELEBA, slice(0, 5)),
    _table("reconstruction", "tables 4 and 5", "CelebA, a subset", _PICTURES, _ABLATIONS, slice(0, 5)),
    _table(
        *("self", "table 2", "HDTF, 37860 frames"),
        ("psnr", "ssim", "csim", "aed", "apd", "akd", "lpips", "l1", "fid"),
        _HDTF_SELF,
    ),
    _table("cross", "table 1", "CelebA, 14977 pairs", _CROSSED, _CELEBA, slice(5, 9)),
    _table("cross", "table 2", "HDTF, 67203 pictures", _CROSSED, _HDTF_CROSS),
    _table("cross", "table 3", "HDTF drives CelebA, 114000 pictures", _CROSSED, _HDTF_CELEBA),
    _table("cross", "tables 4 and 5", "CelebA, a subset", _CROSSED, _ABLATIONS, slice(5, 9)),
    _cited("self", "FFAvatar, table 1", "VFHQ", ("psnr", "ssim", "lpips", "csim", "aed", "apd"), _VFHQ),
    _cited("cross", "Portrait4D-v2", "VFHQ at 512 pixels", ("fid", "csim"), _VFHQ_CROSS),
    _cited(
        *("cross", "a note on Real3D-Portrait's table 4", "its own data"),
        ("csim", "fid", "aed", "apd"),
        _REAL3D_ABLATIONS,
    ),
    _cited("voice", "EmoTaG", "its own data", ("psnr", "lmd", "sync_confidence"), _SPOKEN),
)
"""Tables 1 to 5 of GOHA, checked against the paper; rows of Real3D-Portrait, marked by whoever cites them."""
