"""Animate a portrait through a running `cameo3d serve`.

cameo3d serve --token SECRET --data service &
CAMEO3D_TOKEN=SECRET python examples/service_client.py me.jpg speech.wav me.mp4
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests


class ServiceError(Exception):
    """What the service says is wrong, in one sentence."""


class Client:
    """A caller of the service."""

    def __init__(self, url: str = "http://127.0.0.1:7860", token: str | None = None) -> None:
        self._url = f"{url}/v1"
        self._session = requests.Session()
        if token:
            self._session.headers["authorization"] = f"Bearer {token}"

    def models(self) -> list[dict[str, Any]]:
        """The avatar models."""
        return self._call("get", "models").json()["models"]

    def make_avatar(self, *photos: str | Path, **options: Any) -> str:
        """Make an avatar of one or several photos of one person; returns its id."""
        return self._send("avatars", [("photo", photo) for photo in photos], {}, options)

    def animate(
        self,
        photo: str | Path | None = None,
        *,
        avatar: str | None = None,
        text: str | None = None,
        files: dict[str, str | Path] | None = None,
        **options: Any,
    ) -> str:
        """Begin an animation; returns the job's id.

        Args:
            photo: The photo; or give an avatar.
            avatar: Id of an avatar.
            text: What the person says; or give one of the files below.
            files: `voice`, `video` or `motion`, and if wanted `pose` and `background`, each a file.
            options: Options of `cameo3d animate`, such as `seed=2`.
        """
        parts = list((files or {}).items()) + ([("photo", photo)] if photo else [])
        fields = {name: value for name, value in (("avatar", avatar), ("text", text)) if value}
        return self._send("animations", parts, fields, options)

    def track(self, video: str | Path, **options: Any) -> str:
        """Begin to follow the face in a video; returns the job's id."""
        return self._send("track", [("video", video)], {}, options)

    def state(self, job: str) -> dict[str, Any]:
        """How far a job is."""
        return self._call("get", f"jobs/{job}").json()

    def events(self, job: str) -> Iterator[dict[str, Any]]:
        """How far a job is, whenever that changes, until it has ended."""
        with self._call("get", f"jobs/{job}/events", stream=True) as answer:
            for line in answer.iter_lines():
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])

    def save(self, job: str, path: str | Path) -> Path:
        """Wait for a job and write its result; nothing is left half written.

        Raises:
            ServiceError: If the job fails.
        """
        for state in self.events(job):
            if sys.stderr.isatty():
                print(f"\r{state['state']} {state['progress']:4.0%}", end="", file=sys.stderr)
        path = Path(path)
        half = path.with_name(f".{path.name}.part")
        try:
            with self._call("get", f"jobs/{job}/result", stream=True) as answer, half.open("wb") as file:
                for piece in answer.iter_content(1 << 16):
                    file.write(piece)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
        return path

    def remove(self, job: str) -> None:
        """Cancel a job, or remove one that has ended with its result."""
        self._call("delete", f"jobs/{job}")

    def _send(
        self, path: str, parts: list[tuple[str, str | Path]], fields: dict[str, str], options: dict[str, Any]
    ) -> str:
        opened = [(name, Path(file).open("rb")) for name, file in parts]  # noqa: SIM115  # closed below
        try:
            texts = {**fields, "options": json.dumps(options)}
            files = [(name, file) for name, file in opened] or [("options", (None, texts.pop("options")))]
            return self._call("post", path, data=texts, files=files).json()["id"]
        finally:
            for _, file in opened:
                file.close()

    def _call(self, method: str, path: str, **request: Any) -> requests.Response:
        answer = self._session.request(method, f"{self._url}/{path}", timeout=300, **request)
        if answer.status_code >= 400:
            raise ServiceError(answer.json()["error"])
        return answer


def main() -> None:
    photo, voice, out = sys.argv[1:]
    client = Client(os.environ.get("CAMEO3D_URL", "http://127.0.0.1:7860"), os.environ.get("CAMEO3D_TOKEN"))
    job = client.animate(photo, files={"voice": voice}, seed=2)
    print(client.save(job, out))
    client.remove(job)


if __name__ == "__main__":
    main()
