"""Content Credentials put into files and read back, by a process of its own with bounded memory and time."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cameo3d.errors import CredentialsError
from cameo3d.media.files import shown
from cameo3d.provenance.keys import installation_root, load_credentials
from cameo3d.provenance.manifest import KINDS, SIDECAR_KINDS, kind_of, manifest, sidecar
from cameo3d.provenance.origin import Origin

LARGEST = 1 << 30
"""Bytes of a file that is signed or whose credentials are read; the library needs twice as much memory."""
_BASE_MEMORY = 1 << 30  # of address space for Python and the library, before any file
_SECONDS = 300
_GENERATED = {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"}


@dataclass(frozen=True)
class CredentialsReading:
    """What a file's credentials say."""

    intact: bool
    """Whether the signature is right and nothing was changed since."""
    ours: bool
    """Whether this installation's key signed."""
    generated: bool
    """Whether they say that a trained model made the file, or parts of it."""
    tool: str
    """What made the file, with its version."""
    model: str | None
    """Our avatar model, if we made it."""
    signer: str
    """Who the certificate names; without a known issuer that is a claim."""
    known: bool
    """Whether the issuer is trusted: this installation's root, or one on the reader's own list."""
    mark: str | None
    """The id of our invisible mark, if they name one."""
    problems: tuple[str, ...]
    """C2PA's codes of what is wrong."""


def sign_files(paths: Sequence[Path], origin: Origin, marked: bool) -> None:
    """Put credentials into files, or next to those of a kind that cannot hold them.

    Args:
        paths: Complete files; each is replaced at once, or left as it was.
        origin: From what they were made.
        marked: Whether they carry the invisible mark.

    Raises:
        CredentialsError: If the key cannot be used, a file is too large, or signing failed.
    """
    if not paths:
        return
    credentials = load_credentials()
    for path in paths:
        if path.stat().st_size > LARGEST:
            raise CredentialsError(f"{shown(path)} is larger than {LARGEST >> 30} GiB, which is not signed.")
    temporary = {path: path.with_name(f".cameo3d-{secrets.token_hex(6)}{path.suffix}") for path in paths}
    try:
        _ask(
            {
                "task": "sign",
                "algorithm": credentials.algorithm,
                "chain": credentials.chain.decode(),
                "key": credentials.key.decode(),
                "files": [
                    {
                        "source": str(path),
                        "target": str(temporary[path]),
                        "kind": KINDS[path.suffix.lower()],
                        "apart": path.suffix.lower() in SIDECAR_KINDS,
                        "manifest": manifest(origin, KINDS[path.suffix.lower()], marked),
                    }
                    for path in paths
                ],
            },
            max(path.stat().st_size for path in paths),
        )
        for path in paths:
            apart = path.suffix.lower() in SIDECAR_KINDS
            temporary[path].chmod(path.stat().st_mode)
            os.replace(temporary[path], sidecar(path) if apart else path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CredentialsError(f"{shown(paths[0])} could not be signed ({reason}).") from error
    finally:
        for path in temporary.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def read_credentials(path: Path) -> CredentialsReading | None:
    """What a file's credentials say; None if it has none. Nothing is fetched from anywhere.

    Raises:
        CredentialsError: If they cannot be read: damaged, or the file is too large.
    """
    size = path.stat().st_size
    kind = kind_of(path)
    apart = sidecar(path) if kind == KINDS[".webm"] else None
    if kind is None or (apart is not None and not apart.is_file()):
        return None
    for one in (path, apart):
        if one is not None and one.stat().st_size > LARGEST:
            raise CredentialsError(
                f"{shown(one)} is larger than {LARGEST >> 30} GiB; its credentials are not read."
            )
    root = installation_root()
    answer = _ask(
        {
            "task": "read",
            "source": str(path),
            "kind": kind,
            "apart": None if apart is None else str(apart),
            "root": None if root is None else root.decode(),
        },
        size,
    )
    if not answer["found"]:
        return None
    state = answer["state"]
    return CredentialsReading(
        intact=state in ("Valid", "Trusted"),
        ours=state == "Trusted" and root is not None,
        generated=bool(_GENERATED & set(answer["source_types"])),
        tool=f"{answer['tool']} {answer['version']}".removesuffix(" None"),
        model=answer["model"],
        signer=f"{answer['subject']}, {answer['issuer']}",
        known=state == "Trusted",
        mark=answer["mark"],
        problems=tuple(answer["failures"]),
    )


def _ask(task: dict, size: int) -> dict:
    """Let the other process do a task about a file of some size."""
    task = {**task, "memory": _BASE_MEMORY + 3 * size}
    command = [sys.executable, "-P", "-m", "cameo3d.provenance.c2pa_process"]
    try:
        result = subprocess.run(
            command, input=json.dumps(task), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CredentialsError(
            f"Content Credentials took longer than {_SECONDS} seconds; try again."
        ) from error
    try:
        answer = json.loads(result.stdout)
    except ValueError as error:
        raise CredentialsError(
            f"The process for Content Credentials stopped with code {result.returncode}; it may lack memory."
        ) from error
    if "error" in answer:
        raise CredentialsError(f"Content Credentials failed: {answer['error'].rstrip('.')}.")
    return answer
