"""Draw the figures of the documentation as SVG: boxes with the file that holds each, and the head's axes.

    python tools/docs_figures.py docs/figures

A test checks that every file that a box names is there.
"""

import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, GAP_X, GAP_Y = 200, 62, 44, 46
INK, PAPER, LINE, FILE, NET = "#1d2433", "#ffffff", "#8a94a8", "#4a5a8a", "#e8edfb"


class Box(NamedTuple):
    """A thing or a step, at a column and a row."""

    name: str
    file: str
    column: float
    row: float
    learned: bool = False
    """Whether a trained network does it."""


class Figure(NamedTuple):
    title: str
    boxes: dict[str, Box]
    arrows: str
    """`from>to` pairs, separated by blanks."""


OVERVIEW = Figure(
    "From a photo and a driver to a video",
    {
        "photo": Box("photo", "media/images.py", 0, 0),
        "portrait": Box("find and fit the face", "pipeline/portrait.py", 1, 0, True),
        "avatar": Box("avatar, once a person", "models/avatar.py", 2, 0, True),
        "voice": Box("voice or typed text", "pipeline/voice.py", 0, 1, True),
        "video": Box("driving video", "pipeline/motion.py", 0, 2, True),
        "file": Box("motion file", "values/motion_files.py", 0, 3),
        "motion": Box("motion: 52 weights, head, gaze", "values/motion.py", 1, 2),
        "transfer": Box("bring it to this person", "pipeline/transfer.py", 2, 2),
        "adjust": Box("what the user changes", "pipeline/adjusting.py", 3, 2),
        "draw": Box("draw frame by frame", "pipeline/animation.py", 3, 0, True),
        "write": Box("mark, encode, sign", "provenance/writing.py", 4, 0),
    },
    "photo>portrait portrait>avatar avatar>draw voice>motion video>motion file>motion motion>transfer "
    "transfer>adjust adjust>draw draw>write",
)
RELIEF = Figure(
    "The relief avatar: the photo on a surface that is fitted to it",
    {
        "photo": Box("photo, face, matte", "values/portrait.py", 0, 0),
        "canvas": Box("cut, continue beyond the border", "models/relief/canvas.py", 1, 0),
        "plates": Box("background without the person", "imaging/inpainting.py", 2, 0),
        "surface": Box("lift to a round surface", "models/relief/surface.py", 1, 1),
        "eyes": Box("eyeballs behind the lids", "models/relief/eyes.py", 2, 1),
        "mouth": Box("teeth and tongue behind lips", "models/relief/mouth.py", 3, 1),
        "expression": Box("move 468 points", "models/relief/expression.py", 1, 2),
        "lips": Box("lips and lids meet exactly", "models/relief/lips.py", 2, 2),
        "render": Box("pose, rasterise, look up the photo", "models/relief/painter.py", 3, 2),
        "motion": Box("motion", "values/motion.py", 0, 2),
        "frame": Box("frame", "imaging/compose.py", 4, 2),
    },
    "photo>canvas canvas>plates photo>surface surface>eyes eyes>mouth motion>expression surface>expression "
    "expression>lips lips>render mouth>render plates>render render>frame",
)
REAL3D = Figure(
    "Real3D-Portrait (arXiv 2401.08503)",
    {
        "photo": Box("photo", "values/portrait.py", 0, 0),
        "layers": Box("head, torso, background", "models/real3d/layers.py", 1, 0),
        "planes": Box("image to canonical planes", "models/real3d/image_to_plane.py", 2, 0, True),
        "motion": Box("motion", "values/motion.py", 0, 1),
        "pncc": Box("PNCC picture of the face", "models/real3d/conditioning.py", 1, 1),
        "adapter": Box("motion planes", "models/real3d/motion_adapter.py", 2, 1, True),
        "render": Box("add, volume rendering", "models/real3d/renderer.py", 3, 0, True),
        "torso": Box("torso moved by key points", "models/real3d/torso.py", 2, 2, True),
        "sr": Box("super-resolution", "models/real3d/super_resolution.py", 4, 0, True),
        "frame": Box("frame", "models/real3d/avatar.py", 4, 1),
    },
    "photo>layers layers>planes planes>render motion>pncc pncc>adapter adapter>render layers>torso "
    "pncc>torso torso>sr render>sr sr>frame",
)
GOHA = Figure(
    "GOHA (arXiv 2306.08768)",
    {
        "photo": Box("photo, Deep3D coefficients", "models/goha/framing.py", 0, 0),
        "canonical": Box("canonical planes, once", "models/goha/generator.py", 1, 0, True),
        "expression": Box("expression planes", "models/goha/expression.py", 1, 1, True),
        "appearance": Box("appearance planes: detail", "models/goha/planes.py", 2, 1, True),
        "motion": Box("motion", "pipeline/reading.py", 0, 1),
        "sum": Box("sum, rays through it", "models/goha/renderer.py", 3, 0, True),
        "sr": Box("super-resolution", "models/goha/super_resolution.py", 4, 0, True),
        "frame": Box("cut out, compose", "models/goha/avatar.py", 4, 1),
    },
    "photo>canonical canonical>sum motion>expression photo>expression expression>appearance "
    "canonical>appearance appearance>sum expression>sum sum>sr sr>frame",
)
VOICE = Figure(
    "From a voice to motion, 25 frames a second",
    {
        "samples": Box("samples, 16 kHz", "media/audio.py", 0, 0.5),
        "sound": Box("spectrum and level", "models/voice/lite/sound.py", 1, 0),
        "encoder": Box("speech encoder: what is said", "models/voice/lite/speech_encoder.py", 2, 0, True),
        "decoder": Box("motion decoder: lips", "models/voice/lite/motion_decoder.py", 3, 0, True),
        "hearing": Box("loudness, pitch, change", "models/voice/idle/hearing.py", 1, 1),
        "listening": Box("is it speech?", "models/voice/idle/listening.py", 2, 1),
        "idle": Box("head, brows, gaze, blinks", "models/voice/idle/idle_motion.py", 3, 1),
        "motion": Box("motion", "values/motion.py", 4, 0.5),
    },
    "samples>sound sound>encoder encoder>decoder samples>hearing hearing>listening listening>idle "
    "listening>decoder decoder>motion idle>motion",
)
FIGURES = {"overview": OVERVIEW, "relief": RELIEF, "real3d": REAL3D, "goha": GOHA, "voice": VOICE}


