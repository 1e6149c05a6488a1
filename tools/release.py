"""Build the wheel and the source archive, check them, and list what is in them: `make release`.

Checked: CHANGELOG.md and CITATION.cff name the version, the licences are inside, the wheel holds all files of
the package and nothing else, and no file names a folder of this machine.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "cameo3d"
LARGEST = 25e6
"""Bytes; what a wheel may have at most."""


def version() -> str:
    found = re.search(r'__version__ = "(.+)"', (PACKAGE / "__init__.py").read_text("utf8"))
    assert found, "the package names no version"
    return found[1]


def problems(wheel: Path, source: Path) -> list[str]:
    """What is wrong with the two files, one sentence each."""
    named = version()
    found = []
    if not re.search(rf"^## {re.escape(named)}\b", (ROOT / "CHANGELOG.md").read_text("utf8"), re.MULTILINE):
        found.append(f"CHANGELOG.md has no heading {named}")
    if f"version: {named}" not in (ROOT / "CITATION.cff").read_text("utf8"):
        found.append(f"CITATION.cff does not name version {named}")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        private = re.compile(rb"/work/|/root/|/home/\w+/")
        found += [
            f"{name} names a folder of this machine" for name in inside if private.search(archive.read(name))
        ]
    tracked = set(_tracked("src/cameo3d"))
    shipped = {name for name in inside if name.startswith("cameo3d/")}
    found += [f"{name} is missing in the wheel" for name in sorted(tracked - shipped)]
    found += [f"{name} should not be in the wheel" for name in sorted(shipped - tracked)]
    for licence in ("LICENSE", "NOTICE"):
        if not any(name.endswith(f"licenses/{licence}") for name in inside):
            found.append(f"{licence} is missing in the wheel")
    with tarfile.open(source) as archive:
        top = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    for needed in ("LICENSE", "NOTICE", "README.md", "pyproject.toml", "src/cameo3d/__init__.py"):
        if needed not in top:
            found.append(f"{needed} is missing in the source archive")
    if wheel.stat().st_size > LARGEST:
        found.append(f"the wheel has {wheel.stat().st_size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}")
    return found


def _tracked(folder: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name.removeprefix("src/") for name in listed.stdout.splitlines()]


def show(wheel: Path, source: Path) -> None:
    """Sizes by folder, the largest files, and the licences."""
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
        metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        licences = re.findall(r"^License.*$", archive.read(metadata).decode(), re.MULTILINE)
    sizes: Counter[str] = Counter()
    for entry in entries:
        sizes["/".join(entry.filename.split("/")[:2])] += entry.file_size
    for name, size in sorted(sizes.items()):
        print(f"{size / 1e3:10.1f} kB  {name}")
    print(*licences, sep="\n")
    for path in (wheel, source):
        print(f"{path.stat().st_size / 1e6:10.2f} MB  {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out = parser.parse_args().out
    for old in out.glob("cameo3d-*"):
        old.unlink()
    # In the current environment, whose setuptools pyproject.toml asks for; nothing is fetched.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    wheel, source = next(out.glob("*.whl")), next(out.glob("*.tar.gz"))
    show(wheel, source)
    if found := problems(wheel, source):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
