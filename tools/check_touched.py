"""Check what has been touched since main, quickly: lint, types of touched files, tests of touched modules.

    make check

Tests mirror the package: those of `geometry/eyes.py` are `tests/geometry/test_eyes.py`, and of a module
without such a file the tests that import it by name. `make test` checks everything.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
MOST_IMPORTERS = 3
"""A module that more tests import than these is everybody's, and left to `make test`."""


def git(*words: str) -> list[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )


def touched() -> list[Path]:
    """Python files that differ from where this branch left main, or that git does not know yet."""
    base = git("merge-base", "HEAD", "main")[0]
    names = {*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")}
    return sorted(Path(name) for name in names if name.endswith(".py") and (ROOT / name).exists())


def tests_of(path: Path, tests: dict[Path, str]) -> set[Path]:
    """The tests of a touched file; itself if it is one."""
    if path.parts[0] == "tests":
        return {path} if path.name.startswith("test_") else set()
    if path.parts[:2] != ("src", "cameo3d"):
        return set()
    inside = path.relative_to("src/cameo3d")
    mirror = Path("tests") / inside.with_name(f"test_{inside.name}")
    if mirror in tests:
        return {mirror}
    name = ".".join(("cameo3d", *inside.with_suffix("").parts))
    found = {test for test, text in tests.items() if re.search(rf"from {re.escape(name)} import", text)}
    return found if len(found) <= MOST_IMPORTERS else set()


def main() -> int:
    start = time.perf_counter()
    files = touched()
    texts = {path.relative_to(ROOT): path.read_text("utf8") for path in (ROOT / "tests").rglob("test_*.py")}
    tests = {Path("tests/test_layers.py")}.union(*(tests_of(path, texts) for path in files))
    commands = [["ruff", "check"], ["ruff", "format", "--check"]]
    if files:
        commands.append(["pyright", *map(str, files)])
    commands.append(["pytest", "-q", "-p", "no:cacheprovider", *map(str, sorted(tests))])
    codes = []
    for command in commands:
        print("+", *command, flush=True)
        codes.append(subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT).returncode)
    print(f"{len(files)} files, {len(tests)} test files, {time.perf_counter() - start:.0f} s")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
