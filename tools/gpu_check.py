"""Run the steps of tools/gpu_steps.py, most telling first, within a time; see gpu_check.sh."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

STEPS = (
    ("machine", 20), ("drawings", 45), ("networks", 60), ("clip-real3d-fast", 60), ("clip-goha-fast", 60),
    ("clip-real3d", 50), ("clip-goha", 50), ("training", 60), ("stages-real3d", 60), ("stages-goha", 60),
    ("tests", 90), ("lite", 60), ("parity", 90),
)  # fmt: skip
"""By value, each with its most seconds on a GPU's machine."""
SECONDS = 450.0
"""For all; what does not fit is left out, and done when the script is called again with the same folder."""
ROOT = Path(__file__).parents[1]
TESTS = {"tests": ["tests/models/test_steady_frames.py", "tests/blocks"], "parity": ["tests/parity"]}


def main(out: Path, device: str, factor: float) -> int:
    """Run what is not done yet; 1 if anything failed."""
    out.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + SECONDS * factor
    for name, most in STEPS:
        if _kept(out, name).get("ended") == "passed":
            print(f"== {name}: kept")
            continue
        left = ends - time.monotonic()
        if left < 10:
            print(f"== {name}: left out, the time is over")
            continue
        _run(out, name, device, min(most * factor, left))
        _summarise(out, device)  # after every step: whoever ends this keeps what is there
    return int(any(_kept(out, name).get("ended") != "passed" for name, _ in STEPS))


def _run(out: Path, name: str, device: str, limit: float) -> None:
    print(f"== {name}, at most {limit:.0f} s", flush=True)
    rows, log, begun = out / f"{name}.json", out / f"{name}.txt", time.monotonic()
    command = [sys.executable, str(ROOT / "tools/gpu_steps.py"), name, device, str(rows)]
    if name in TESTS:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "addopts=",
            *TESTS[name],
        ]
    ours = (str(ROOT / part) for part in ("src", "tools", "tests"))
    paths = (*ours, os.environ.get("PYTHONPATH", ""))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    with log.open("w") as file:
        try:
            code = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, timeout=limit
            ).returncode
            ended = "passed" if code == 0 else f"failed with {code}"
        except subprocess.TimeoutExpired:
            ended = "stopped at its limit"
    said = log.read_text(errors="replace").splitlines()[-60:]
    made = json.loads(rows.read_text()) if rows.exists() else []
    if ended == "passed" and not all(row["met"] for row in made):
        ended = "a figure is not what it must be"
    if name in TESTS and said:
        made = [{"name": name, "value": said[-1].strip(), "unit": "", "goal": "", "met": ended == "passed"}]
    kept = {"ended": ended, "seconds": round(time.monotonic() - begun, 1), "rows": made, "said": said}
    (out / f"{name}.kept.json").write_text(json.dumps(kept, indent=1))
    print(
        "\n".join([] if ended == "passed" else said[-12:]),
        f"{name}: {ended}, {kept['seconds']} s",
        flush=True,
    )


def _kept(out: Path, name: str) -> dict:
    path = out / f"{name}.kept.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _summarise(out: Path, device: str) -> None:
    """All rows in one JSON file, and as tables for docs/benchmarks.md."""
    kept = {name: _kept(out, name) for name, _ in STEPS}
    (out / "summary.json").write_text(json.dumps({"device": device, "steps": kept}, indent=1))
    lines = (
        []
        if device == "cuda"
        else ["A rehearsal on a processor, at small sizes: its figures say nothing.", ""]
    )
    for name, step in kept.items():
        if not step:
            lines += [f"### {name}", "", "not run", ""]
            continue
        lines += [f"### {name}", "", f"{step['ended']}, {step['seconds']} s", ""]
        if step["rows"]:
            lines += ["| figure | value | goal |", "| --- | ---: | --- |"]
            lines += [
                f"| {r['name']} | {_shown(r['value'])} {r['unit']} | {r['goal']} |" for r in step["rows"]
            ]
            lines.append("")
    (out / "summary.md").write_text("\n".join(lines), "utf8")


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
