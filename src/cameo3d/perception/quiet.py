"""MediaPipe without the notes that its C++ code writes to the error stream."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_mediapipe() -> Iterator[None]:
    """Keep what MediaPipe's C++ code writes to the error stream off it; it offers no switch for that."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
