"""docs/coming_from.md names every flag of the official programs, and only options that we have."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "coming_from.md").read_text("utf8")
PROGRAMS = {
    "`inference/real3d_infer.py`": """
        --a2m_ckpt --head_ckpt --torso_ckpt --src_img --bg_img --drv_aud --drv_pose --blink_mode --temperature
        --mouth_amp --head_torso_threshold --out_name --out_mode --map_to_init_pose --seed
        --min_face_area_percent --low_memory_usage
    """,
    "GOHA: `demo.py` and `test_celeba_cross.py`": """
        --config --checkpoint --savedir --source_path --target_path --frame_limit --image_limit
        --celeba_path --transfer_pose --test_sample_number
    """,
}


def rows(heading: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.fixture(scope="module")
def options() -> set[str]:
    """All options of the commands that the page names."""
    found: set[str] = set()
    for command in ("animate", "evaluate", "weights", "track", "mesh"):
        program = "from cameo3d.app.cli import main; main()"
        words = [sys.executable, "-c", program, command, "--help"]
        told = subprocess.run(
            words, capture_output=True, text=True, check=True, env={"COLUMNS": "500"}
        ).stdout
        found |= set(re.findall(r"--[a-z][a-z0-9-]*", told))
    return found


@pytest.mark.parametrize("heading", PROGRAMS)
def test_every_official_flag_stands_next_to_ours(heading):
    named = " ".join(row[0] for row in rows(heading))
    told = set(re.findall(r"--[a-z_0-9]+", named))
    assert told == set(PROGRAMS[heading].split())
    assert all(row[1] for row in rows(heading))


@pytest.mark.parametrize("heading", PROGRAMS)
def test_every_option_that_is_named_as_ours_exists(heading, options):
    named = " ".join(row[1] for row in rows(heading))
    told = set(re.findall(r"--[a-z][a-z0-9-]*", named))
    assert len(told) >= 6
    assert told <= options
