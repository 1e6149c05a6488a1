"""The glossary leads to files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_file_and_folder_that_the_glossary_names_is_there():
    text = (ROOT / "docs" / "glossary.md").read_text("utf8")
    named = re.findall(r"`([a-z0-9_]+(?:/[a-z0-9_]+)*(?:/|\.py))`", text)
    assert len(named) > 25
    assert [name for name in named if not (ROOT / "src" / "cameo3d" / name).exists()] == []
