"""Motion as files: our own CSV, and what other programs write (see `motion_dialects`)."""

import io
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.media.files import replacing, shown
from cameo3d.values.motion import BLENDSHAPES, Motion
from cameo3d.values.motion_dialects import POSE, SEEN, Header, listed, read_header, understood
from cameo3d.values.motion_tables import MAX_FRAMES, Table, read_table

logger = logging.getLogger(__name__)

MOTION_SUFFIXES = (".csv", ".json", ".tsv", ".txt")
"""Of files that may hold a motion; others are videos."""
_VERSION = 1
_FRAME_RATES = (1.0, 240.0)
_USUAL_RATE = 30.0
"""Of a file that tells no times."""
_COMMON_RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
_COLUMNS = ("time", *BLENDSHAPES, *POSE)
_ANGLES = [i for i, name in enumerate(POSE) if name.endswith(("yaw", "pitch", "roll"))]
_GAZE = [i for i, name in enumerate(POSE) if "eye" in name]
_MOST_RADIANS, _MOST_GAZE_RADIANS = 3.2, 1.5
"""No head turns and no eye looks further; larger angles are degrees."""
_MOST_METRES = 100.0
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:[.,]\d+)?)")
_FRAME_CLOCKS = (24, 25, 30, 48, 50, 60, 120)
_LIVE_LINK_CLOCK = 60
"""The app counts frames of a sixtieth of a second, whatever rate it records."""


def save_motion(motion: Motion, path: Path, seen: Float[Tensor, "frames 4"] | None = None) -> None:
    """Write a motion as CSV: three comment lines, then a column for each number and a line for each frame.

    Times are seconds, angles radians, positions metres, as in docs/conventions.md.

    Args:
        motion: The motion.
        path: The file.
        seen: How surely the face, the left eye, the right eye and the mouth were seen, which is written, too.

    Raises:
        OutputError: If it cannot be written there.
    """
    table = torch.cat(
        (motion.expression, motion.rotation, motion.translation, motion.gaze.reshape(len(motion), 4)), 1
    )
    table = table if seen is None else torch.cat((table, seen), 1)
    rows = table.double().cpu().numpy()
    text = io.StringIO()
    text.write(f"# cameo3d motion {_VERSION}\n")
    text.write(f"# frame_rate: {motion.frame_rate!r}\n")
    text.write(f"# source: {' '.join(motion.source.split())}\n")
    text.write(",".join(_COLUMNS if seen is None else (*_COLUMNS, *SEEN)) + "\n")
    for index, row in enumerate(rows):
        text.write(f"{index / motion.frame_rate:.6f}," + ",".join(_short(number) for number in row) + "\n")
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf8", newline="\n")


def load_motion(path: Path) -> Motion:
    """Read a motion file, our own or another program's.

    Programs are told apart by the header; delimiter, decimal sign, encoding and the case of names do not
    matter. What is unusual about a file is told in a notice. Frames at uneven, repeated or missing times are
    resampled to the file's own constant rate.

    Raises:
        InputError: If the file cannot be read, lacks columns, or has a line with too few or too many values,
            or values that are no number or far outside their range; the message says where.
    """
    table = read_table(path)
    header = read_header(table)
    table = _seen(table, header)
    if not table.rows:
        raise table.error("has no frames; give another file")
    notes = []
    shapes = np.zeros((len(table.rows), len(BLENDSHAPES)))
    shapes[:, [BLENDSHAPES.index(name) for name in header.shapes]] = table.numbers(
        list(header.shapes.values()), [header.name_of(name) for name in header.shapes]
    )
    pose = _pose(table, header, notes)
    seconds, rate = _times(table, header, notes)
    values, rate = _at_constant_rate(table, seconds, np.concatenate((shapes, pose), 1), rate)
    if len(header.shapes) < len(BLENDSHAPES):
        notes.append("tongueOut is missing and stays 0")
    if header.ignored:
        notes.append(f"{listed(header.ignored)} left out")
    if notes or table.format or header.dialect.name not in ("cameo3d", "Live Link Face"):
        frames = f"{len(values)} frames at {rate:g} frames/s"
        logger.warning(
            "The motion file %s was read as %s: %s.",
            shown(path),
            understood(table, header.dialect),
            "; ".join([frames, *notes]),
        )
    weights = _checked_weights(table, values[:, :52])
    return _motion(weights, values[:, 52:], rate, table.comments.get("source", path.name))


def stated_comments(path: Path) -> Mapping[str, str]:
    """What a motion file of ours states in comment lines, such as `# gaze: camera`; empty for other files.

    Raises:
        InputError: If the file cannot be read.
    """
    table = read_table(path)
    return table.comments if read_header(table).dialect.name == "cameo3d" else {}


def _seen(table: Table, header: Header) -> Table:
    """Without the lines of Live Link Face that hold a time and a count of zero only: it saw no face there."""
    if header.dialect.name != "Live Link Face":
        blind = []
    else:
        blind = [
            str(row[1]).strip() == "0" and not any(str(c).strip() for c in row[2:]) for row in table.rows
        ]
    keep = [i for i in range(len(table.rows)) if not blind or not blind[i]]
    return table._replace(rows=[table.rows[i] for i in keep], lines=[table.lines[i] for i in keep])


