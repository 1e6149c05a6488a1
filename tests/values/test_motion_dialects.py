"""The same motion as several programs and spreadsheets write it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cameo3d.errors import InputError
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion_files import load_motion

ANGLES = [f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")]
CAPITAL = [name[0].upper() + name[1:] for name in BLENDSHAPES]
FRAMES = 80
WEIGHTS = np.round(np.random.default_rng(0).uniform(0, 1, (FRAMES, 52)), 4)
WEIGHTS[:, -1] = 0.0
TURNS = np.round(np.random.default_rng(1).uniform(-0.4, 0.4, (FRAMES, 9)), 4)


def timecode(frame: int, clock: int = 60, step: int = 2) -> str:
    seconds, part = divmod(frame * step, clock)
    return f"10:00:{seconds:02d}:{part:02d}.000"


def live_link(
    weights: np.ndarray = WEIGHTS, turns: np.ndarray = TURNS, names: list[str] | None = None, **clock: int
) -> list[list[str]]:
    names = CAPITAL if names is None else names
    rows = [["Timecode", "BlendShapeCount", *names, *ANGLES]]
    for frame, (row, angles) in enumerate(zip(weights, turns, strict=True)):
        numbers = [f"{number:.4f}" for number in (*row[: len(names)], *angles)]
        rows.append([timecode(frame, **clock), "61", *numbers])
    return rows


def csv(rows: list[list[str]], delimiter: str = ",", end: str = "\n") -> str:
    return "".join(delimiter.join(row) + end for row in rows)


def german(rows: list[list[str]]) -> str:
    return csv([[cell.replace(".", ",") for cell in row] for row in rows], ";", "\r\n")


def timed(names: list[str], times: list[str], weights: np.ndarray = WEIGHTS) -> str:
    rows = [[*names]] + [
        [*time.split(","), *(f"{weight:.4f}" for weight in row)]
        for time, row in zip(times, weights, strict=True)
    ]
    return csv(rows)


def lam(weights: np.ndarray = WEIGHTS, names: tuple[str, ...] = BLENDSHAPES, **more) -> str:
    frames = [{"weights": row.tolist(), "time": i / 30, "rotation": []} for i, row in enumerate(weights)]
    return json.dumps({"names": names, "metadata": {"fps": 30.0}, "frames": frames, **more})


SECONDS = [f"{i / 30:.6f}" for i in range(FRAMES)]
TURNED = {
    "live link": csv(live_link()),
    "german Excel": "\ufeff" + german(live_link()),
    "trailing commas": csv(live_link(), end=",\n"),
    "more trailing commas": csv(live_link(), end=",,,\n"),
    "trailing commas but in the header": csv(live_link()[:1]) + csv(live_link()[1:], end=",\n"),
    "camel case": csv(live_link(names=list(BLENDSHAPES))),
    "small letters": csv(live_link()).replace(csv(live_link()[:1]), csv(live_link()[:1]).lower()),
    "underscores": csv(live_link(names=[n.replace("Left", "_L").replace("Right", "_R") for n in CAPITAL])),
    "bars": csv(live_link(), "|"),
    "told delimiter": "sep=;\n" + csv(live_link(), ";"),
    "51 shapes": csv([[*row[:53], *row[54:]] for row in live_link()]),
    "degrees": csv(live_link(turns=np.rad2deg(TURNS))),
    "clock of thirty": csv(live_link(clock=30, step=1)),
    "another column": csv([[*row, "Confidence" if i == 0 else "0.9"] for i, row in enumerate(live_link())]),
}
STILL = {
    "Audio2Face": timed(
        ["", "timeCode", *(f"blendShapes.{name}" for name in CAPITAL)],
        [f"{i},{SECONDS[i]}" for i in range(FRAMES)],
    ),
    "MediaPipe": timed(
        ["timestamp_ms", "_neutral", *BLENDSHAPES[:-1]],
        [f"{i * 1000 / 30:.3f},0.1" for i in range(FRAMES)],
        WEIGHTS[:, :-1],
    ),
    "LAM": lam(),
    "Audio2Face JSON": json.dumps(
        {"exportFps": 30, "numFrames": FRAMES, "facsNames": BLENDSHAPES, "weightMat": WEIGHTS.tolist()}
    ),
    "MediaPipe JSON": json.dumps(
        [
            {
                "time": i / 30,
                "blendshapes": [
                    {"categoryName": name, "score": weight}
                    for name, weight in zip(BLENDSHAPES, row.tolist(), strict=True)
                ],
            }
            for i, row in enumerate(WEIGHTS)
        ]
    ),
}
STILL["only weights"] = csv([list(BLENDSHAPES), *([f"{w:.4f}" for w in row] for row in WEIGHTS)])


def read(tmp_path: Path, content: str | bytes) -> Motion:
    path = tmp_path / "x.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_motion(path)


def check(motion: Motion, turned: bool) -> None:
    assert (len(motion), motion.frame_rate) == (FRAMES, 30)
    np.testing.assert_allclose(motion.expression, WEIGHTS, atol=1e-4)
    turns = TURNS if turned else np.zeros_like(TURNS)
    np.testing.assert_allclose(motion.rotation, turns[:, :3], atol=1e-4)
    np.testing.assert_allclose(motion.gaze.reshape(-1, 4), turns[:, [3, 4, 6, 7]], atol=1e-4)


@pytest.mark.parametrize("name", TURNED)
def test_live_link_face_is_read_as_people_have_it(tmp_path: Path, name: str):
    check(read(tmp_path, TURNED[name]), turned=True)


@pytest.mark.parametrize("name", STILL)
def test_other_programs_are_read(tmp_path: Path, name: str):
    check(read(tmp_path, STILL[name]), turned=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_any_encoding_and_delimiter_will_do(tmp_path: Path, encoding: str, delimiter: str):
    text = "# Aufnahme für größere Köpfe\n" + csv(live_link(), delimiter, "\r\n")
    check(read(tmp_path, text.encode(encoding)), turned=True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TURNED["german Excel"], "Live Link Face (semicolons and decimal commas): 80 frames at 30 frames/s"),
        (TURNED["51 shapes"], "tongueOut is missing and stays 0"),
        (TURNED["degrees"], "angles up to 23 are taken for degrees"),
        (TURNED["clock of thirty"], "counts 30 frames a second"),
        (TURNED["another column"], 'column "Confidence" left out'),
        (STILL["Audio2Face"], "a file of Audio2Face"),
        (
            STILL["MediaPipe"],
            "MediaPipe: 80 frames at 30 frames/s; times are taken for milliseconds; tongueOut",
        ),
        (STILL["only weights"], "tells no times"),
        (STILL["LAM"], "(JSON)"),
    ],
)
def test_what_was_understood_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, told: str
):
    read(tmp_path, content)
    assert told in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["live link", "camel case", "trailing commas"])
def test_of_what_is_usual_nobody_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str):
    read(tmp_path, TURNED[name])
    assert not caplog.records


@pytest.mark.parametrize(
    ("clock", "step", "frames", "rate"),
    [(60, 2, 45, 30), (60, 1, 90, 60), (30, 1, 45, 30), (25, 1, 40, 25), (24, 1, 36, 24), (60, 2, 20, 30)],
)
def test_the_clock_of_a_short_file_is_read_where_a_second_ends(
    tmp_path: Path, clock: int, step: int, frames: int, rate: float
):
    rows = live_link(clock=clock, step=step)[: frames + 1]
    if frames * step > FRAMES:
        rows = live_link(np.tile(WEIGHTS, (2, 1)), np.tile(TURNS, (2, 1)), clock=clock, step=step)[
            : frames + 1
        ]
    motion = read(tmp_path, csv(rows))
    assert (len(motion), motion.frame_rate) == (frames, rate)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            csv([[*row[:2], *row[3:]] for row in live_link()]),
            'taken for a file of Live Link Face, but lacks column "EyeBlinkLeft"',
        ),
        (german(live_link(names=["", *CAPITAL[1:]])), 'column without a name after "BlendShapeCount"'),
        (
            german(live_link(names=[*CAPITAL[:-1], "Tongue"])),
            'semicolons.*lacks column "TongueOut".*"Tongue"',
        ),
        (csv(live_link(names=[*CAPITAL[:-1], "jawOpen"])), 'repeats columns "JawOpen", "jawOpen"'),
        (csv(live_link(turns=TURNS * 5000)), "has an angle of"),
        (csv([["a", "b"], ["1", "2"]]), 'neither.*begins with columns "a", "b"'),
        (csv([["time", "b"], ["1", "2"]]), "too few of ARKit's"),
        (lam(names=("browLowerL", *BLENDSHAPES[1:])), "EyeBlinkLeft|eyeBlinkLeft"),
        (lam(WEIGHTS[:, :51]), "51 weights in frame 1 where it names 52"),
        (lam(WEIGHTS * 100), "weights must lie within 0 and 1"),
        ("{", "no JSON file"),
        ('{"frames": []}', "no list of frames"),
        ('{"frames": [[]]}', "neither"),
        ("[" * 100_000, "no JSON file"),
        ("x," * 60_000, "100,000 letters"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_was_seen(tmp_path: Path, content: str, message: str):
    with pytest.raises(InputError, match=message) as failure:
        read(tmp_path, content)
    assert "\n" not in str(failure.value)


def test_excels_times_and_percentages_stay_errors(tmp_path: Path):
    for content, message in (
        (csv(live_link()).replace("10:00:", "0.4166"), "timecode"),
        (csv(live_link(WEIGHTS * 100)), "must lie within 0 and 1"),
    ):
        with pytest.raises(InputError, match=message):
            read(tmp_path, content)


def test_rotation_beyond_a_quarter_turn_stays_radians(tmp_path: Path):
    turns = TURNS.copy()
    turns[:, 2] += 2.6
    torch.testing.assert_close(
        read(tmp_path, csv(live_link(turns=turns))).rotation,
        torch.tensor(turns[:, :3], dtype=torch.float32),
        atol=1e-4,
        rtol=0,
    )
