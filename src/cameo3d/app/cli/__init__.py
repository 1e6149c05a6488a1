"""The command line, one file a command: parse, call the Python API, show progress, write the file."""

import logging
import os
import signal
import sys
from collections.abc import Sequence

import tyro
from tyro.conf import FlagCreatePairsOff

from cameo3d import __version__
from cameo3d.app.cli.animate import animate
from cameo3d.app.cli.batch import batch
from cameo3d.app.cli.bench import bench
from cameo3d.app.cli.create import create
from cameo3d.app.cli.credentials import credentials
from cameo3d.app.cli.data import data
from cameo3d.app.cli.demo import demo
from cameo3d.app.cli.doctor import doctor
from cameo3d.app.cli.edit import edit
from cameo3d.app.cli.evaluate import evaluate
from cameo3d.app.cli.faces import faces
from cameo3d.app.cli.live import live
from cameo3d.app.cli.mesh import mesh
from cameo3d.app.cli.orbit import orbit
from cameo3d.app.cli.serve import serve
from cameo3d.app.cli.shared import REGISTRY, say
from cameo3d.app.cli.studio import studio
from cameo3d.app.cli.track import track
from cameo3d.app.cli.train import train
from cameo3d.app.cli.verify import verify
from cameo3d.app.cli.weights import weights
from cameo3d.errors import CameoError

COMMANDS = (
    animate,
    track,
    create,
    orbit,
    edit,
    mesh,
    faces,
    demo,
    studio,
    serve,
    live,
    batch,
    verify,
    credentials,
    bench,
    weights,
    evaluate,
    data,
    train,
    doctor,
)
"""As the help lists them."""

app = tyro.extras.SubcommandApp()
for command in COMMANDS:
    app.command(command)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        args: Words after `cameo3d`; by default those of this process. Expected failures show as one line
            and exit with 1, misuse with 2, Ctrl-C with 130.
    """
    words = sys.argv[1:] if args is None else list(args)
    if words == ["--version"]:
        print(f"cameo3d {__version__}")
        return
    _settle()
    try:
        app.cli(
            prog="cameo3d",
            description="One photo in, a moving portrait video out. `--version` tells the version.",
            args=words,
            config=(FlagCreatePairsOff,),
            registry=REGISTRY,
        )
        sys.stdout.flush()
    except CameoError as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        say("Stopped; nothing was written.")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _OneLine(logging.Handler):
    """Says each notice once, though a file may be read several times."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._said:
            self._said.add(text)
            say(text)


def _settle() -> None:
    """Send the library's notices to standard error, keep other libraries quiet, let SIGTERM clean up."""
    logging.basicConfig(level=logging.WARNING, handlers=[_OneLine()])
    if sys.stderr.isatty():
        # Somebody waits, and is told what for.
        logging.getLogger("cameo3d.geometry.compiled").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
