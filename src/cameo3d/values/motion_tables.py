"""Tables of numbers as files: CSV of any encoding, delimiter and decimal sign, and JSON."""

import csv
import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, shown

MAX_BYTES = 100_000_000
"""Larger files are refused; an hour of motion at 25 frames a second has 60 MB."""
MAX_JSON_BYTES = 50_000_000
"""The same for JSON, of which memory holds many times its size."""
MAX_FRAMES = 1_000_000
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MAX_COLUMNS, _MAX_LINE = 1000, 100_000
"""Tables with more columns, or with longer lines, are no motion."""


class Table(NamedTuple):
    """A header and the rows below it."""

    path: Path
    format: str
    """How it is written, for people to read; empty for plain CSV with commas."""
    comments: dict[str, str]
    columns: list[str]
    rows: list[list[Any]]
    """Cells as texts or, from JSON, numbers."""
    lines: list[int]
    """The line number of each row, or the number of its frame, from 1."""

    def error(self, problem: str) -> InputError:
        """What is wrong with the file, as one sentence."""
        return InputError(f"The motion file {shown(self.path)} {problem}.")

    def cell(self, value: Any) -> str:
        """A cell as it stands in a message."""
        return shown(str(value).strip()[:40])

    def numbers(self, columns: list[int], names: list[str]) -> Float[np.ndarray, "frames columns"]:
        """Columns at these positions, called so in messages; every cell must hold a finite number."""
        values = np.zeros((len(self.rows), len(columns)))
        for i, row in enumerate(self.rows):
            values[i] = [self.number(row[column]) for column in columns]
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0]
            cell = self.cell(self.rows[row][columns[column]])
            where = f"for {names[column]} in line {self.lines[row]}"
            raise self.error(f"holds {cell} {where}; it must be a number")
        return values

    def number(self, cell: Any) -> float:
        """A cell's number, written with a point or, where it is not the delimiter, a comma."""
        if isinstance(cell, str) and cell.count(",") == 1 and "." not in cell:
            cell = cell.replace(",", ".")
        try:
            return float(cell)
        except (TypeError, ValueError, OverflowError):
            return math.nan


