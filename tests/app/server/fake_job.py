"""A job for tests of the queue: what it does stands in the request's text."""

import os
import signal
import time
from pathlib import Path

from cameo3d.errors import InputError


def fake_job(task: dict, tell) -> list[str]:
    word, _, value = task.get("text", "write").partition(" ")
    match word:
        case "fail":
            raise InputError("The photo shows no face; give another.")
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os._exit(3)
        case "break":
            raise ZeroDivisionError
        case "sleep":
            tell(0.5)
            (Path(task["folder"]) / "half.mp4").write_bytes(b"half")
            time.sleep(float(value))
        case "grow":
            held = []
            while True:
                held.append(b"x" * (1 << 26))
                time.sleep(0.05)
        case "hoard":
            bytearray(1 << 40)
    (Path(task["folder"]) / task["out"]).write_bytes(bytes(range(256)))
    return [] if word == "write" else [word]
