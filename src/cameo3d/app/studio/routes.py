"""The studio's page, and what only the page asks for; service and live connection give it the rest."""

import asyncio
import json
import secrets
import shutil
from importlib import resources
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from cameo3d.app.server.children import Child, ChildGone, follow_parent
from cameo3d.app.server.failures import Refusal
from cameo3d.app.server.options import AnimationOptions
from cameo3d.app.server.service import Service, service_of
from cameo3d.app.server.uploads import receive
from cameo3d.errors import CameoError

router = APIRouter()
TheService = Annotated[Service, Depends(service_of)]

PAGE = {
    "/": "index.html",
    "/studio.css": "studio.css",
    "/studio.js": "studio.js",
    "/live.js": "live.js",
    "/tap.js": "tap.js",
}
"""Addresses of the page's files."""
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}
_EXAMPLES = {
    "photo": ("skimage", "data/astronaut.png", "image/png"),
    "voice": ("cameo3d", "assets/demo_voice.flac", "audio/flac"),
    "motion": ("cameo3d", "assets/demo_motion.csv", "text/csv"),
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}
_VERIFY_SECONDS = 120.0


async def page(request: Request) -> Response:
    """A file of the page."""
    name = PAGE[request.url.path]
    data = resources.files("cameo3d").joinpath("app", "studio", "page", name).read_bytes()
    return Response(data, media_type=_TYPES[Path(name).suffix], headers=_HEADERS)


for _path in PAGE:
    router.add_api_route(_path, page, include_in_schema=False)


@router.get("/studio/options", include_in_schema=False)
async def options() -> JSONResponse:
    """The options of an animation, from which the page builds its controls, so that new ones appear."""
    return JSONResponse(AnimationOptions.model_json_schema()["properties"])


@router.get("/studio/examples/{name}", include_in_schema=False)
async def example(name: str) -> Response:
    """A photo, a voice and a motion to begin with."""
    if name not in _EXAMPLES:
        raise Refusal(404, f"There is no such example; there are {', '.join(_EXAMPLES)}.")
    package, file, kind = _EXAMPLES[name]
    return Response(resources.files(package).joinpath(*file.split("/")).read_bytes(), media_type=kind)


@router.post("/studio/verify", include_in_schema=False)
async def verify(request: Request, service: TheService) -> JSONResponse:
    """Whether a file says that it is generated; it is read in a process of its own."""
    folder = service.settings.data / "uploads" / secrets.token_hex(16)
    folder.mkdir(mode=0o700)
    try:
        received = await receive(request, folder, {"photo", "video"})
        names = [name for found in received.files.values() for name in found]
        if len(names) != 1:
            raise Refusal(422, "Send one picture in the field photo, or one video in the field video.")
        child = await Child.start(verify_file, str(folder / names[0]))
        try:
            async with asyncio.timeout(_VERIFY_SECONDS):
                found = await child.receive_json()
        except ChildGone:
            raise Refusal(422, "The file could not be read; it broke the program that reads it.") from None
        except TimeoutError:
            raise Refusal(422, "The file takes more than two minutes to read; give a shorter one.") from None
        finally:
            await child.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if "error" in found:
        raise Refusal(422, found["error"])
    return JSONResponse(found)


def verify_file(connection: Connection, path: str) -> None:
    """What the child does."""
    follow_parent(connection)
    from cameo3d.provenance.verifying import verify as look

    found: dict[str, Any]
    try:
        verdict = look(Path(path))
        found = {"found": verdict.found, "lines": verdict.lines()[1:], "facts": verdict.facts()}
    except CameoError as error:
        found = {"error": str(error)}
    connection.send_bytes(json.dumps(found).encode())
