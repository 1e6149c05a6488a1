"""Animate a photo with a video in a process of its own and print the peak memory in megabytes."""

import resource
import sys
from pathlib import Path


def main(photo: Path, video: Path, out: Path) -> None:
    """Run it once."""
    from cameo3d.pipeline.animate import animate
    from cameo3d.provenance.disclosure import Disclosure

    disclosure = Disclosure(mark=False, credentials=False)
    animate(photo, video=video).save(out, overwrite=True, disclosure=disclosure)
    print(peak_megabytes())


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux lets a new process inherit its parent's peak in getrusage, but not here
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes, on macOS


def forget_peak() -> None:
    """Let `peak_megabytes` count from now on; elsewhere than on Linux it cannot forget."""
    switch = Path("/proc/self/clear_refs")
    if switch.exists():
        switch.write_text("5")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
