"""Motion as CSV files: our own, and those of the Live Link Face app."""

import csv
import io
import logging
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, replacing, shown
from cameo3d.values.motion import BLENDSHAPES, Motion

logger = logging.getLogger(__name__)

MAX_BYTES = 100_000_000
"""Larger files are refused; an hour of motion at 25 frames a second has 60 MB."""
MAX_FRAMES = 1_000_000
_VERSION = 1
_FRAME_RATES = (1.0, 240.0)
_COMMON_RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
_POSE = (
    *("head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z"),
    *("left_eye_yaw", "left_eye_pitch", "right_eye_yaw", "right_eye_pitch"),
)
_COLUMNS = ("time", *BLENDSHAPES, *_POSE)
_LIVE_LINK_SHAPES = tuple(name[0].upper() + name[1:] for name in BLENDSHAPES)
_LIVE_LINK_ANGLES = tuple(
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)
_LIVE_LINK_COLUMNS = ("Timecode", "BlendShapeCount", *_LIVE_LINK_SHAPES, *_LIVE_LINK_ANGLES)
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)")
_FRAME_CLOCKS = (24, 25, 30, 48, 50, 60, 120)
_LIVE_LINK_CLOCK = 60
"""The app counts frames of a sixtieth of a second, whatever rate it records."""


def save_motion(motion: Motion, path: Path) -> None:
    """Write a motion as CSV: three comment lines, then a column for each number and a line for each frame.

    Times are seconds, angles radians, positions metres, as in docs/conventions.md.

    Raises:
        OutputError: If it cannot be written there.
    """
    table = torch.cat(
        (motion.expression, motion.rotation, motion.translation, motion.gaze.reshape(len(motion), 4)), 1
    )
    rows = table.double().cpu().numpy()
    text = io.StringIO()
    text.write(f"# cameo3d motion {_VERSION}\n")
    text.write(f"# frame_rate: {motion.frame_rate!r}\n")
    text.write(f"# source: {' '.join(motion.source.split())}\n")
    text.write(",".join(_COLUMNS) + "\n")
    for index, row in enumerate(rows):
        text.write(f"{index / motion.frame_rate:.6f}," + ",".join(_short(number) for number in row) + "\n")
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf8", newline="\n")


def load_motion(path: Path) -> Motion:
    """Read a motion file, our own or one of Live Link Face.

    Frames at uneven, repeated or missing times are resampled to the file's own constant rate.

    Raises:
        InputError: If the file cannot be read, has missing or unknown columns, or a line with too few or too
            many values, or values that are no number or far outside their range; the message says where.
    """
    table = _read_table(path)
    motion = _from_live_link(table) if "Timecode" in table.columns else _from_own(table)
    if len(motion) == 0:
        raise table.error("has no frames; give another file")
    return motion


class _Table(NamedTuple):
    path: Path
    comments: dict[str, str]
    columns: list[str]
    rows: list[list[str]]
    lines: list[int]
    """The line number of each row, from 1."""

    def error(self, problem: str) -> InputError:
        return InputError(f"The motion file {shown(self.path)} {problem}.")

    def check_columns(self, known: tuple[str, ...], needed: tuple[str, ...]) -> None:
        missing = [name for name in needed if name not in self.columns]
        unknown = [name for name in self.columns if name not in known]
        repeated = sorted({name for name in self.columns if self.columns.count(name) > 1})
        problems = [
            f"{what} {_listed(names)}"
            for what, names in (("lacks", missing), ("has the unknown", unknown), ("repeats", repeated))
            if names
        ]
        if problems:
            raise self.error(f"{' and '.join(problems)} in its header; give a file of the expected columns")

    def numbers(self, names: tuple[str, ...]) -> Float[np.ndarray, "frames columns"]:
        """The columns of these names; every cell must hold a finite number."""
        columns = [self.columns.index(name) for name in names]
        values = np.zeros((len(self.rows), len(names)))
        for i, row in enumerate(self.rows):
            for k, column in enumerate(columns):
                values[i, k] = _number(row[column])
                if not math.isfinite(values[i, k]):
                    cell = shown(Path(row[column].strip()[:40]))
                    where = f"for {names[k]} in line {self.lines[i]}"
                    raise self.error(f"holds {cell} {where}; it must be a number")
        return values


