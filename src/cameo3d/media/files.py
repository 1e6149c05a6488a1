"""Paths that a user gave: what may be read, where may be written, and never half a file."""

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cameo3d.errors import InputError, OutputError

_URL = re.compile(
    r"(?i)[a-z][a-z0-9+.-]+:/"
    r"|(https?|ftp|rtsps?|rtmps?|rtp|srtp?|udp|tcp|tls|mms|hls|file|pipe|fd|data|concat|subfile|crypto):"
)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def shown(path: Path | str) -> str:
    """A path or a text as it stands in a message: in quotes, on one line, whatever its name holds."""
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path)) + '"'


def check_input(path: Path, what: str) -> Path:
    """Accept only a plain local file that can be read and holds something.

    Args:
        path: What the user gave.
        what: What it is for, such as "photo"; it begins the message.

    Returns:
        The same path.

    Raises:
        InputError: If it is a URL, a device, a folder, a pipe or a socket, or if it is missing,
            unreadable or empty.
    """
    name = f"The {what} {shown(path)}"
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if _URL.match(str(path)):
            raise InputError(f"{name} is a URL; download it and give the local file.") from error
        raise InputError(f"{name} does not exist; check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise InputError(f"{name} cannot be opened ({_reason(error)}); check the path.") from error

    if _is_device(path) or stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        raise InputError(f"{name} is a device path; give a file.")
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{name} is a folder; give a file.")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name} is a pipe or a socket; save it to a file first.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{name} may not be read; check its permissions.")
    if status.st_size == 0:
        raise InputError(f"{name} is empty (0 bytes); give another file.")
    return path


def check_output(path: Path, overwrite: bool) -> Path:
    """Accept only a path where a file can be written. Suffixes are the caller's concern.

    Args:
        path: Where the user wants the result.
        overwrite: Whether a file that is already there may be replaced.

    Returns:
        The same path.

    Raises:
        OutputError: If the folder is missing or read-only, if the path is a folder or a device,
            or if the file exists and may not be replaced.
    """
    _check_parent(path)
    if path.is_dir():
        raise OutputError(f"The output {shown(path)} is a folder; give the name of a file in it.")
    if path.exists() and not path.is_file():
        raise OutputError(f"The output {shown(path)} is a device or a pipe; give the name of a file.")
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"The output {shown(path)} already exists; pass --overwrite to replace it.")
    return path


def check_output_folder(path: Path, overwrite: bool, pattern: str) -> Path:
    """Accept only a path where a new folder can be made.

    Args:
        path: Where the user wants the folder.
        overwrite: Whether a folder that is already there may be replaced.
        pattern: What an older result consists of, such as "frame_*.png"; a folder with anything
            else in it is never replaced.

    Returns:
        The same path.

    Raises:
        OutputError: If the parent is missing or read-only, or if the path exists and may not be
            replaced.
    """
    _check_parent(path)
    if os.path.lexists(path):
        if not path.is_dir() or path.is_symlink():
            raise OutputError(f"The output {shown(path)} is not a folder; give another name.")
        if not overwrite:
            raise OutputError(f"The output {shown(path)} already exists; pass --overwrite to replace it.")
        if any(not entry.match(pattern) for entry in path.iterdir()):
            raise OutputError(f"The output {shown(path)} holds other files; give another folder.")
    return path


def make_folder(path: Path) -> None:
    """Make a folder and all above it, unless it is there.

    Raises:
        OutputError: If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(path)} cannot be made ({_reason(error)}).") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name; it gets its own name only when it is complete.

    The temporary file stands in the same folder and has the same suffix. It is renamed when the
    block ends, and deleted when the block fails for any reason, Ctrl-C included.

    Args:
        path: The final name; a file of that name is replaced.

    Yields:
        The temporary name; an empty file stands there.

    Raises:
        OutputError: If the disk is full or the folder may not be written.
    """
    temporary = _beside(path)
    try:
        with _output_errors(path, temporary):
            _create(temporary)
            mode = temporary.stat().st_mode
            yield temporary
            temporary.chmod(mode)  # some writers make files that nobody else may read
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Fill a folder under a temporary name; it gets its own name only when it is complete.

    Args:
        path: The final name; a folder of that name is replaced (see `check_output_folder`).

    Yields:
        The temporary folder, empty.

    Raises:
        OutputError: If the disk is full or the parent folder may not be written.
    """
    temporary = _beside(path)
    try:
        with _output_errors(path, temporary):
            temporary.mkdir()
            yield temporary
            if path.is_dir():
                shutil.rmtree(path)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _output_errors(path: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise OutputError(
                f"The output {shown(path)} could not be written ({_reason(error)}); make room on the disk."
            ) from error
        # Other files are read meanwhile: only what names our own file is about the output.
        ours = str(error.filename or "").startswith(str(temporary))
        if error.errno == errno.EROFS or (error.errno in _NOT_ALLOWED and ours):
            raise OutputError(
                f"The output {shown(path)} could not be written ({_reason(error)}); choose another folder."
            ) from error
        raise


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _beside(path: Path) -> Path:
    return path.absolute().parent / f".cameo3d-{secrets.token_hex(6)}{path.suffix}"


def _check_parent(path: Path) -> None:
    name = f"The output {shown(path)}"
    if "\0" in str(path) or len(os.fsencode(path.name)) > 255:
        raise OutputError(f"{name} is not a possible file name; choose a shorter, plain one.")
    if _is_device(path):
        raise OutputError(f"{name} is a device path; give the name of a file.")
    parent = path.absolute().parent
    if not os.path.exists(parent):
        raise OutputError(f"{name} cannot be written: its folder does not exist; create it first.")
    if not parent.is_dir():
        raise OutputError(f"{name} cannot be written: {shown(parent)} is not a folder.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{name} cannot be written: its folder is read-only; choose another.")


def _is_device(path: Path) -> bool:
    parts = Path(os.path.abspath(path)).parts
    return parts[1:2] == ("dev",) and parts[2:3] != ("shm",)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