def read_table(path: Path) -> Table:
    """Read a table of any of these kinds.

    Names and cells are taken as they are written; columns without a name, of a spreadsheet's empty ones or of
    row numbers, are left out.

    Raises:
        InputError: If the file cannot be read, is too large or no such table, or a line has more or fewer
            values than the header.
    """
    check_input(path, "motion file")
    name = f"The motion file {shown(path)}"
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{name} has more than {MAX_BYTES // 1_000_000} MB; cut it into parts.")
    try:
        text, encoding = _decoded(path.read_bytes())
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{name} is not a text file; give a CSV file.") from error
    if "\0" in text:
        raise InputError(f"{name} is not a text file; give a CSV file.")
    table = _from_json(path, text) if text.lstrip()[:1] in ("{", "[") else _from_csv(path, text)
    if encoding:
        table = table._replace(format=f"{table.format}, {encoding}" if table.format else encoding)
    if len(table.rows) > MAX_FRAMES:
        raise table.error(f"has more than {MAX_FRAMES:,} frames; cut it into parts")
    if len(table.columns) > _MAX_COLUMNS:
        raise table.error(f"has {len(table.columns)} columns; give a motion file")
    return table


def _decoded(data: bytes) -> tuple[str, str]:
    """The text and, unless it is UTF-8, the name of its encoding."""
    start = data[:1000]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16"), "UTF-16"
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 20 and start[offset::2].count(0) > 0.4 * len(start) > start[1 - offset :: 2].count(0):
            return data.decode(encoding), "UTF-16"
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return data.decode("cp1252"), "Windows-1252"


def _from_csv(path: Path, text: str) -> Table:
    lines = text.splitlines()
    table = Table(path, "", {}, [], [], [])
    if max(map(len, lines), default=0) > _MAX_LINE:
        raise table.error(f"has a line of more than {_MAX_LINE:,} letters; give a motion file")
    delimiter = _delimiter(lines)
    written = [] if delimiter == "," else [_DELIMITERS[delimiter]]
    try:
        for row in (reader := csv.reader(lines, delimiter=delimiter)):
            line = reader.line_num
            if not any(cell.strip() for cell in row) or _names_delimiter(lines[line - 1]):
                continue
            if row[0].startswith("#"):
                key, _, value = delimiter.join(row).lstrip("# ").partition(":")
                table.comments[key.strip()] = value.strip()
            elif not table.columns:
                table.columns.extend(cell.strip() for cell in row)
            else:
                table.rows.append(row)
                table.lines.append(line)
    except csv.Error as error:
        raise table.error(f"is no CSV file ({error}); give another file") from error
    if any("," in cell for row in table.rows[:1] for cell in row):
        written.append("decimal commas")
    return _tidy(table._replace(format=" and ".join(written)))


def _delimiter(lines: list[str]) -> str:
    """The sign that cuts the header into the most cells, or that a spreadsheet names above it."""
    header = ""
    for line in lines:
        if named := _names_delimiter(line):
            return named
        if line.strip() and not line.lstrip(' "').startswith("#"):
            header = line
            break
    return max(_DELIMITERS, key=header.count)


def _names_delimiter(line: str) -> str:
    """The delimiter that Excel's line "sep=;" names."""
    match = re.fullmatch(r'"?sep=([,;|\t])"?[,;\t]*', line)
    return match[1] if match else ""


def _tidy(table: Table) -> Table:
    """The table without columns that have no name, every row as long as the header."""
    width = len(table.columns)
    while width and not table.columns[width - 1]:
        width -= 1
    rows = []
    for row, line in zip(table.rows, table.lines, strict=True):
        count = len(row)
        while count > width and not row[count - 1].strip():
            count -= 1
        if count != width and any(cell.strip() for cell in row[2:count]):
            raise table.error(
                f"has {count} values in line {line} where its header has {width}; repair or delete that line"
            )
        rows.append([*row[:count], *[""] * (width - count)])
    # Numbers of rows stand in front under no name; other columns without one are a damaged header.
    if "" in table.columns[1:width]:
        before = table.columns[table.columns.index("", 1) - 1]
        raise table.error(f"has a column without a name after {shown(before)}; name it")
    named = [i for i in range(width) if table.columns[i]]
    return table._replace(
        columns=[table.columns[i] for i in named], rows=[[row[i] for i in named] for row in rows]
    )


def _from_json(path: Path, text: str) -> Table:
    """The JSON of LAM, of Audio2Face, or of frames that name each weight, as a table."""
    table = Table(path, "JSON", {}, [], [], [])
    if len(text) > MAX_JSON_BYTES:
        raise table.error(f"has more than {MAX_JSON_BYTES // 1_000_000} MB of JSON; cut it into parts")
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise table.error("is no JSON file, though it begins like one; give another file") from error
    top = content if isinstance(content, dict) else {"frames": content}
    told = {**top, **top["metadata"]} if isinstance(top.get("metadata"), dict) else top
    for key in ("fps", "exportFps", "frame_rate", "frameRate"):
        if isinstance(told.get(key), int | float):
            table.comments["frame_rate"] = str(told[key])
    names = next((told[key] for key in _NAMES if _is_texts(told.get(key))), None)
    frames = next(
        (top[key] for key in ("frames", "weightMat", "data") if isinstance(top.get(key), list)), None
    )
    if not frames:
        raise table.error("has no list of frames; give a motion file")
    flat = [_frame(frame) for frame in frames[: MAX_FRAMES + 1]]
    if names is None:
        names = list(
            dict.fromkeys(name for _, weights in flat[:1] if isinstance(weights, dict) for name in weights)
        )
    times = ["time"] if all(time is not None for time, _ in flat) else []
    table.columns.extend([*times, *names])
    for number, (time, weights) in enumerate(flat, 1):
        row = [weights.get(name) for name in names] if isinstance(weights, dict) else weights
        if not isinstance(row, list) or len(row) != len(names):
            count = len(row) if isinstance(row, list) else "no"
            raise table.error(f"has {count} weights in frame {number} where it names {len(names)}; repair it")
        table.rows.append([time, *row] if times else row)
        table.lines.append(number)
    return table


_NAMES = ("names", "facsNames", "blendshape_names", "blendshapeNames", "blendShapeNames")
_WEIGHTS = ("weights", "blendshapes", "blendShapes", "blendshape_weights")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _frame(frame: Any) -> tuple[float | None, Any]:
    """Time and weights of a frame: a list, or a mapping from names; None if it holds neither."""
    if not isinstance(frame, dict):
        return None, frame
    time = frame.get("time", frame.get("timestamp"))
    weights = next((frame[key] for key in _WEIGHTS if key in frame), None)
    if isinstance(weights, list) and weights and all(isinstance(item, dict) for item in weights):
        # As MediaPipe writes them: each with its name and score.
        weights = {str(item.get("categoryName", item.get("name"))): item.get("score") for item in weights}
    return time, weights
