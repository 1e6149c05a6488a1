"""Jobs as they are kept: a folder each with what came in, what comes out, and job.json, which tells all."""

import dataclasses
import json
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cameo3d.media.files import replacing

Kind = Literal["avatar", "animation", "track"]
State = Literal["queued", "running", "done", "failed", "cancelled"]

_RECORD = "job.json"
CREDENTIALS_SUFFIX = ".c2pa"


@dataclass
class Job:
    """One piece of work. Only the queue changes it."""

    folder: Path
    kind: Kind
    client: str
    """Who sent it; counts towards the client's limit."""
    task: dict[str, Any]
    """What the worker is told."""
    created: float = field(default_factory=time.time)
    """Seconds since 1970."""
    state: State = "queued"
    progress: float = 0.0
    seconds_left: float | None = None
    error: str | None = None
    notices: list[str] = field(default_factory=list)
    """What the command line would have said on the way."""
    result: str | None = None
    """Name of the file in the folder."""
    avatar: str | None = None
    """Id of the job whose result it begins with, while that is not there yet."""
    attempts: int = 0
    """How often a worker began with it."""
    used: float = field(default_factory=time.time)
    """When it was last asked for, in seconds since 1970."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits that nobody can guess."""
        return self.folder.name

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def result_path(self) -> Path | None:
        """The result, if there is one."""
        return None if self.result is None else self.folder / self.result

    def save(self) -> None:
        """Write the record; it is whole at any time."""
        record = dataclasses.asdict(self)
        del record["folder"]
        with replacing(self.folder / _RECORD) as path:
            path.write_text(json.dumps(record))

    @property
    def credentials_path(self) -> Path | None:
        """The signed credentials of a result that cannot hold them itself."""
        path = self.result_path and self.result_path.with_suffix(CREDENTIALS_SUFFIX)
        return path if path and path.exists() else None

    def tidy(self) -> None:
        """Remove all but the record and the result: inputs, and what a killed worker left half written."""
        kept = {self.folder / _RECORD, self.result_path, self.credentials_path}
        for path in self.folder.iterdir():
            if path not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def new_folder(parent: Path) -> Path:
    """Make a folder for a new job."""
    folder = parent / secrets.token_hex(16)
    folder.mkdir(mode=0o700)
    return folder


def load_jobs(parent: Path) -> list[Job]:
    """The jobs that an earlier run of the service left, oldest first; what is no whole job is removed."""
    jobs = []
    for folder in parent.iterdir():
        try:
            record = json.loads((folder / _RECORD).read_text())
            jobs.append(Job(folder, **record))
        except (OSError, ValueError, TypeError):
            shutil.rmtree(folder, ignore_errors=True)
    return sorted(jobs, key=lambda job: job.created)
