"""The shapes of requests and answers, as the OpenAPI description tells them, with examples."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cameo3d.app.server.jobs import Job, State
from cameo3d.app.server.options import AnimationOptions, AvatarOptions, TrackOptions

_EXAMPLE_ID = "6f1c0c1e5ad94d3c8a5e0d4b8c3f2a17"


class Health(BaseModel):
    """That the service is there."""

    status: Literal["ok"]
    version: str
    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok", "version": "0.1.0"}})


class ModelView(BaseModel):
    """An avatar model."""

    model: str
    sizes: list[str] = Field(description="Sizes that are ready, the default first; none if it has one size.")


class Models(BaseModel):
    """The avatar models."""

    models: list[ModelView]


class Created(BaseModel):
    """What was made."""

    id: str = Field(description="Of the job, or the avatar.", examples=[_EXAMPLE_ID])


class JobView(BaseModel):
    """How far a job is."""

    id: str = Field(examples=[_EXAMPLE_ID])
    kind: Literal["avatar", "animation", "track"]
    state: State
    progress: float = Field(ge=0, le=1)
    seconds_left: float | None = Field(description="An estimate while it runs, else null.")
    error: str | None = Field(description="Why it failed, in one sentence.")
    notices: list[str] = Field(description="What it would have said on the command line.")
    created: float = Field(description="Seconds since 1970.")
    result_bytes: int | None = Field(description="Size of the result, once it is there.")

    @classmethod
    def of(cls, job: Job) -> "JobView":
        """What callers see of a job."""
        path = job.result_path if job.state == "done" else None
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            progress=round(job.progress, 4),
            seconds_left=None if job.seconds_left is None else round(job.seconds_left, 1),
            error=job.error,
            notices=job.notices,
            created=job.created,
            result_bytes=path.stat().st_size if path is not None and path.exists() else None,
        )


class Failure(BaseModel):
    """Why a request was not served."""

    error: str = Field(description="One sentence: what is wrong, and what to do.")


_SAID = {
    400: "Broken or misshapen request.",
    401: "No token, or a wrong one.",
    403: "A page of another origin.",
    404: "There is none of this id.",
    408: "The upload was too slow.",
    409: "There is no result yet, or there will be none.",
    410: "It was cancelled.",
    413: "Too large.",
    415: "Another kind of file.",
    422: "A field or an option is missing or not valid.",
    429: "The queue is full, or you have too many jobs in it.",
}
FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": said} for status, said in _SAID.items()
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file.", "content": {"video/mp4": _BINARY}},
    206: {"description": "The part that Range asks for.", "content": {"video/mp4": _BINARY}},
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Each event's data is a job as JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def _file(told: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary", "description": told}


def _form(
    properties: dict[str, Any], options: type[BaseModel], required: list[str], *examples: dict
) -> dict[str, Any]:
    """A multipart body. Examples name files where files belong; tests send them."""
    text = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": options.model_json_schema(),
        "description": "Options of the command line, as a JSON object.",
    }
    schema = {"type": "object", "properties": {**properties, "options": text}, "additionalProperties": False}
    if required:
        schema["required"] = required
    shown = {
        f"example {number}": {
            "value": {k: json.dumps(v) if isinstance(v, dict) else v for k, v in example.items()}
        }
        for number, example in enumerate(examples, 1)
    }
    content = {"multipart/form-data": {"schema": schema, "examples": shown}}
    return {"requestBody": {"required": True, "content": content}}


_PHOTOS = {"type": "array", "items": _file("A photo of the person."), "maxItems": 8}
AVATAR_FORM = _form(
    {"photo": _PHOTOS, "avatar": _file("An .avatar file, instead of photos.")},
    AvatarOptions,
    [],
    {"photo": ["me.png"], "options": {"face": 0}},
)
ANIMATION_FORM = _form(
    {
        "photo": _PHOTOS,
        "avatar": {"type": "string", "description": "Id of an avatar; or an .avatar file."},
        "voice": _file("Speech to say: a sound file, or a video of which only the sound is taken."),
        "video": _file("Video whose expression, pose and sound are taken."),
        "motion": _file("Motion file whose expression and pose are taken."),
        "text": {"type": "string", "description": "English text to say, in a computer's voice."},
        "pose": _file("Video or motion file that head pose and gaze come from."),
        "background": _file("Picture behind the person."),
    },
    AnimationOptions,
    [],
    {"photo": ["me.png"], "motion": "motion.csv", "options": {"background": "#203040"}},
    {"avatar": _EXAMPLE_ID, "voice": "speech.wav", "options": {"seed": 2, "mouth_amplitude": 0.8}},
    {"photo": ["me.png"], "text": "Hello there."},
)
TRACK_FORM = _form(
    {"video": _file("Video with one person.")}, TrackOptions, ["video"], {"video": "driver.mp4"}
)
