"""`cameo3d serve`: the avatar as an HTTP service."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from cameo3d.app.server.settings import Limits, Settings
from cameo3d.errors import InputError

LimitFlags = Annotated[Limits, arg(name="")]
_DEFAULT = Limits()


def serve(
    data: Annotated[Path, arg(metavar="FOLDER")] = Path("cameo3d-data"),
    port: int = 7860,
    host: str = "127.0.0.1",
    token: str | None = None,
    workers: int = 0,
    origins: tuple[str, ...] = (),
    limits: LimitFlags = _DEFAULT,
) -> None:
    """Serve avatars over HTTP, for programs; docs/service.md describes the interface.

    Args:
        data: Folder for jobs and results; nobody else may read it, and one service may use it at a time.
        port: Port to listen at; 0 takes a free one. The address is printed once the service is ready.
        host: Address to listen at. Other machines reach it only if this is no loopback address, and then it
            needs a token.
        token: What callers send as `Authorization: Bearer TOKEN`; by default $CAMEO3D_TOKEN, if that is set.
        workers: Jobs that run at a time, each in its own process; 0 means one for every two cores.
        origins: Web origins whose pages may call the service, such as https://app.example; none by default.
        limits: How much it takes on.
    """
    import os

    token = token or os.environ.get("CAMEO3D_TOKEN") or None
    settings = Settings(data, host, port, token, workers, origins, limits)
    try:
        from cameo3d.app.server.app import create_app
        from cameo3d.app.server.running import run
    except ModuleNotFoundError as error:
        raise InputError(
            f"The service needs {error.name}, which is not installed; run pip install 'cameo3d[studio]'."
        ) from error
    run(create_app(settings), settings)
