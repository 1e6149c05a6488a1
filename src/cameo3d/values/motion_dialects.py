"""Motion tables as several programs write them, told apart by their headers."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

from cameo3d.media.files import shown
from cameo3d.values.motion import BLENDSHAPES
from cameo3d.values.motion_tables import Table

POSE = (
    *("head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z"),
    *("left_eye_yaw", "left_eye_pitch", "right_eye_yaw", "right_eye_pitch"),
)
"""Columns of our own files for head and gaze."""
SEEN = ("seen_face", "seen_left_eye", "seen_right_eye", "seen_mouth")
"""Columns of our own files for how surely a video showed the face and its parts; nothing moves by them."""


class Dialect(NamedTuple):
    """How one program writes."""

    name: str
    is_told_by: Callable[[list[str]], bool]
    """Whether a header, in small letters, is this program's."""
    needs: tuple[str, ...] = ()
    """Columns that it always writes, but for the shapes."""
    capital: bool = False
    """Whether it writes JawOpen for jawOpen."""


DIALECTS = (
    Dialect("cameo3d", lambda names: "head_x" in names, ("time", *POSE)),
    Dialect("Audio2Face", lambda names: any(n.startswith("blendshapes.") for n in names), (), True),
    Dialect("Live Link Face", lambda names: "timecode" in names, ("Timecode",), True),
    Dialect("MediaPipe", lambda names: "_neutral" in names),
    Dialect("plain", lambda names: True),
)
"""All of them; the first that a header fits is taken."""
_TIMES = ("timecode", "time", "timestamp", "timestampms", "timems", "milliseconds", "seconds")
_IDLE = (
    "blendshapecount",
    "neutral",
    "lefteyeroll",
    "righteyeroll",
    "frame",
    "frameindex",
    "frameid",
    "index",
)
"""Columns that are known and not needed."""


class Header(NamedTuple):
    """What the columns of a table mean."""

    dialect: Dialect
    time: int | None
    """Position of the column of times."""
    shapes: dict[str, int]
    """Position of each of ARKit's shapes that is there."""
    pose: dict[str, int]
    """Position of each of `POSE` that is there."""
    ignored: list[str]
    """Columns that mean nothing to us."""

    def name_of(self, shape: str) -> str:
        """A shape as the program that wrote the file spells it."""
        return shape[0].upper() + shape[1:] if self.dialect.capital else shape


def read_header(table: Table) -> Header:
    """Tell what each column means, by its name without regard to case, prefixes and underscores.

    Only tongueOut may be missing, which many programs do not write.

    Raises:
        InputError: If it is no header of a motion file, if shapes are missing, or columns stand there twice.
    """
    plain = [canonical(name) for name in table.columns]
    lower = [name.strip().lower() for name in table.columns]
    dialect = next(dialect for dialect in DIALECTS if dialect.is_told_by(lower))
    shapes = {name: plain.index(canonical(name)) for name in BLENDSHAPES if canonical(name) in plain}
    pose = {name: plain.index(canonical(name)) for name in POSE if canonical(name) in plain}
    time = next((plain.index(name) for name in _TIMES if name in plain), None)
    header = Header(dialect, time, shapes, pose, [])
    known = {*map(canonical, (*BLENDSHAPES, *POSE, *SEEN)), *_IDLE, *_TIMES}
    header.ignored.extend(name for name, at in zip(table.columns, plain, strict=True) if at not in known)

    needed = [name for name in BLENDSHAPES if name not in shapes]
    if len(needed) > len(BLENDSHAPES) / 2:
        raise table.error(_no_motion(table, time))
    missing = [header.name_of(name) for name in needed]
    missing += [name for name in dialect.needs if canonical(name) not in plain]
    close = [name for name in header.ignored if get_close_matches(canonical(name), map(canonical, missing))]
    repeated = sorted({name for name, at in zip(table.columns, plain, strict=True) if plain.count(at) > 1})
    if needed == ["tongueOut"] and len(missing) == 1 and not close:
        missing = []
    problems = [
        f"{what} {listed(names)}"
        for what, names in (
            ("lacks", missing),
            ("has the unknown", header.ignored if missing else []),
            ("repeats", repeated),
        )
        if names
    ]
    if problems:
        raise table.error(
            f"was taken for {understood(table, dialect)}, but {' and '.join(problems)} in its header; give a "
            "file of the expected columns"
        )
    return header


def understood(table: Table, dialect: Dialect) -> str:
    """What a file was taken for, for people to read."""
    kind = "a table of blendshapes" if dialect.name == "plain" else f"a file of {dialect.name}"
    return f"{kind} ({table.format})" if table.format else kind


def canonical(name: str) -> str:
    """A column's name without what programs spell differently: blendShapes.EyeBlink_L is eyeblinkleft."""
    name = name.strip().rpartition(".")[2]
    for letter, side in (("L", "Left"), ("R", "Right")):
        name = re.sub(rf"_{letter}$", side, name, flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]", "", name.lower())


def listed(names: list[str]) -> str:
    """Columns as they stand in a message."""
    shown_names = ", ".join(shown(name[:40]) for name in names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"column{'s' if len(names) > 1 else ''} {shown_names}{more}"


def _no_motion(table: Table, time: int | None) -> str:
    begins = f"; its header begins with {listed(table.columns[:3])}" if table.columns else ""
    if time is None:
        return f'has neither a "time" nor a "Timecode" column{begins}; give a motion file'
    return f"names too few of ARKit's 52 blendshapes{begins}; export those"