def _read_table(path: Path) -> _Table:
    check_input(path, "motion file")
    name = f"The motion file {shown(path)}"
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{name} has more than {MAX_BYTES // 1_000_000} MB; cut it into parts.")
    try:
        text = path.read_text("utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{name} is not a text file; give a CSV file.") from error
    if "\0" in text:
        raise InputError(f"{name} is not a text file; give a CSV file.")

    table = _Table(path, {}, [], [], [])
    try:
        for row in (reader := csv.reader(text.splitlines())):
            line = reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if row[0].startswith("#"):
                key, _, value = ",".join(row).lstrip("# ").partition(":")
                table.comments[key.strip()] = value.strip()
            elif not table.columns:
                table.columns.extend(cell.strip() for cell in row)
            else:
                table.rows.append(row)
                table.lines.append(line)
    except csv.Error as error:
        raise table.error(f"is no CSV file ({error}); give another file") from error
    if not {"Timecode", "time"} & set(table.columns):
        raise table.error('has neither a "time" nor a "Timecode" column; give a motion file')
    if len(table.rows) > MAX_FRAMES:
        raise table.error(f"has more than {MAX_FRAMES:,} frames; cut it into parts")
    return table


def _from_own(table: _Table) -> Motion:
    table.check_columns(_COLUMNS, _COLUMNS)
    _check_lengths(table)
    values = table.numbers(_COLUMNS)
    rate = _number(table.comments.get("frame_rate", "nan"))
    if "frame_rate" in table.comments and not _FRAME_RATES[0] <= rate <= _FRAME_RATES[1]:
        given = shown(Path(table.comments["frame_rate"][:40]))
        raise table.error(f"has the frame rate {given}; it must lie within 1 and 240")
    values, rate = _at_constant_rate(table, values[:, 0], values[:, 1:], None if math.isnan(rate) else rate)
    weights = _checked_weights(table, values[:, :52])
    return _motion(weights, values[:, 52:], rate, table.comments.get("source", table.path.name))


def _from_live_link(table: _Table) -> Motion:
    table.check_columns(_LIVE_LINK_COLUMNS, ("Timecode", *_LIVE_LINK_SHAPES))
    # While it sees no face, the app writes the time and a count of zero only; those frames are filled in.
    seen = [i for i, row in enumerate(table.rows) if not (len(row) == 2 and row[1].strip() == "0")]
    table = table._replace(rows=[table.rows[i] for i in seen], lines=[table.lines[i] for i in seen])
    _check_lengths(table)
    weights = table.numbers(_LIVE_LINK_SHAPES)
    given = tuple(name for name in _LIVE_LINK_ANGLES if name in table.columns)
    angles = np.zeros((len(weights), len(_LIVE_LINK_ANGLES)))
    angles[:, [_LIVE_LINK_ANGLES.index(name) for name in given]] = table.numbers(given)
    seconds = _timecode_seconds(table)
    values = np.concatenate((weights, pose_from_live_link(angles)), 1)
    values, rate = _at_constant_rate(table, seconds, values, None)
    return _motion(_checked_weights(table, values[:, :52]), values[:, 52:], rate, table.path.name)


def pose_from_live_link(angles: Float[np.ndarray, "frames 9"]) -> Float[np.ndarray, "frames 10"]:
    """Convert Live Link Face's angles to our head pose and gaze.

    The app writes yaw, pitch and roll of the head, the left and the right eye in radians. Its signs and its
    order of rotation are ours: in recordings, eyes that look fully to the person's right have yaw +0.6, eyes
    that look down have positive pitch, and the roll of both eyes is the one that an eyeball without torsion
    has in the order `Rz(roll) Ry(yaw) Rx(pitch)`; the head is taken to be written alike. The roll of the eyes
    is dropped, and since the app writes no position, the head stays a metre in front of the camera.

    Args:
        angles: Head yaw, pitch, roll, then those of the left, then of the right eye.

    Returns:
        Head yaw, pitch, roll, position, then yaw and pitch of the left and of the right eye.
    """
    position = np.broadcast_to((0.0, 0.0, 1.0), (len(angles), 3))
    return np.concatenate((angles[:, :3], position, angles[:, 3:5], angles[:, 6:8]), 1)


def _timecode_seconds(table: _Table) -> Float[np.ndarray, " frames"]:
    """Seconds of `hours:minutes:seconds:frames.part`; the clock's frames a second are read off the file."""
    column = table.columns.index("Timecode")
    parts = np.zeros((len(table.rows), 4))
    for i, row in enumerate(table.rows):
        match = _TIMECODE.fullmatch(row[column].strip())
        if match is None:
            cell = shown(Path(row[column].strip()[:40]))
            line = table.lines[i]
            raise table.error(f"holds the timecode {cell} in line {line}; it must be hh:mm:ss:ff.fff")
        parts[i] = [float(part) for part in match.groups()]
    whole = parts[:, :3] @ (3600.0, 60.0, 1.0)
    if len(whole) and whole[-1] - whole[0] >= 2:
        clock = next((rate for rate in _FRAME_CLOCKS if parts[:, 3].max() < rate), _FRAME_CLOCKS[-1])
    else:
        clock = _LIVE_LINK_CLOCK
    seconds = whole + parts[:, 3] / clock
    midnights = np.concatenate(([0], np.cumsum(np.diff(seconds) < -43_200)))
    return seconds + 86_400.0 * midnights


def _check_lengths(table: _Table) -> None:
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != len(table.columns):
            raise table.error(
                f"has {len(row)} values in line {line} where its header has {len(table.columns)}; "
                "repair or delete that line"
            )


def _at_constant_rate(
    table: _Table, seconds: np.ndarray, values: np.ndarray, rate: float | None
) -> tuple[np.ndarray, float]:
    """Frames at even times, between which the given ones are interpolated where they are not even."""
    if len(seconds) < 2:
        return values, rate or 25.0
    steps = np.diff(seconds)
    if (steps < -1e-6).any():
        line = table.lines[int(np.argmax(steps < -1e-6)) + 1]
        raise table.error(f"goes back in time in line {line}; sort its lines by time")
    if not (steps > 1e-6).any():
        raise table.error("has the same time in every line; give every frame its time")
    if rate is None:
        rate = _tidy_rate(1 / float(np.median(steps[steps > 1e-6])))
        if not _FRAME_RATES[0] <= rate <= _FRAME_RATES[1]:
            raise table.error(f"has {rate:g} frames a second; it must have between 1 and 240")
    if np.abs(seconds - seconds[0] - np.arange(len(seconds)) / rate).max() * rate < 0.25:
        return values, rate
    last_of_each = np.append(steps > 1e-6, True)
    seconds, values = seconds[last_of_each] - seconds[0], values[last_of_each]
    frame_count = round(seconds[-1] * rate) + 1
    if frame_count > MAX_FRAMES:
        raise table.error(f"spans more than {MAX_FRAMES:,} frames; check its times")
    logger.warning(
        "The motion file %s has uneven times; it was resampled to %g frames/s.", shown(table.path), rate
    )
    times = np.arange(frame_count) / rate
    return np.stack([np.interp(times, seconds, column) for column in values.T], 1), rate


def _tidy_rate(rate: float) -> float:
    common = min(_COMMON_RATES, key=lambda common: abs(common - rate))
    return common if abs(common - rate) < 0.005 * rate else round(rate, 4)


def _checked_weights(table: _Table, weights: np.ndarray) -> np.ndarray:
    outside = np.abs(weights - 0.5) - 0.5
    if outside.max(initial=0) > 1:
        frame, shape = np.unravel_index(outside.argmax(), weights.shape)
        value = f"{weights[frame, shape]:g} for {BLENDSHAPES[shape]}"
        raise table.error(f"has the weight {value}; weights must lie within 0 and 1")
    if outside.max(initial=0) > 1e-3:
        logger.warning("The motion file %s has weights outside 0 to 1; they were clamped.", shown(table.path))
    return weights.clip(0, 1)


def _motion(weights: np.ndarray, pose: np.ndarray, rate: float, source: str) -> Motion:
    expression, pose_tensor = (torch.from_numpy(part.astype(np.float32)) for part in (weights, pose))
    return Motion(
        expression,
        pose_tensor[:, :3],
        pose_tensor[:, 3:6],
        pose_tensor[:, 6:].reshape(-1, 2, 2),
        float(rate),
        source or "unknown",
    )


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _short(number: float) -> str:
    return str(round(float(number), 6) + 0.0)  # adding zero turns -0.0 into 0.0


def _listed(names: list[str]) -> str:
    shown_names = ", ".join(shown(Path(name[:40])) for name in names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"column{'s' if len(names) > 1 else ''} {shown_names}{more}"
