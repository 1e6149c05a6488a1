"""A row's job for tests; its text says what it does. Light, since every worker imports it."""

import json
import os
import signal
import time
from pathlib import Path

from cameo3d.errors import InputError


def row_job(task: dict, tell) -> list[str]:
    match task["text"]:
        case "fail":
            raise InputError("The photo shows no face;\ngive another.")
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(60)
    (Path(task["folder"]) / task["out"]).write_text(json.dumps(task["options"]))
    return []
