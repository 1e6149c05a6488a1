"""Draw learning curves as SVG from the files that trainings write.

    python tools/learning_curve.py OUT.svg "held out L1=RUN/held_out.csv:l1" "learned from=RUN/log.csv:l1" ...

Rows of a file are step, name, value. Every curve is drawn as a share of its first value.
"""

import csv
import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 56, 20, 190, 44
INK, LINE = "#1d2433", "#d5dae3"
COLORS = ("#2f5fd0", "#c2572b", "#2c8a57", "#8a4fb0", "#a08318", "#4a5a8a")


class Curve(NamedTuple):
    """One line."""

    label: str
    steps: list[int]
    shares: list[float]
    """Of the first value."""


def read_curve(wanted: str) -> Curve:
    """A curve from `LABEL=FILE:NAME`."""
    label, _, place = wanted.partition("=")
    path, _, name = place.rpartition(":")
    with Path(path).open(newline="", encoding="utf8") as file:
        rows = [(int(step), float(value)) for step, key, value in csv.reader(file) if key == name]
    if not rows:
        sys.exit(f"{path} has no rows of {name!r}.")
    return Curve(label, [step for step, _ in rows], [value / rows[0][1] for _, value in rows])


def drawing(curves: list[Curve]) -> str:
    """The figure."""
    last = max(curve.steps[-1] for curve in curves)
    shares = [share for curve in curves for share in curve.shares]
    low, high = min(shares), max(shares)
    margin = 0.08 * (high - low) or 0.01
    low, high = low - margin, high + margin

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - share) / (high - low)

    style = f'font-family="sans-serif" font-size="12" fill="{INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for count in range(5):
        share, step = low + (high - low) * count / 4, last * count / 4
        parts += [
            f'<path d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}" stroke="{LINE}"/>',
            f'<text x="{LEFT - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>',
            f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step:.0f}</text>',
        ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">steps</text>')
    for number, curve in enumerate(curves):
        color = COLORS[number % len(COLORS)]
        points = " ".join(
            f"{x(step):.1f},{y(share):.1f}" for step, share in zip(curve.steps, curve.shares, strict=True)
        )
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>',
            f'<path d="M{WIDTH - RIGHT + 14} {TOP + 8 + 22 * number}h18" stroke="{color}" stroke-width="3"/>',
            f'<text x="{WIDTH - RIGHT + 38}" y="{TOP + 12 + 22 * number}">{escape(curve.label)}</text>',
        ]
    return "\n".join((*parts, "</svg>")) + "\n"


def main() -> None:
    """Read and draw."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_text(drawing([read_curve(wanted) for wanted in sys.argv[2:]]), "utf8")


if __name__ == "__main__":
    main()
