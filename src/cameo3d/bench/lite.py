"""Speed of the small models: photo to avatar, and frames of the demo's motion."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cameo3d.bench.relief import (
    Figure,
    Report,
    demo_motion,
    exhaust,
    machine,
    median_seconds,
    portrait_path,
    seconds,
)
from cameo3d.pipeline.animate import load_model
from cameo3d.values.motion_files import load_motion

FRAMES = 50
"""Frames that each timing of rendering draws."""


def measure_lite(model: Literal["real3d", "goha"], photo: Path | None, say: Callable[[str], None]) -> Report:
    """Measure a small model on this machine.

    Args:
        model: Which one.
        photo: Photo to use; by default the astronaut's portrait.
        say: Told what is being measured.

    Raises:
        CameoError: If the photo cannot be used.
    """
    photo = photo or portrait_path()
    say("measuring photo to avatar")
    loaded = load_model(model, size="lite")
    start = time.perf_counter()
    avatar = loaded.encode(photo)
    first = time.perf_counter() - start
    again = median_seconds(lambda: loaded.encode(photo))
    say("measuring rendering")
    animation = loaded.animate(avatar, motion=load_motion(demo_motion()).part(0, FRAMES))
    first_frame = seconds(lambda: next(iter(animation)))
    # Wall and processor: what a busy machine adds to the first is not in the second.
    cpu = time.process_time()
    rate = FRAMES / median_seconds(lambda: exhaust(animation))
    cpu = (time.process_time() - cpu) / FRAMES / 3
    figures = (
        Figure("photo to avatar, first", round(first, 4), "s", "lower"),
        Figure("photo to avatar, again", round(again, 4), "s", "lower", 1.5),
        Figure("first frame", round(first_frame, 4), "s", "lower"),
        Figure("render, 512x512", round(rate, 4), "frames/s", "higher", 4.0),
        Figure("processor time of a frame", round(cpu, 4), "s", "lower"),
    )
    return Report(f"{model}, lite", machine(), figures)
