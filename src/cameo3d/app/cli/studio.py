"""`cameo3d studio`: the page in the browser."""

from cameo3d.app.server.settings import Settings
from cameo3d.errors import InputError


def studio(port: int = 7860, browser: bool = True) -> None:
    """Open the studio: a page in your browser, served by this machine to this machine only.

    Photos, voices and videos stay here; their files are removed when the page is closed or this command ends.

    Args:
        port: Port to listen at; 0 takes a free one.
        browser: Open the page in the browser.
    """
    import tempfile
    from pathlib import Path

    try:
        from cameo3d.app.server.app import create_app
        from cameo3d.app.server.live import router as live
        from cameo3d.app.server.running import run
        from cameo3d.app.studio.opening import open_when_ready
        from cameo3d.app.studio.routes import router as page
    except ModuleNotFoundError as error:
        raise InputError(
            f"The studio needs {error.name}, which is not installed; run pip install 'cameo3d[studio]'."
        ) from error
    with tempfile.TemporaryDirectory(prefix="cameo3d-studio-") as folder:
        settings = Settings(Path(folder), port=port)
        if browser:
            open_when_ready(settings.port)
        run(create_app(settings, [page, live]), settings)
