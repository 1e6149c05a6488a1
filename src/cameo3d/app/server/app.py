"""The service as one FastAPI app, which the page and the live connection are mounted on."""

import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from cameo3d import __version__
from cameo3d.app.server import routes
from cameo3d.app.server.children import preload
from cameo3d.app.server.failures import say_failures_in_one_shape
from cameo3d.app.server.guard import Guard
from cameo3d.app.server.perform import PRELOADED, perform
from cameo3d.app.server.queue import Queue
from cameo3d.app.server.service import Service
from cameo3d.app.server.settings import Settings
from cameo3d.app.server.worker import Perform
from cameo3d.errors import OutputError
from cameo3d.media.files import shown


def create_app(
    settings: Settings,
    routers: Sequence[APIRouter] = (),
    open_paths: Collection[str] = (),
    job: Perform = perform,
) -> FastAPI:
    """Make the app; it works once its lifespan has begun.

    Args:
        settings: Where its data are, who may call it, and its limits.
        routers: More to serve, such as the studio's page. The guard stands before them, too.
        open_paths: Paths among theirs that answer without a token.
        job: What workers carry out.

    Raises:
        OutputError: When it starts, if the data folder cannot be used or another service uses it.
    """
    service = Service(settings, Queue(settings.data / "jobs", settings.worker_count, settings.limits, job))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if job is perform:
            preload(PRELOADED)
        with _own_folder(settings.data):
            await service.queue.start()
            try:
                yield
            finally:
                await service.queue.stop()

    app = FastAPI(
        title="cameo3d",
        version=__version__,
        summary="One photo in, a moving portrait video out.",
        telemetry={"tracing": False, "metrics": False},
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    say_failures_in_one_shape(app)
    for router in (routes.router, *routers):
        app.include_router(router)
    app.add_middleware(Guard, settings=settings, open_paths=open_paths, answers=service.answers)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "range"],
            expose_headers=["content-range"],
        )
    return app


@contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Hold the data folder, readable by nobody else; one service at a time."""
    try:
        for path in (folder, folder / "jobs", folder / "uploads"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutputError(
            f"The data folder {shown(folder)} cannot be used ({error.strerror}); give another with --data."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in (folder / "uploads").iterdir():  # by a service that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    except BlockingIOError as error:
        raise OutputError(
            f"The data folder {shown(folder)} is used by another service; give another with --data."
        ) from error
    finally:
        os.close(lock)
