"""Write the hashes of all files of each locked version into requirements.lock, as the package index has them.

    python tools/lock_hashes.py

Versions stay as they are: change one by hand, then run this again. Source archives and wheels of other
Pythons are left out.
"""

import json
import re
import urllib.request
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
PYTHONS = {"py3", "py2.py3", "cp311", "cp312", "cp313"}


def hashes(name: str, version: str) -> list[str]:
    """SHA-256 of every wheel that Python 3.11 to 3.13 can take."""
    asked = urllib.request.Request(
        f"https://pypi.org/simple/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        files = json.load(answer)["files"]
    found = sorted(file["hashes"]["sha256"] for file in files if _fits(file["filename"], version))
    assert found, f"no wheel of {name} {version} fits"
    return found


def _fits(filename: str, version: str) -> bool:
    if not filename.endswith(".whl") or filename.split("-")[1] != version:
        return False
    python, abi, _ = filename.removesuffix(".whl").rsplit("-", 3)[1:]
    return (python in PYTHONS and not abi.endswith("t")) or abi == "abi3"


def main() -> None:
    lines = []
    for line in LOCK.read_text("utf8").splitlines():
        if line.lstrip().startswith("--hash"):
            continue
        if found := re.match(r"([\w.-]+)==([\w.+]+)", line):
            lines.append(
                " \\\n".join([found[0], *(f"    --hash=sha256:{one}" for one in hashes(*found.groups()))])
            )
        else:
            lines.append(line)
    LOCK.write_text("\n".join(lines) + "\n", "utf8")


if __name__ == "__main__":
    main()
