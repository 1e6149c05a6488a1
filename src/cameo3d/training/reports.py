"""How a training goes: a CSV file of losses, sample sheets, TensorBoard, and a progress line."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cameo3d.media.images import write_image


class Reports:
    """Collects scalars between reports, and writes means, rate and time left.

    Args:
        folder: For `log.csv`, `sheets` and TensorBoard's events; it is made if need be.
        first: Steps done when the training was taken up.
        steps: Steps of the whole training.
        writes: Whether this process writes; the others only collect.
        tell: Called with the steps done and the means, among them `steps_per_second` and `seconds_left`.
    """

    def __init__(
        self,
        folder: Path,
        first: int,
        steps: int,
        writes: bool = True,
        tell: Callable[[int, dict[str, float]], None] | None = None,
    ) -> None:
        self._folder, self._steps, self._tell, self._writes = folder, steps, tell, writes
        self._sums: dict[str, tuple[float, int]] = {}
        self._since, self._begun = first, time.monotonic()
        self._board = _tensorboard(folder) if writes else None
        if writes:
            folder.mkdir(parents=True, exist_ok=True)
            _forget_after(folder / "log.csv", first)

    def __enter__(self) -> "Reports":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board is not None:
            self._board.close()

    def add(self, scalars: dict[str, float]) -> None:
        """Remember one step's scalars."""
        for name, value in scalars.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1

    def write(self, done: int) -> None:
        """Write the means since the last call."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        seconds = max(time.monotonic() - self._begun, 1e-9)
        rate = (done - self._since) / seconds
        self._sums, self._since, self._begun = {}, done, time.monotonic()
        if not self._writes:
            return
        with (self._folder / "log.csv").open("a", newline="", encoding="utf8") as file:
            csv.writer(file).writerows((done, name, f"{value:.6g}") for name, value in means.items())
        if self._board is not None:
            for name, value in means.items():
                self._board.add_scalar(name, value, done)
        if self._tell is not None:
            left = (self._steps - done) / rate if rate else float("inf")
            self._tell(done, means | {"steps_per_second": rate, "seconds_left": left})

    def sheet(self, done: int, picture: UInt8[np.ndarray, "height width 3"] | None) -> None:
        """Keep a picture of how the networks do."""
        if picture is None or not self._writes:
            return
        (self._folder / "sheets").mkdir(exist_ok=True)
        write_image(self._folder / "sheets" / f"{done:07d}.png", picture)
        if self._board is not None:
            self._board.add_image("sheet", picture, done, dataformats="HWC")


def progress_line(step: int, steps: int, means: dict[str, float]) -> str:
    """One line for people: steps, rate, time left, and the losses."""
    rate, left = means.get("steps_per_second", 0.0), means.get("seconds_left", 0.0)
    hours, minutes = divmod(round(min(left, 3.6e6)) // 60, 60)
    per = f"{rate:.1f} steps/s" if rate >= 1 else f"{1 / max(rate, 1e-9):.1f} s/step"
    losses = ", ".join(
        f"{name} {value:.4g}"
        for name, value in means.items()
        if name not in ("steps_per_second", "seconds_left")
    )
    return f"step {step}/{steps}, {per}, {hours} h {minutes:02d} min left: {losses}"


def _tensorboard(folder: Path) -> Any:
    """A writer of TensorBoard's events, if the package is there: `pip install 'cameo3d[train]'`."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "events"))


def _forget_after(path: Path, first: int) -> None:
    """Drop rows that a training wrote after the checkpoint from which it is taken up."""
    if not path.exists():
        return
    rows = [row for row in csv.reader(path.open(newline="", encoding="utf8")) if int(row[0]) <= first]
    with path.open("w", newline="", encoding="utf8") as file:
        csv.writer(file).writerows(rows)
