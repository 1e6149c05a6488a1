"""Opens the studio's page once the server answers, where there is a screen."""

import os
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser

_PATIENCE_SECONDS = 60.0


def open_when_ready(port: int) -> None:
    """Wait in the background for the server at a port, then open it in the user's browser."""
    screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if port and screen:
        threading.Thread(target=_open, args=(f"http://127.0.0.1:{port}",), daemon=True).start()


def _open(address: str) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/v1/health", timeout=2):
                webbrowser.open(address)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
