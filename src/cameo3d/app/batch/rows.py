"""Rows of a batch: one animation each, from JSON lines or CSV, and which of them are this machine's."""

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cameo3d.app.cli.animate import animate
from cameo3d.app.server.failures import Refusal
from cameo3d.app.server.options import read_options
from cameo3d.errors import CameoError, InputError
from cameo3d.media.files import shown

FILES = ("photo", "avatar", "voice", "video", "motion", "pose", "background")
"""Columns that name files; relative names count from the table's folder."""
_WORDS = {"pose": {"natural", "still"}, "background": {"keep", "transparent"}}
_DRIVERS = ("voice", "video", "motion", "text")
_ENVIRONMENT = (
    ("JOB_COMPLETION_INDEX", "CAMEO3D_SHARDS", 0),  # Kubernetes' indexed job, which tells no count
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", None),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Row:
    """One animation that is wanted."""

    number: int
    """Counted from 1, as it stands in the table."""
    name: str
    """Of its output: the column `name`, or the number."""
    values: Mapping[str, Any]
    """The other columns that are not empty."""

    def task(self, folder: Path, base: Path) -> dict[str, Any]:
        """What a worker is told.

        Args:
            folder: Where the output goes.
            base: What relative names count from.

        Raises:
            CameoError: If columns are missing, do not go together, or are not valid.
        """
        values = {key: value for key, value in self.values.items() if key != "format"}
        if ("photo" in values) + ("avatar" in values) != 1:
            raise InputError("It needs either a photo or an avatar.")
        drivers = [name for name in _DRIVERS if name in values]
        if len(drivers) != 1:
            raise InputError(f"It needs exactly one of {', '.join(_DRIVERS)}, and has {len(drivers)}.")
        task: dict[str, Any] = {"kind": "animation", "folder": str(folder.absolute())}
        for name in FILES:
            value = str(values.get(name, ""))
            if value and value not in _WORDS.get(name, ()) and not value.startswith("#"):
                task[name] = str((base / value).absolute())
                del values[name]
        if "photo" in task:
            task["photos"] = [task.pop("photo")]
        if "text" in values:
            task["text"] = str(values.pop("text"))
        try:
            task["options"] = read_options(animate, json.dumps(values))
        except Refusal as refusal:
            raise InputError(refusal.sentence) from refusal
        return {**task, "out": self.output, "limits": {"megapixels": float("inf"), "seconds": float("inf")}}

    @property
    def output(self) -> str:
        """Name of its file."""
        transparent = self.values.get("background") == "transparent"
        return f"{self.name}.{self.values.get('format') or ('mov' if transparent else 'mp4')}"


def read_rows(table: Path) -> Iterator[Row | tuple[int, str]]:
    """Read a table.

    Args:
        table: .jsonl, a JSON object a line, or .csv with a head line. Columns are `photo` or `avatar`; one of
            `voice`, `video`, `motion` and `text`; and, if wanted, `name`, `format` and any option of animate.

    Yields:
        Rows, or, for one that cannot be read, its number and what is wrong with it.

    Raises:
        InputError: If the file cannot be read, or is of another kind.
    """
    suffix = table.suffix.lower()
    if suffix not in (".jsonl", ".csv"):
        raise InputError(f"The table {shown(table)} should end in .jsonl or .csv.")
    seen: set[str] = set()
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            for number, values in enumerate(_lines(file) if suffix == ".jsonl" else _cells(file), 1):
                if isinstance(values, str):
                    yield number, values
                    continue
                values = {key: value for key, value in values.items() if value not in ("", None)}
                name = str(values.pop("name", f"{number:06d}"))
                if not _NAME.fullmatch(name):
                    yield (
                        number,
                        f"The name {name[:40]!r} should be letters, digits, dots, dashes, underscores.",
                    )
                elif name in seen:
                    yield number, f"The name {name!r} stands in an earlier row, too."
                else:
                    seen.add(name)
                    yield Row(number, name, values)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The table {shown(table)} cannot be read ({error}).") from error


def _lines(file: Any) -> Iterator[dict[str, Any] | str]:
    for line in file:
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else "It is no JSON object."


def _cells(file: Any) -> Iterator[dict[str, Any] | str]:
    """Rows of a CSV; cells that are numbers, true or false become so."""
    texts = {"name", "text", *FILES}
    for row in csv.DictReader(file, strict=True):
        if None in row:
            yield "It has more cells than the head line."
        else:
            yield {key: value if key in texts else _value(value or "") for key, value in row.items()}


def _value(cell: str) -> Any:
    try:
        value = json.loads(cell)
    except ValueError:
        return cell
    return value if isinstance(value, bool | int | float) else cell


def shard_of(text: str | None) -> tuple[int, int]:
    """Which share of the rows is this machine's.

    Args:
        text: Such as "3/16", the third of sixteen; None reads it from the environment of a Kubernetes
            indexed job (with $CAMEO3D_SHARDS as the count) or a Slurm array.

    Returns:
        Index from 0, and count.

    Raises:
        InputError: If it is not such a share.
    """
    if text is not None:
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
            raise InputError(f"The shard {text!r} should be such as 3/16, the third of sixteen.")
        return int(index) - 1, int(count)
    for index_name, count_name, lowest in _ENVIRONMENT:
        if index_name in os.environ:
            index, count = os.environ[index_name], os.environ.get(count_name, "")
            first = os.environ.get("SLURM_ARRAY_TASK_MIN", "0") if lowest is None else "0"
            if not (index.isdecimal() and count.isdecimal() and first.isdecimal()):
                raise InputError(f"${index_name} is set, but ${count_name} is not; set it, or give --shard.")
            if not 0 <= int(index) - int(first) < int(count):
                raise InputError(f"${index_name} is {index}, outside of ${count_name} = {count} shards.")
            return int(index) - int(first), int(count)
    return 0, 1


def is_in_shard(row: int, index: int, count: int) -> bool:
    """Whether a row, counted from 1, belongs to a shard; a table always falls into the same shards."""
    return (row - 1) % count == index


def told(error: CameoError) -> str:
    """An error on one line."""
    return " ".join(str(error).split())
