"""What the service answers, version 1."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.responses import MalformedRangeHeader, RangeNotSatisfiable

from cameo3d import __version__
from cameo3d.app.cli.animate import animate
from cameo3d.app.cli.create import create
from cameo3d.app.cli.track import track
from cameo3d.app.server.documentation import (
    ANIMATION_FORM,
    AVATAR_FORM,
    FAILURES,
    FILE,
    STREAM,
    TRACK_FORM,
    Created,
    Health,
    JobView,
    Models,
)
from cameo3d.app.server.failures import Refusal
from cameo3d.app.server.jobs import Job, Kind
from cameo3d.app.server.metrics import exposition
from cameo3d.app.server.models import available_models
from cameo3d.app.server.options import read_options
from cameo3d.app.server.service import Service, service_of
from cameo3d.app.server.uploads import Received, receive

router = APIRouter(prefix="/v1", responses=FAILURES)
TheService = Annotated[Service, Depends(service_of)]

_AVATAR_SECONDS = 20.0
"""So long a caller waits for an avatar; then its id comes at once, and jobs with it wait instead."""
_DRIVERS = ("voice", "video", "motion", "text")
_MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".csv": "text/csv",
    ".avatar": "application/octet-stream",
}


@router.get("/health")
async def health(service: TheService) -> Health:
    """Whether the service is there; the one address that needs no token."""
    return Health(status="ok", version=__version__)


@router.get("/models")
async def models(service: TheService) -> Models:
    """The avatar models, and which sizes of them are ready."""
    return Models(models=await asyncio.to_thread(available_models))


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(service: TheService) -> PlainTextResponse:
    """Figures about the service, for Prometheus."""
    return PlainTextResponse(exposition(service), media_type="text/plain; version=0.0.4")


@router.post("/avatars", status_code=201, openapi_extra=AVATAR_FORM)
async def make_avatar(request: Request, service: TheService, response: Response) -> Created:
    """Make an avatar of one or several photos of one person, or take an avatar file that was made before.

    The answer comes when the avatar is there (201), or, while the service is busy, sooner (202); animations
    may name its id at once in either case. The id is also that of a job, whose result is the avatar file.
    """

    def task(received: Received) -> dict[str, Any]:
        files = received.files
        if ("photo" in files) == ("avatar" in files) or "avatar" in received.texts:
            raise Refusal(
                422,
                "Send one photo or several of one person in the field photo, or an avatar file as avatar.",
            )
        options = read_options(create, received.texts.get("options"))
        source = {"photos": files["photo"]} if "photo" in files else {"avatar": files["avatar"][0]}
        return {**source, "options": options, "out": "result.avatar"}

    job = await _submitted(request, service, "avatar", {"photo", "avatar", "options"}, task)
    deadline = asyncio.get_running_loop().time() + _AVATAR_SECONDS
    async for _ in service.queue.changes(job, every=1.0):
        if await request.is_disconnected():
            await service.queue.remove(job)
            raise Refusal(400, "The caller left.")
        if asyncio.get_running_loop().time() > deadline:
            response.status_code = 202
            return Created(id=job.id)
    if job.state != "done":
        await service.queue.remove(job)
        raise Refusal(422, job.error or "The avatar was cancelled.")
    return Created(id=job.id)


@router.post("/animations", status_code=202, openapi_extra=ANIMATION_FORM)
async def make_animation(request: Request, service: TheService) -> Created:
    """Animate an avatar or a photo with exactly one of a voice, a video, a motion file and a text."""

    def task(received: Received) -> dict[str, Any]:
        files, texts = received.files, received.texts
        if ("photo" in files) + ("avatar" in received.names) != 1:
            raise Refusal(422, "Send either a photo or an avatar: its id from POST /v1/avatars, or the file.")
        drivers = [name for name in _DRIVERS if name in received.names]
        if len(drivers) != 1:
            raise Refusal(422, f"Send exactly one of {', '.join(_DRIVERS)}; {len(drivers)} came.")
        options = read_options(animate, texts.get("options"))
        limit, text = service.settings.limits.text_characters, texts.get("text")
        if text is not None and not 0 < len(text.strip()) <= limit:
            raise Refusal(422, f"The text has {len(text.strip())} characters; send 1 to {limit}.")
        found: dict[str, Any] = {name: names[0] for name, names in files.items() if name != "photo"}
        for name in ("pose", "background"):
            if name in found and name in options:
                raise Refusal(422, f"Send {name} either as an option or as a file.")
        transparent = options.get("background") == "transparent"
        suffix = options.pop("format", None) or ("webm" if transparent else "mp4")
        if transparent and suffix == "mp4":
            raise Refusal(422, "An mp4 cannot be transparent; choose the format webm or mov.")
        if "photo" in files:
            found["photos"] = files["photo"]
        if text is not None:
            found["text"] = text
        return {**found, "options": options, "out": f"result.{suffix}"}

    fields = {"photo", "avatar", *_DRIVERS, "pose", "background", "options"}
    return Created(id=(await _submitted(request, service, "animation", fields, task)).id)


@router.post("/track", status_code=202, openapi_extra=TRACK_FORM)
async def track_video(request: Request, service: TheService) -> Created:
    """Follow the face in a video; the result is a motion file (CSV)."""

    def task(received: Received) -> dict[str, Any]:
        if "video" not in received.files:
            raise Refusal(422, "Send a video in the field video.")
        options = read_options(track, received.texts.get("options"))
        return {"video": received.files["video"][0], "options": options, "out": "result.csv"}

    return Created(id=(await _submitted(request, service, "track", {"video", "options"}, task)).id)


@router.get("/jobs/{id}")
async def job_state(id: str, service: TheService) -> JobView:  # noqa: A002
    """How far a job is."""
    return JobView.of(service.queue.get(id))


@router.get("/jobs/{id}/result", response_class=FileResponse, responses=FILE)
async def job_result(id: str, service: TheService) -> FileResponse:  # noqa: A002
    """The finished file, or the parts of it that a Range header asks for."""
    path = _ended(service.queue.get(id)).result_path
    assert path is not None, "what is done has a result"
    return _file(path)


@router.get("/jobs/{id}/credentials", response_class=FileResponse, responses=FILE)
async def job_credentials(id: str, service: TheService) -> FileResponse:  # noqa: A002
    """The signed credentials of a webm, which cannot hold them itself."""
    path = _ended(service.queue.get(id)).credentials_path
    if path is None:
        raise Refusal(404, "The result holds its credentials itself, or has none.")
    return _file(path)


@router.get("/jobs/{id}/events", response_class=StreamingResponse, responses=STREAM)
async def job_events(id: str, service: TheService) -> StreamingResponse:  # noqa: A002
    """How far a job is, whenever that changes, until it has ended: server-sent events."""
    job = service.queue.get(id)

    async def events() -> AsyncIterator[str]:
        async for _ in service.queue.changes(job):
            yield f"data: {JobView.of(job).model_dump_json()}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@router.delete("/jobs/{id}")
async def remove_job(id: str, service: TheService) -> JobView:  # noqa: A002
    """Cancel a job at once, or remove one that has ended, with its result."""
    job = service.queue.get(id)
    await service.queue.remove(job)
    return JobView.of(job)


async def _submitted(request: Request, service: Service, kind: Kind, fields: set[str], task: Any) -> Job:
    """Read a request into a new folder and put the job into the queue; a refused one leaves nothing."""
    queue, limits = service.queue, service.settings.limits
    client = request.client.host if request.client else ""
    queue.check_room(client)
    folder = queue.new_folder()
    try:
        received = await receive(request, folder, fields)
        details = task(received)
        told = {"kind": kind, "folder": str(folder.absolute()), **details}
        told["limits"] = {"megapixels": limits.megapixels, "seconds": limits.seconds}
        job = Job(folder, kind, client, told, result=details["out"], avatar=received.texts.get("avatar"))
        return await queue.submit(job)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _ended(job: Job) -> Job:
    """The job, if it has a result.

    Raises:
        Refusal: If it has none, or none yet.
    """
    match job.state:
        case "done":
            return job
        case "failed":
            raise Refusal(409, job.error or "The job failed.")
        case "cancelled":
            raise Refusal(410, "The job was cancelled.")
        case _:
            raise Refusal(409, "The job has not ended yet; ask for its state.", {"retry-after": "1"})


class _Parts(FileResponse):
    """A file, whole or in parts; a range that it does not have is told as every other failure is."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except RangeNotSatisfiable:
            there = {"content-range": f"bytes */{file_size}"}
            raise Refusal(416, f"The file has {file_size} bytes and no such range.", there) from None
        except MalformedRangeHeader:
            raise Refusal(400, "The Range header is not valid; write bytes=0-99.") from None


def _file(path: Path) -> FileResponse:
    kind = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    return _Parts(path, media_type=kind, filename=f"cameo3d{path.suffix}", stat_result=path.stat())
