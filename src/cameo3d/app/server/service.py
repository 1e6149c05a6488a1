"""What the routes work with."""

import time
from collections import Counter
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from cameo3d.app.server.queue import Queue
from cameo3d.app.server.settings import Settings


@dataclass
class Service:
    """What the routes work with: `request.app.state.service`."""

    settings: Settings
    queue: Queue
    answers: Counter[int] = field(default_factory=Counter)
    """Answers since the service began, by status."""
    began: float = field(default_factory=time.monotonic)


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request, or a WebSocket, came to. A route asks for it by `Depends(service_of)`."""
    return connection.app.state.service
