"""The package as it is installed: quick to import, with a complete lock."""

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cameo3d

ROOT = Path(__file__).parents[1]
LEFT_OUT = {"typer", "hf-xet"}
"""Declared by transformers, needed by nothing here."""


def test_import_loads_no_heavy_library():
    program = "import sys, cameo3d, cameo3d.app.cli; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in result.stdout.split()}
    assert "cameo3d" in loaded
    assert not loaded & {"torch", "numpy", "cv2", "av", "numba", "scipy", "skimage"}


@pytest.mark.parametrize("name", [name for name in cameo3d.__all__ if name != "__version__"])
def test_public_names_are_found_in_their_homes(name):
    assert getattr(cameo3d, name) is not None


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'portrait'"):
        _ = cameo3d.portrait


def locked_versions() -> dict[str, str]:
    text = "".join(path.read_text("utf8") for path in ROOT.glob("requirements*.lock"))
    pinned = re.findall(r"^([\w.-]+)==([\w.+]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pinned}


def declared_requirements() -> set[str]:
    """Names of all that cameo3d[dev,studio,text,webrtc] asks for, also through others, but LEFT_OUT."""
    found, pending = set(), [("cameo3d", extra) for extra in ("dev", "studio", "text", "webrtc")]
    while pending:
        name, extra = pending.pop()
        for text in requires(name) or []:
            needed = Requirement(text)
            child = canonicalize_name(needed.name)
            if child in LEFT_OUT or (needed.marker and not needed.marker.evaluate({"extra": extra})):
                continue
            if child not in found or needed.extras:
                found.add(child)
                pending += [(child, part) for part in ("", *needed.extras)]
    return found


def test_lock_is_complete_and_holds_nothing_else():
    build_tool = {"setuptools"}
    assert set(locked_versions()) == declared_requirements() | build_tool


def test_every_locked_file_but_those_of_torch_has_a_hash():
    text = (ROOT / "requirements.lock").read_text("utf8").replace("\\\n", "")
    pinned = [line for line in text.splitlines() if "==" in line]
    assert pinned
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", line) for line in pinned)


def test_lock_satisfies_the_declared_ranges():
    locked = locked_versions()
    for name in ("cameo3d", *locked):
        for needed in map(Requirement, requires(name) or []):
            version = locked.get(canonicalize_name(needed.name))
            if version and not (needed.marker and not needed.marker.evaluate({"extra": ""})):
                assert needed.specifier.contains(version, prereleases=True), f"{name} needs {needed}"


def test_changelog_and_citation_name_the_version():
    version = re.escape(cameo3d.__version__)
    assert re.search(rf"^## {version}\b", (ROOT / "CHANGELOG.md").read_text("utf8"), re.MULTILINE)
    assert re.search(rf"^version: {version}$", (ROOT / "CITATION.cff").read_text("utf8"), re.MULTILINE)