def _pose(table: Table, header: Header, notes: list[str]) -> Float[np.ndarray, "frames 10"]:
    """Head and gaze in our conventions; a head whose position is not told is a metre in front of the camera.

    Live Link Face's signs and its order of rotation are ours: in recordings, eyes that look fully to the
    person's right have yaw +0.6, eyes that look down have positive pitch, and the roll of both eyes is the
    one that an eyeball without torsion has in the order `Rz(roll) Ry(yaw) Rx(pitch)`; the head is taken to be
    written alike. The roll of the eyes is dropped.
    """
    pose = np.zeros((len(table.rows), len(POSE)))
    pose[:, POSE.index("head_z")] = 1.0
    pose[:, [POSE.index(name) for name in header.pose]] = table.numbers(
        list(header.pose.values()), [table.columns[at] for at in header.pose.values()]
    )
    largest = np.abs(pose[:, _ANGLES]).max(initial=0)
    if largest > _MOST_RADIANS or np.abs(pose[:, _GAZE]).max(initial=0) > _MOST_GAZE_RADIANS:
        if largest > 360:
            raise table.error(f"has an angle of {largest:g}; angles are radians, or degrees up to 360")
        pose[:, _ANGLES] = np.deg2rad(pose[:, _ANGLES])
        notes.append(f"angles up to {largest:.0f} are taken for degrees")
    farthest = np.abs(np.delete(pose, _ANGLES, 1)).max(initial=0)
    if farthest > _MOST_METRES:
        raise table.error(f"has a head at {farthest:g} metres; positions lie within {_MOST_METRES:g}")
    return pose


def _times(
    table: Table, header: Header, notes: list[str]
) -> tuple[Float[np.ndarray, " frames"], float | None]:
    """Seconds of each frame, and the rate if the file tells it."""
    rate = None
    if "frame_rate" in table.comments:
        rate = table.number(table.comments["frame_rate"])
        if not _FRAME_RATES[0] <= rate <= _FRAME_RATES[1]:
            given = table.cell(table.comments["frame_rate"])
            raise table.error(f"has the frame rate {given}; it must lie within 1 and 240")
    if header.time is None:
        if rate is None:
            notes.append("it tells no times")
        rate = rate or _USUAL_RATE
        return np.arange(len(table.rows)) / rate, rate
    name = table.columns[header.time]
    cells = [row[header.time] for row in table.rows]
    if ":" in str(cells[0]) or header.dialect.name == "Live Link Face":
        return _timecode_seconds(table, cells, notes), None
    seconds = table.numbers([header.time], [name])[:, 0]
    step = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
    if header.dialect.name != "cameo3d" and step > 1:
        unit, scale = ("milliseconds", 1e3) if step < 1000 else ("microseconds", 1e6)
        notes.append(f"times are taken for {unit}")
        seconds = seconds / scale
    return seconds, rate


def _timecode_seconds(table: Table, cells: list, notes: list[str]) -> Float[np.ndarray, " frames"]:
    """Seconds of `hours:minutes:seconds:frames.part`; the clock's frames a second are read off the file."""
    parts = np.zeros((len(cells), 4))
    for i, cell in enumerate(cells):
        match = _TIMECODE.fullmatch(str(cell).strip())
        if match is None:
            line = table.lines[i]
            raise table.error(
                f"holds the timecode {table.cell(cell)} in line {line}; it must be hh:mm:ss:ff.fff"
            )
        parts[i] = [float(part.replace(",", ".")) for part in match.groups()]
    whole = parts[:, :3] @ (3600.0, 60.0, 1.0)
    clock = _clock(whole, parts[:, 3])
    if clock != _LIVE_LINK_CLOCK:
        notes.append(f"its clock counts {clock} frames a second")
    seconds = whole + parts[:, 3] / clock
    midnights = np.concatenate(([0], np.cumsum(np.diff(seconds) < -43_200)))
    return seconds + 86_400.0 * midnights


def _clock(whole: Float[np.ndarray, " frames"], counts: Float[np.ndarray, " frames"]) -> int:
    """How many frames a second a clock counts, from whole seconds and the frame numbers within them.

    Over two seconds and more, the largest number tells. In shorter files it may have been missed, so how far
    the number falls with a new second does. Within one second only the numbers' writing tells: some programs
    that count thirty repeat the number behind the point.
    """
    fits = [clock for clock in _FRAME_CLOCKS if counts.max() < clock] or [_FRAME_CLOCKS[-1]]
    if whole[-1] - whole[0] >= 2:
        return fits[0]
    steps = np.diff(counts)
    within, across = steps[np.diff(whole) == 0], steps[np.diff(whole) == 1]
    usual = float(np.median(within[within > 0])) if (within > 0).any() else 0.0
    if len(across) and usual:
        return min(fits, key=lambda clock: abs(clock - (usual - across[0])))
    behind = np.abs(counts - counts.round()) * 1000
    if 1 <= counts.max() < 30 and (np.abs(behind - counts.round()) < 0.5).all():
        return 30
    return _LIVE_LINK_CLOCK if _LIVE_LINK_CLOCK in fits else fits[0]


def _at_constant_rate(
    table: Table, seconds: np.ndarray, values: np.ndarray, rate: float | None
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


def _checked_weights(table: Table, weights: np.ndarray) -> np.ndarray:
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


def _short(number: float) -> str:
    return str(round(float(number), 6) + 0.0)  # adding zero turns -0.0 into 0.0
