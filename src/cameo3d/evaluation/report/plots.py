"""Small plots as inline SVG."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 300, 110
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 20, 18
COLORS = ("#2f5fb3", "#c2571a", "#2f7d4f")
Values = Sequence[float | None]


def number(value: float) -> str:
    """A number with four digits that count, never with an exponent unless it is tiny or huge."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 5)}f}"


def line_plot(title: str, lines: Sequence[tuple[str, Values]], xs: Sequence[float | int], x_unit: str) -> str:
    """Lines over a common axis, with gaps where there is no value.

    Args:
        title: Stands above.
        lines: Name and values of each, at most three.
        xs: Where the values stand, growing.
        x_unit: What `xs` count.
    """
    known = [value for _, values in lines for value in values if value is not None]
    if not known:
        return ""
    low, high = _range(known)
    x_low, x_high = float(xs[0]), float(xs[-1]) if xs[-1] > xs[0] else float(xs[0]) + 1

    def at(x: float, y: float) -> str:
        return f"{_across(x, x_low, x_high):.1f},{_up(y, low, high):.1f}"

    parts = []
    for color, (_, values) in zip(COLORS, lines, strict=False):
        for run in _runs(values):
            points = " ".join(at(float(xs[index]), value) for index, value in run)
            if len(run) == 1:
                x, y = points.split(",")
                parts.append(f'<circle cx="{x}" cy="{y}" r="2" fill="{color}"/>')
            else:
                parts.append(f'<polyline points="{points}" stroke="{color}" class="line"/>')
    ends = (f"{x_low:.3g}", f"{x_high:.3g} {x_unit}")
    names = [name for name, _ in lines if name]
    return _frame(title, "".join(parts), (low, high), ends, names)


def dot_plot(title: str, values: Sequence[float], labels: Sequence[str], mean: float) -> str:
    """Every case as a dot along an axis, with the mean; labels show when pointed at."""
    low, high = _range(values)
    columns: dict[int, int] = {}
    parts = [_upright(_across(mean, low, high))]
    for value, label in sorted(zip(values, labels, strict=True)):
        x = _across(value, low, high)
        level = columns[round(x / 5)] = columns.get(round(x / 5), -1) + 1
        y = HEIGHT - _BOTTOM - 6 - 6 * (level % 11)
        tip = f"<title>{escape(label)}: {number(value)}</title>"
        parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="3" class="dot">{tip}</circle>')
    return _frame(title, "".join(parts), None, (f"{low:.3g}", f"{high:.3g}"), [])


def _frame(
    title: str,
    inside: str,
    heights: tuple[float, float] | None,
    ends: tuple[str, str],
    names: Sequence[str],
) -> str:
    """Axes, numbers at their ends, and the names of the lines in their colours."""
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    texts = [
        f'<text x="{_LEFT}" y="12" class="name">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="{HEIGHT - 5}">{ends[0]}</text>',
        f'<text x="{right}" y="{HEIGHT - 5}" text-anchor="end">{escape(ends[1])}</text>',
    ]
    if heights is not None:
        low, high = heights
        texts.append(f'<text x="{_LEFT - 4}" y="{bottom}" text-anchor="end">{low:.3g}</text>')
        texts.append(f'<text x="{_LEFT - 4}" y="{_TOP + 8}" text-anchor="end">{high:.3g}</text>')
    shown = "".join(
        f'<tspan dx="8" fill="{color}">{escape(name)}</tspan>'
        for color, name in zip(COLORS, names, strict=False)
    )
    texts.append(f'<text x="{right}" y="12" text-anchor="end">{shown}</text>' if shown else "")
    axes = f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" class="axis"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{axes}{inside}{''.join(texts)}</svg>"
    )


def _upright(x: float) -> str:
    return f'<path d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}" class="mean"/>'


def _across(x: float, low: float, high: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (x - low) / (high - low)


def _up(y: float, low: float, high: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * (y - low) / (high - low)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest, apart in any case."""
    low, high = min(values), max(values)
    if high > low:
        return low, high
    reach = abs(low) / 20 or 1.0
    return low - reach, high + reach


def _runs(values: Values) -> list[list[tuple[int, float]]]:
    """Stretches without gaps."""
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is not None:
            runs[-1].append((index, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
