"""Requests with files: a multipart form to files of a job's folder, under names of ours."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from cameo3d.app.server.failures import Refusal
from cameo3d.app.server.kinds import FileKind, kind_of, unread


@dataclass(frozen=True)
class Part:
    """A field of a request."""

    kinds: tuple[FileKind, ...] = ()
    """Files that it may be; none if it is text."""
    most: int = 1
    """How often it may come."""
    advice: str = ""
    """What to send, if something else came."""


_FILMS = "send MP4, MOV or WebM"
FIELDS: Mapping[str, Part] = {
    "photo": Part(("picture",), 8, "send JPEG, PNG or WebP"),
    "avatar": Part(("avatar",), 1, "send the id of POST /v1/avatars, or an .avatar file"),
    "voice": Part(("film or sound",), 1, "send WAV, MP3, FLAC, Ogg, M4A or a video"),
    "video": Part(("film or sound",), 1, _FILMS),
    "motion": Part(("motion",), 1, "send a motion file (CSV)"),
    "pose": Part(("film or sound", "motion"), 1, "send a video or a motion file (CSV)"),
    "background": Part(("picture",), 1, "send JPEG, PNG or WebP"),
    "text": Part(),
    "options": Part(),
}
"""Every field of every request."""
_SUFFIXES: Mapping[FileKind, str] = {
    "picture": "",
    "film or sound": "",
    "avatar": ".avatar",
    "motion": ".csv",
}


@dataclass(frozen=True)
class Received:
    """What a request brought: files that lie in a folder, and texts."""

    files: Mapping[str, list[str]]
    """Names of files in the folder, by field."""
    texts: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        """The fields that came."""
        return {*self.files, *self.texts}


async def receive(request: Request, folder: Path, allowed: set[str]) -> Received:
    """Read a multipart request into a folder.

    Args:
        request: The request.
        folder: Where files go.
        allowed: Fields that it may have.

    Raises:
        Refusal: If it is no such form, has other fields, or files that are not what their field takes.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refusal(415, "Send the fields as multipart/form-data.")
    try:
        form = await request.form(max_files=16, max_fields=16, max_part_size=1 << 20)
    except ClientDisconnect:
        raise Refusal(400, "The upload broke off.") from None
    files: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    try:
        for name, value in form.multi_items():
            if name not in allowed:
                known = ", ".join(field for field in FIELDS if field in allowed)
                raise Refusal(422, f"There is no such field here; there are {known}.")
            part = FIELDS[name]
            if len(files.get(name, ())) + (name in texts) >= part.most:
                raise Refusal(422, f"The field {name} came more than {_times(part.most)}.")
            if not isinstance(value, UploadFile):
                if part.kinds and name != "avatar":
                    raise Refusal(422, f"The field {name} came without a file; {part.advice}.")
                texts[name] = value
            elif not part.kinds:
                texts[name] = await _text(name, value)
            else:
                files.setdefault(name, []).append(await _stored(name, value, folder, files))
    finally:
        await form.close()
    return Received(files, texts)


async def _text(name: str, upload: UploadFile) -> str:
    try:
        return (await upload.read(1 << 20)).decode()
    except UnicodeDecodeError:
        raise Refusal(422, f"The field {name} is not UTF-8 text.") from None


async def _stored(name: str, upload: UploadFile, folder: Path, files: Mapping[str, Any]) -> str:
    """Keep a file under a name of ours, once its content is what the field takes."""
    part, raw = FIELDS[name], folder / "upload"
    await asyncio.to_thread(_copy, upload, raw)
    if raw.stat().st_size == 0:
        raise Refusal(422, f"The field {name} is an empty file; {part.advice}.")
    kind = kind_of(raw)
    if kind is None or kind not in part.kinds:
        raise Refusal(415, f"The field {name} holds another kind of file{unread(raw)}; {part.advice}.")
    number = len(files.get(name, ())) + 1
    stored = f"{name}{number if part.most > 1 else ''}{_SUFFIXES[kind]}"
    raw.rename(folder / stored)
    return stored


def _copy(upload: UploadFile, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)


def _times(most: int) -> str:
    return "once" if most == 1 else f"{most} times"
