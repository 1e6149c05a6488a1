"""How the service says no: always `{"error": sentence}`."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cameo3d.errors import CameoError

logger = logging.getLogger(__name__)

_PLAIN = {
    404: "There is nothing at this address; /openapi.json lists what there is.",
    405: "This address does not take that method; /openapi.json lists what there is.",
}


class Refusal(HTTPException):
    """A request that is not served: status, one sentence, and headers."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)
        self.sentence = sentence


def failure(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that is not served."""
    return JSONResponse({"error": sentence}, status, headers)


def say_failures_in_one_shape(app: FastAPI) -> None:
    """Let every failure of an app answer with `{"error": sentence}`."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        sentence = error.sentence if isinstance(error, Refusal) else _PLAIN.get(error.status_code)
        return failure(error.status_code, sentence or str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path", "body"))
        return failure(422, f"The value of {where or 'the request'} is not valid: {first['msg']}.")

    @app.exception_handler(CameoError)
    def expected(request: Request, error: CameoError) -> JSONResponse:
        return failure(422, str(error))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        logger.error("The request %s %s failed.", request.method, request.url.path, exc_info=error)
        return failure(500, "The service failed at this request; its log says more.")
