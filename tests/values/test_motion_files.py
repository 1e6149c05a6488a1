import csv
import dataclasses

import numpy as np
import pytest
import torch

from cameo3d.errors import InputError, OutputError
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion_files import load_motion, save_motion

LIVE_LINK_ANGLES = [
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
]
LIVE_LINK_HEADER = ["Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in BLENDSHAPES)]


def random_motion(frame_count=7, frame_rate=25.0):
    generator = torch.Generator().manual_seed(0)
    angles = torch.randn(frame_count, 10, generator=generator) * 0.3
    return Motion(
        torch.rand(frame_count, 52, generator=generator),
        angles[:, :3],
        angles[:, 3:6],
        angles[:, 6:].reshape(-1, 2, 2),
        frame_rate,
        "a clip, with a comma",
    )


def assert_same(one, other, tolerance=1e-5):
    for field in ("expression", "rotation", "translation", "gaze"):
        torch.testing.assert_close(getattr(one, field), getattr(other, field), rtol=0, atol=tolerance)
    assert one.frame_rate == pytest.approx(other.frame_rate)


def edited(path, edit):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(edit(lines) or lines) + "\n")


def with_first_weight(line, text):
    return line.replace(line.split(",")[1], text, 1)


@pytest.fixture
def own(tmp_path):
    save_motion(random_motion(), tmp_path / "motion.csv")
    return tmp_path / "motion.csv"


def live_link(path, rows, angles=True):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(LIVE_LINK_HEADER + (LIVE_LINK_ANGLES if angles else []))
        writer.writerows(rows)
    return path


def live_link_row(frame, value=0.0, angles=(), clock=60, hour=12):
    seconds, part = divmod(frame, clock)
    return [f"{hour}:00:{seconds:02d}:{part:02d}.250", 61, *[value] * 52, *angles]


@pytest.mark.parametrize("frame_rate", [25.0, 30000 / 1001, 12.5])
def test_a_motion_comes_back_as_it_was(tmp_path, frame_rate):
    motion = random_motion(9, frame_rate)
    save_motion(motion, tmp_path / "with space.csv")
    back = load_motion(tmp_path / "with space.csv")
    assert_same(back, motion)
    assert back.source == motion.source


def test_a_single_frame_comes_back(tmp_path):
    save_motion(random_motion(1), tmp_path / "one.csv")
    assert_same(load_motion(tmp_path / "one.csv"), random_motion(1))


def test_the_order_of_columns_does_not_matter(own):
    with own.open() as file:
        comments = [next(file) for _ in range(3)]
        rows = list(csv.DictReader(file))
    with own.open("w", newline="") as file:
        file.writelines(comments)
        writer = csv.DictWriter(file, list(rows[0])[::-1])
        writer.writeheader()
        writer.writerows(rows)
    assert_same(load_motion(own), random_motion())


def test_a_source_of_several_lines_stays_one_comment(tmp_path):
    save_motion(dataclasses.replace(random_motion(), source="a\n# frame_rate: 7\nb"), tmp_path / "x.csv")
    assert load_motion(tmp_path / "x.csv").frame_rate == 25


