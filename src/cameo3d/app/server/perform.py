"""What the service's jobs do: they run a command of the command line, with files of the job's folder."""

from cameo3d.app.server.worker import Tell


def perform(task: dict, tell: Tell) -> list[str]:
    """Carry out a job."""
    raise NotImplementedError
