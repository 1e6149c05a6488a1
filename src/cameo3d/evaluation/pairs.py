"""Which driver moves which photo: the papers' choices, fixed by a seed and stored with the report."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cameo3d.errors import InputError
from cameo3d.evaluation.datasets import Item
from cameo3d.evaluation.measures import TestProtocol
from cameo3d.media.files import check_input, shown

SOURCES = 60
"""So many photos are sampled when clips drive photos, as in GOHA's table 3."""
T = TypeVar("T")


@dataclass(frozen=True)
class Pair:
    """One case: a photo and what drives it."""

    name: str
    """The name that another system's output has."""
    source: Item
    """The photo, or the clip whose first frame it is."""
    driver: Item | None
    """The clip or photo whose motion is wanted; None where nothing drives."""


def choose_pairs(protocol: TestProtocol, items: list[Item], seed: int, limit: int | None) -> list[Pair]:
    """Choose as the papers do.

    * `reconstruction`, `free-view`: every photo.
    * `self`, `voice`: every clip, which drives its own first frame.
    * `cross`: with photos and clips, every clip drives every one of 60 sampled photos (GOHA, table 3); with
      clips alone, one of them, drawn by the seed, drives the first frames of all others (table 2); with
      photos alone, the first of each two in order of names is driven by the second (table 1).

    Args:
        protocol: What is asked of the model.
        items: The data.
        seed: Of the draws.
        limit: At most so many pairs, drawn from all of them; they stay in order.

    Raises:
        InputError: If the data has too little of what the protocol needs.
    """
    draw = random.Random(seed)
    photos = [item for item in items if item.kind == "photo"]
    clips = [item for item in items if item.kind == "clip"]
    if protocol in ("reconstruction", "free-view"):
        pairs = [Pair(photo.name, photo, None) for photo in photos]
    elif protocol in ("self", "voice"):
        pairs = [Pair(clip.name, clip, clip) for clip in clips]
    elif photos and clips:
        pairs = [_crossed(photo, clip) for photo in _sampled(photos, SOURCES, draw) for clip in clips]
    elif clips:
        driver = draw.choice(clips)
        pairs = [_crossed(clip, driver) for clip in clips if clip != driver]
    else:
        pairs = [_crossed(photos[k], photos[k + 1]) for k in range(0, len(photos) - 1, 2)]
    if not pairs:
        raise InputError(
            f"The data has {len(photos)} photos and {len(clips)} clips, too few for {protocol}; "
            "it needs photos for reconstruction and free-view, clips for self and voice, and two of any "
            "kind for cross."
        )
    return pairs if limit is None else _sampled(pairs, limit, draw)


def read_pairs(path: Path, data: Path, items: list[Item], limit: int | None) -> list[Pair]:
    """Read pairs from a CSV file with the columns photo and driver.

    Args:
        path: The file. An empty photo stands for the driver's own first frame; driver may be empty.
        data: The folder in which its paths start.
        items: What is there.
        limit: At most so many, from the start.

    Raises:
        InputError: If a column is missing, or a path is not in the data.
    """
    by_path = {item.path.resolve(): item for item in items}

    def item_at(text: str) -> Item:
        found = by_path.get((data / text).resolve())
        if found is None:
            raise InputError(f"The pairs {shown(path)} name {text!r}, which the data does not have; mend it.")
        return found

    with check_input(path, "list of pairs").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = []
    for row in rows[:limit]:
        photo, driver = (row.get("photo") or "").strip(), (row.get("driver") or "").strip()
        if not photo and not driver:
            raise InputError(f"A row of {shown(path)} names neither photo nor driver; fill these columns.")
        source = item_at(photo or driver)
        pair = _crossed(source, item_at(driver)) if driver and photo else Pair(source.name, source, None)
        pairs.append(Pair(source.name, source, source) if not photo else pair)
    if not pairs:
        raise InputError(f"The list of pairs {shown(path)} is empty; give rows with photo and driver.")
    return pairs


def _crossed(source: Item, driver: Item) -> Pair:
    return Pair(f"{source.name}__{driver.name}", source, driver)


def _sampled(values: list[T], count: int, draw: random.Random) -> list[T]:
    """So many of them, still in order."""
    if len(values) <= count:
        return values
    return [values[index] for index in sorted(draw.sample(range(len(values)), count))]