def test_without_comments_the_rate_is_read_off_the_times(own):
    edited(own, lambda lines: lines[3:])
    assert_same(load_motion(own), random_motion())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda lines: [line.replace("jawOpen", "jawOpened") for line in lines], '"jawOpen".*"jawOpened"'),
        (lambda lines: lines[:-1] + [lines[-1] + ",0"], "64 values in line 11"),
        (lambda lines: lines[:-1] + [lines[-1][: lines[-1].rindex(",")]], "62 values in line 11"),
        (lambda lines: [*lines[:-1], with_first_weight(lines[-1], "nan")], '"nan" for eyeBlinkLeft'),
        (lambda lines: [*lines[:-1], with_first_weight(lines[-1], "")], "eyeBlinkLeft in line 11"),
        (lambda lines: [*lines[:-1], with_first_weight(lines[-1], "2.5")], "2.5 for eyeBlinkLeft"),
        (lambda lines: lines[:4], "no frames"),
        (lambda lines: lines[:3], "neither"),
        (lambda lines: lines[:4] + lines[:3:-1], "back in time in line 6"),
        (lambda lines: ["# frame_rate: fast", *lines[3:]], '"fast"'),
        (lambda lines: ["# frame_rate: 0", *lines[3:]], '"0"'),
        (lambda lines: [lines[3] + ",jawOpen", *(line + ",0" for line in lines[4:])], "repeats column"),
        (lambda lines: lines[:4] + [lines[4]] * 3, "same time"),
        (lambda lines: ["# frame_rate: 25", *lines[3:5], "9e9" + lines[5][lines[5].index(",") :]], "spans"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(own, edit, message):
    edited(own, edit)
    with pytest.raises(InputError, match=message):
        load_motion(own)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\xff\xfe", b"\x00" * 50, b"a,b\n1,2\n", b"# only\n", b" \n"]
)
def test_what_is_no_motion_file_is_refused(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.csv"):
        load_motion(tmp_path / "x.csv")


def test_an_empty_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "x.csv").touch()
    for name in ("x.csv", "y.csv"):
        with pytest.raises(InputError, match="motion file"):
            load_motion(tmp_path / name)


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "x.csv").open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(InputError, match="100 MB"):
        load_motion(tmp_path / "x.csv")


def test_weights_a_little_outside_are_clamped_with_a_notice(own, caplog):
    edited(own, lambda lines: [*lines[:-1], with_first_weight(lines[-1], "1.08")])
    assert load_motion(own).expression[-1, 0] == 1
    assert "clamped" in caplog.text


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises((OutputError, FileNotFoundError)):
        save_motion(random_motion(), tmp_path / "nowhere" / "x.csv")


def test_live_link_angles_keep_their_sign_and_unit(tmp_path):
    angles = np.arange(1, 10) / 10
    path = live_link(tmp_path / "x.csv", [live_link_row(2 * i, i / 100, angles) for i in range(80)])
    motion = load_motion(path)
    assert motion.frame_rate == 30
    assert len(motion) == 80
    torch.testing.assert_close(motion.rotation[5], torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(motion.gaze[5], torch.tensor([[0.4, 0.5], [0.7, 0.8]]))
    torch.testing.assert_close(motion.translation[5], torch.tensor([0.0, 0.0, 1.0]))
    torch.testing.assert_close(motion.expression[5], torch.full((52,), 0.05))


def test_live_link_frames_without_a_face_or_lost_are_filled_in(tmp_path):
    rows = [live_link_row(2 * i, i / 100) for i in range(80)]
    rows[10] = [rows[10][0], 0]
    del rows[20:22]
    rows.insert(40, rows[39])
    motion = load_motion(live_link(tmp_path / "x.csv", rows, angles=False))
    assert len(motion) == 80
    torch.testing.assert_close(motion.expression[:, 0], torch.arange(80) / 100)


def test_live_link_recordings_run_over_midnight(tmp_path):
    rows = [live_link_row(2 * i + 1800, hour=23) for i in range(10)]
    for i, row in enumerate(rows):
        row[0] = f"23:59:59:{40 + 2 * i:02d}.0"
    rows += [[f"00:00:00:{2 * i:02d}.0", *row[1:]] for i, row in enumerate(rows)]
    motion = load_motion(live_link(tmp_path / "x.csv", rows, angles=False))
    assert (len(motion), motion.frame_rate) == (20, 30)


def test_a_live_link_file_without_a_shape_is_refused(tmp_path):
    path = live_link(tmp_path / "x.csv", [live_link_row(i) for i in range(3)], angles=False)
    path.write_text(path.read_text().replace("TongueOut", "Tongue"))
    with pytest.raises(InputError, match='lacks column "TongueOut" and has the unknown column "Tongue"'):
        load_motion(path)


def test_a_live_link_file_without_a_clock_is_refused(tmp_path):
    path = live_link(tmp_path / "x.csv", [["now", *live_link_row(i)[1:]] for i in range(3)], angles=False)
    with pytest.raises(InputError, match='timecode "now" in line 2'):
        load_motion(path)