def drawn(figure: Figure) -> str:
    """The figure as SVG; names that are too long for a line are broken."""
    boxes = figure.boxes.values()
    width = max(_left(box) for box in boxes) + WIDTH + 12
    height = max(_top(box) for box in boxes) + HEIGHT + 12
    parts = [_head(width, height, figure.title)]
    for arrow in figure.arrows.split():
        parts.append(_arrow(*(figure.boxes[name] for name in arrow.split(">"))))
    parts += map(_box, boxes)
    return "\n".join([*parts, "</svg>", ""])


def _left(box: Box) -> float:
    return 12 + box.column * (WIDTH + GAP_X)


def _top(box: Box) -> float:
    return 12 + box.row * (HEIGHT + GAP_Y)


def _head(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'font-family="sans-serif"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/><defs>'
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>'
    )


def _box(box: Box) -> str:
    x, y, middle = _left(box), _top(box), WIDTH // 2
    fill = NET if box.learned else "#f4f4f2"
    return (
        f'<g transform="translate({x:.0f} {y:.0f})" text-anchor="middle">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="{LINE}"/>'
        f'<text x="{middle}" y="27" font-size="13" fill="{INK}">{escape(box.name)}</text>'
        f'<text x="{middle}" y="47" font-size="10" fill="{FILE}" font-family="monospace">{box.file}</text>'
        "</g>"
    )


def _arrow(start: Box, end: Box) -> str:
    """From one box's border to another's, straight within a row or a column, else curved."""
    x0, y0, x1, y1 = _left(start), _top(start), _left(end), _top(end)
    if start.column == end.column:
        middle = x0 + WIDTH / 2
        down = y1 > y0
        path = f"M{middle} {y0 + HEIGHT * down} L{middle} {y1 + HEIGHT * (not down)}"
    else:
        right = x1 > x0
        a, b = x0 + WIDTH * right, x1 + WIDTH * (not right)
        bend, from_y, to_y = (b - a) / 2, y0 + HEIGHT / 2, y1 + HEIGHT / 2
        path = f"M{a} {from_y} C{a + bend} {from_y} {b - bend} {to_y} {b} {to_y}"
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" marker-end="url(#tip)"/>'


def axes() -> str:
    """A head as the camera sees it, its axes, and the signs of the three angles."""
    parts = [_head(830, 330, "Axes and angles")]
    text = '<text x="{}" y="{}" font-size="{}" fill="{}" text-anchor="{}">{}</text>'
    line = '<path d="{}" fill="none" stroke="{}" stroke-width="2.5" marker-end="url(#tip)"/>'
    parts += [
        '<ellipse cx="180" cy="165" rx="78" ry="104" fill="#f3ddc9" stroke="#8a6f5a" stroke-width="2"/>',
        '<circle cx="150" cy="145" r="7" fill="#334"/><circle cx="210" cy="145" r="7" fill="#334"/>',
        '<path d="M180 150 L172 190 L186 190" fill="none" stroke="#8a6f5a" stroke-width="2"/>',
        '<path d="M152 222 Q180 238 208 222" fill="none" stroke="#a33" stroke-width="3"/>',
        line.format("M180 165 L318 165", "#c0392b"),
        line.format("M180 165 L180 306", "#2a8c4a"),
        text.format(324, 160, 14, "#c0392b", "start", "x: to the image's right"),
        text.format(190, 316, 14, "#2a8c4a", "start", "y: down"),
        '<circle cx="180" cy="165" r="9" fill="#fff" stroke="#2b4fae" stroke-width="2.5"/>',
        '<path d="M174 159 L186 171 M186 159 L174 171" stroke="#2b4fae" stroke-width="2"/>',
        text.format(18, 26, 14, "#2b4fae", "start", "z: away from the camera, into the head"),
        text.format(94, 132, 12, INK, "end", "right eye"),
        text.format(266, 132, 12, INK, "start", "left eye"),
    ]
    signs = (
        ("yaw +", "the nose goes to the image's left", "M60 0 A50 16 0 0 1 -40 8"),
        ("pitch +", "the nose goes down", "M0 -28 A14 34 0 0 1 0 30"),
        (
            "roll +",
            "clockwise in the image",
            "M-30 -12 A32 32 0 1 1 -19 26",
        ),
    )
    for index, (name, meaning, path) in enumerate(signs):
        y = 70 + 95 * index
        parts.append(f'<g transform="translate(540 {y})">{line.format(path, "#2b4fae")}</g>')
        parts.append(text.format(620, y - 4, 15, INK, "start", name))
        parts.append(f'<text x="620" y="{y + 14}" font-size="11" fill="{FILE}">{meaning}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        (folder / f"{name}.svg").write_text(drawn(figure), "utf8")
    (folder / "axes.svg").write_text(axes(), "utf8")


if __name__ == "__main__":
    main()
