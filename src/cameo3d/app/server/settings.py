"""What the service is started with: where it listens, who may call it, and how much it takes on."""

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from cameo3d.errors import InputError


@dataclass(frozen=True)
class Limits:
    """How much the service takes on before it says no."""

    body_mib: int = 256
    """Largest request, in MiB."""
    megapixels: float = 50.0
    """Largest photo, and largest frame of a video."""
    seconds: float = 600.0
    """Longest voice, video or motion, in seconds."""
    text_characters: int = 10_000
    """Longest text to speak."""
    queue: int = 512
    """Jobs that may wait."""
    jobs_per_client: int = 256
    """Jobs of one address that may wait or run."""
    run_seconds: float = 1800.0
    """Longest time that a job may run."""
    memory_gib: float = 4.0
    """Most memory that a worker process may take."""
    upload_grace_seconds: float = 20.0
    """A request may pause for so long; its bytes should come at 16 KiB a second or faster."""
    connections: int = 512
    """Connections at a time."""
    keep_hours: float = 24.0
    """Results and avatars are removed so long after they were last asked for."""
    disk_gib: float = 20.0
    """Most that the data folder may hold before jobs are refused."""


@dataclass(frozen=True)
class Settings:
    """What the service is started with."""

    data: Path
    """Folder for jobs and results; nobody else may read it."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 7860
    """Port to listen at; 0 takes a free one."""
    token: str | None = None
    """What callers send as `Authorization: Bearer TOKEN`; None lets every program of this machine in."""
    workers: int = 0
    """Jobs that run at a time, each in its own process; 0 means one for every two cores."""
    origins: tuple[str, ...] = ()
    """Web origins whose pages may call the service (CORS), such as "https://app.example"."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InputError(f"The port {self.port} does not exist; give one from 1 to 65535.")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token):
            raise InputError("The token should be one or more plain ASCII characters.")
        if not self.is_local and self.token is None:
            raise InputError(f"The host {self.host} can be reached from outside; give a --token, too.")

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def worker_count(self) -> int:
        """Jobs that run at a time."""
        return self.workers or max(1, (os.cpu_count() or 1) // 2)
